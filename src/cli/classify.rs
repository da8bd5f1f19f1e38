//! `undertone classify`: what the classifier says of a text, or of each line of a stream.

use std::{
    io::{self, Read, Write},
    num::NonZeroUsize,
};

use anstyle::{AnsiColor, Color, Style};
use clap::Args;
use serde::Serialize;

use super::model_args::ModelArgs;
use crate::sentiment::{Emotion, Emotions, Polarity, Sentiment};

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
        None => by_lines(io::stdin().lock(), |turns| out.print(turns, &classifier.classify_batch(turns)?)),
    };
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

/// Hands the lines of `input` to `take`, in order, in chunks of what is there: a slow pipe is answered line by line, a
/// file by the megabyte. Holds one chunk and the longest line.
fn by_lines(mut input: impl Read, mut take: impl FnMut(&[&str]) -> anyhow::Result<()>) -> anyhow::Result<()> {
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
            take(&turns)?;
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A pipe that gives one piece a read.
    struct Pieces(VecDeque<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.pop_front() else { return Ok(0) };
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn chunks<const N: usize>(pieces: [&'static [u8]; N]) -> Vec<Vec<String>> {
        let mut chunks = Vec::new();
        by_lines(Pieces(pieces.into()), |turns| {
            chunks.push(turns.iter().map(|turn| (*turn).to_owned()).collect());
            Ok(())
        })
        .unwrap();
        chunks
    }

    #[test]
    fn every_line_is_a_turn_however_it_ends() {
        let lines = chunks([b"one\r\n\r\n\ntwo\nbad \xff byte\nlast"]).concat();
        assert_eq!(lines, ["one", "", "", "two", "bad \u{fffd} byte", "last"]);
        assert!(chunks([]).is_empty());
        assert_eq!(chunks([b"\n"]).concat(), [""]);
    }

    #[test]
    fn lines_are_answered_as_they_come_and_never_in_halves() {
        let found = chunks([b"one\n", b"tw", b"o\nth", b"r\xc3", b"\xa9e\nfour"]);
        assert_eq!(found, [vec!["one"], vec!["two"], vec!["thr\u{e9}e"], vec!["four"]]);
    }

    #[test]
    fn a_reader_that_has_had_enough_is_no_error_and_others_are() {
        assert!(is_broken_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::StorageFull).into()));
    }

    #[test]
    fn the_bar_fills_with_the_weight() {
        for (weight, full) in [(0.0, 0), (0.5, 10), (1.0, 20), (7.0, 20), (f32::NAN, 0)] {
            assert_eq!(bar(weight).chars().filter(|c| *c == '█').count(), full, "{weight}");
        }
    }

    #[test]
    fn json_is_one_object_a_line_and_text_stays_on_its_line() {
        let (mut json, mut table) = (Vec::new(), Vec::new());
        let turn = ["a\n\u{1b}[2Jb"];
        Printer { out: &mut json, json: true }.print(&turn, &[Sentiment::default()]).unwrap();
        Printer { out: &mut table, json: false }.print(&turn, &[Sentiment::default()]).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!((&line["text"], &line["emotion"]), (&turn[0].into(), &"none".into()));
        assert_eq!(json.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(String::from_utf8(table).unwrap().ends_with("a  [2Jb\n"));
    }
}
