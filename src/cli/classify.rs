//! `undertone classify`: what the classifier says of a text, or of each line of a stream.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
};

use anstyle::{AnsiColor, Color, Style};
use clap::Args;
use serde::Serialize;

use super::{lines, logging};
use crate::{
    empathy::Weight,
    sentiment::{Embedding, Emotion, Emotions, Polarity, Sentiment, Target, Targets},
    settings::Model,
};

/// Cells of the bar at full weight.
const BAR: u8 = 20;

/// See what the model hears in a turn: its weight, a bar of it, the feeling and the polarity
#[derive(Debug, Args)]
pub(super) struct ClassifyArgs {
    /// The turn; without it, one turn a line is read from standard input
    text: Option<String>,

    /// One JSON object a turn
    #[arg(long)]
    json: bool,

    /// With --json, also the 96 numbers that say where the turn lies in meaning
    #[arg(long, requires = "json")]
    embedding: bool,

    /// Which model runs, and on what.
    #[command(flatten)]
    model: Model,
}

/// Runs `undertone classify`.
///
/// # Errors
///
/// The classifier cannot be built or fails, or standard input or output does.
pub(super) fn run(args: ClassifyArgs) -> anyhow::Result<()> {
    logging::start("warn");
    let ClassifyArgs { text, json, embedding, mut model } = args;
    if text.is_some() {
        // One turn keeps one worker busy; the others would only take time to start.
        model.workers = Some(NonZeroUsize::MIN);
    }
    let classifier = model.classifier()?;
    let mut out = Printer { out: anstream::stdout().lock(), json, embedding };
    match text {
        Some(text) => out.print(&[text.as_str()], &[classifier.classify(&text)?]),
        None => lines::in_chunks(io::stdin().lock(), |turns| out.print(turns, &classifier.classify_batch(turns)?)),
    }
}

struct Printer<W> {
    out: W,
    json: bool,
    embedding: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    weight: Weight,
    affect: f32,
    valence: f32,
    polarity: Polarity,
    emotion: Emotion,
    emotions: Emotions,
    target: Target,
    targets: Targets,
    danger: Option<f32>,
    /// Present where it is asked for; `null` for a turn without words.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Option<&'a [f32]>>,
}

impl<'a> Line<'a> {
    fn new(text: &'a str, sentiment: &'a Sentiment, with_embedding: bool) -> Self {
        let Sentiment { polarity, valence, affect, emotions, targets, danger, ref embedding, .. } = *sentiment;
        Self {
            text,
            weight: Weight::of(sentiment),
            affect,
            valence,
            polarity,
            emotion: sentiment.emotion(),
            emotions,
            target: sentiment.target(),
            targets,
            danger,
            embedding: with_embedding.then(|| embedding.as_ref().map(Embedding::as_slice)),
        }
    }
}

impl<W: Write> Printer<W> {
    fn print(&mut self, turns: &[&str], sentiments: &[Sentiment]) -> anyhow::Result<()> {
        let mut page = Vec::new();
        for (turn, sentiment) in turns.iter().zip(sentiments) {
            if self.json {
                serde_json::to_writer(&mut page, &Line::new(turn, sentiment, self.embedding))?;
                page.push(b'\n');
            } else {
                describe(&mut page, turn, sentiment)?;
            }
        }
        self.out.write_all(&page)?;
        Ok(self.out.flush()?)
    }
}

/// Weight, its bar, the likeliest feeling and the polarity, then the turn: a table, line under line.
fn describe(page: &mut impl Write, turn: &str, sentiment: &Sentiment) -> io::Result<()> {
    let Polarity { negative, neutral, positive } = sentiment.polarity;
    let (polarity, colour) = if neutral >= negative.max(positive) {
        ("neutral", None)
    } else if negative > positive {
        ("negative", Some(AnsiColor::Red))
    } else {
        ("positive", Some(AnsiColor::Green))
    };
    let style = Style::new().fg_color(colour.map(Color::Ansi));
    let weight = Weight::of(sentiment);
    let bar = bar(weight);
    let emotion = sentiment.emotion();
    // A turn is somebody else's text: line feeds would break the table, escapes could steer the terminal.
    let turn = turn.replace(char::is_control, " ");
    writeln!(page, "{weight} {style}{bar}{style:#} {emotion:<14} {style}{polarity:<8}{style:#} {turn}")
}

fn bar(weight: Weight) -> String {
    (0..BAR).map(|n| if f32::from(n) + 0.5 <= weight.get() * f32::from(BAR) { '█' } else { '·' }).collect()
}
