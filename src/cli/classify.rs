//! `undertone classify`: what the classifier says of a text, or of each line of a stream.

use std::{
    io::{self, Read, Write},
    num::NonZeroUsize,
};

use anstyle::{AnsiColor, Color, Style};
use clap::Args;
use serde::Serialize;

use super::model_args::ModelArgs;
use crate::sentiment::{Classifier, Emotion, Emotions, Polarity, Sentiment};

/// Text read at once: enough lines that all workers are busy, little enough to hold.
const CHUNK_BYTES: usize = 1 << 20;
const BAR: u8 = 20;

/// Shows the sentiment of a turn, and how much empathy it calls for.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// The turn; without it, one turn a line is read from standard input
    pub text: Option<String>,

    /// One JSON object a turn
    #[arg(long)]
    pub json: bool,

    /// Which model runs, and on what.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Runs `undertone classify`.
///
/// # Errors
///
/// The classifier cannot be built or fails, or standard input or output does. A reader of our output that has had
/// enough (`| head`) is no error.
pub fn run(args: ClassifyArgs) -> anyhow::Result<()> {
    let ClassifyArgs { text, json, mut model } = args;
    if text.is_some() {
        // One turn keeps one worker busy; the others would only take time to start.
        model.workers = Some(NonZeroUsize::MIN);
    }
    let classifier = model.classifier()?;
    let mut out = Printer { out: anstream::stdout().lock(), json };
    let result = match text {
        Some(text) => out.print(&[text.as_str()], &[classifier.classify(&text)?]),
        None => stream(&classifier, io::stdin().lock(), |turns, sentiments| out.print(turns, sentiments)),
    };
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

/// Hands each line of `input` to `print`, in order, in chunks of what is there: a slow pipe is answered line by line, a
/// file by the megabyte. Holds one chunk and the longest line.
fn stream(
    classifier: &Classifier,
    mut input: impl Read,
    mut print: impl FnMut(&[&str], &[Sentiment]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut lines = Vec::new();
    loop {
        let read = match input.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let (new, _) = buffer.split_at(read);
        // What follows the last line feed waits for its own; at the end of the input it is a line.
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |n| n + 1);
        if whole == 0 && read > 0 {
            lines.extend_from_slice(new);
            continue;
        }
        let (new, rest) = new.split_at(whole);
        lines.extend_from_slice(new);
        let text = String::from_utf8_lossy(&lines);
        let turns: Vec<&str> = text.lines().collect();
        if !turns.is_empty() {
            print(&turns, &classifier.classify_batch(&turns)?)?;
        }
        if read == 0 {
            return Ok(());
        }
        lines = rest.to_vec();
    }
}

/// How much empathy the turn calls for, 0 to 1.
fn weight(sentiment: &Sentiment) -> f32 {
    sentiment.affect
}

struct Printer<W> {
    out: W,
    json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    weight: f32,
    affect: f32,
    valence: f32,
    polarity: Polarity,
    emotion: Emotion,
    emotions: Emotions,
}

impl<W: Write> Printer<W> {
    fn print(&mut self, turns: &[&str], sentiments: &[Sentiment]) -> anyhow::Result<()> {
        let mut page = Vec::new();
        for (turn, sentiment) in turns.iter().zip(sentiments) {
            if self.json {
                let Sentiment { polarity, valence, affect, emotions } = *sentiment;
                let (weight, emotion) = (weight(sentiment), sentiment.emotion());
                let line = Line { text: turn, weight, affect, valence, polarity, emotion, emotions };
                serde_json::to_writer(&mut page, &line)?;
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
    let weight = weight(sentiment);
    let bar = bar(weight);
    let emotion = sentiment.emotion();
    // A turn is somebody else's text: line feeds would break the table, escapes could steer the terminal.
    let turn = turn.replace(char::is_control, " ");
    writeln!(page, "{weight:.2} {style}{bar}{style:#} {emotion:<14} {style}{polarity:<8}{style:#} {turn}")
}

fn bar(weight: f32) -> String {
    (0..BAR).map(|n| if f32::from(n) + 0.5 <= weight * f32::from(BAR) { '█' } else { '·' }).collect()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
