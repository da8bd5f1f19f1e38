//! What the demo shows: one exchange after the other, for a terminal of 80 columns.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use anstyle::{AnsiColor, Style};

use super::{Ask, Turn, client::Reply};

const WIDTH: usize = 78;
const LABEL: usize = 12;
const BAR: u8 = 24;

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ACCENT: Style = AnsiColor::Cyan.on_default();
const CUT: Style = Style::new().dimmed().strikethrough();
const ADDED: Style = AnsiColor::Green.on_default().bold();

/// Writes the page; colours are for the writer to keep or drop.
#[derive(Debug)]
pub(super) struct Page<W>(W);

impl<W: Write> Page<W> {
    pub(super) fn new(out: W) -> Self {
        Self(out)
    }

    pub(super) fn title(&mut self, engine: &str) -> io::Result<()> {
        writeln!(self.0, "\n  {BOLD}undertone{BOLD:#} {DIM}in front of a sample order desk{DIM:#}")?;
        writeln!(self.0, "  {DIM}classifying with {engine}{DIM:#}\n")
    }

    /// One turn: how much it weighs, what was done, and the reply without undertone and with it.
    pub(super) fn exchange(&mut self, turn: Turn, before: &Reply, after: &Reply) -> io::Result<()> {
        let how = match turn.ask {
            Ask::Plain => "",
            Ask::Streamed => " (streamed)",
            Ask::Json => " (as JSON)",
        };
        self.row("customer", &[(BOLD, turn.text), (DIM, how)])?;
        let header = after.undertone.as_deref().unwrap_or_default();
        self.weight(header)?;
        let reason = parameter(header, "reason").map(|reason| format!(" ({reason})")).unwrap_or_default();
        let did = match header.split([',', ';']).next() {
            Some("prepend") => "speaks first",
            // The head of a stream goes out before the bot's opener is there.
            _ if before.text != after.text => "tones the bot's opener down",
            _ => "stays silent",
        };
        self.row("undertone", &[(PLAIN, did), (DIM, &reason)])?;
        if before.text == after.text {
            self.row("reply", &[(PLAIN, &before.text), (DIM, " (unchanged)")])?;
        } else {
            let (start, added, end) = difference(&before.text, &after.text);
            let cut = before.text.get(start.len()..before.text.len() - end.len()).unwrap_or_default();
            self.row("before", &[(DIM, start), (CUT, cut), (DIM, end)])?;
            self.row("after", &[(PLAIN, start), (ADDED, added), (PLAIN, end)])?;
        }
        writeln!(self.0)
    }

    fn weight(&mut self, header: &str) -> io::Result<()> {
        let Some(weight) = parameter(header, "weight").and_then(|weight| weight.parse::<f32>().ok()) else {
            return Ok(());
        };
        let (full, empty): (Vec<_>, Vec<_>) = (0..BAR).partition(|n| f32::from(*n) + 0.5 <= weight * f32::from(BAR));
        let (full, empty) = ("█".repeat(full.len()), "·".repeat(empty.len()));
        let emotion = parameter(header, "emotion").unwrap_or_default();
        self.row("weight", &[(ACCENT, &full), (DIM, &empty), (PLAIN, &format!(" {weight:.2} {emotion}"))])
    }

    pub(super) fn invitation(&mut self, undertone: SocketAddr) -> io::Result<()> {
        writeln!(self.0, "  {BOLD}Now you{BOLD:#}\n")?;
        writeln!(self.0, "curl http://{undertone}/v1/chat/completions \\")?;
        writeln!(self.0, "  -H 'content-type: application/json' \\")?;
        writeln!(self.0, r#"  -d '{{"messages":[{{"role":"user","content":"Late AGAIN. I am so angry."}}]}}'"#)?;
        writeln!(self.0, "\n  {DIM}\"stream\":true streams the reply, -i shows what undertone says of itself.{DIM:#}")?;
        writeln!(self.0, "  {DIM}Ctrl-C ends the demo.{DIM:#}")?;
        self.0.flush()
    }

    /// A label and running text that keeps to its own column.
    fn row(&mut self, label: &str, text: &[(Style, &str)]) -> io::Result<()> {
        write!(self.0, "  {DIM}{label:<LABEL$}{DIM:#}", LABEL = LABEL - 2)?;
        let mut column = LABEL;
        for (style, text) in text {
            for word in text.split_inclusive(' ') {
                let length = word.trim_end().chars().count();
                if column > LABEL && column + length > WIDTH {
                    write!(self.0, "\n{:LABEL$}", "")?;
                    column = LABEL;
                }
                write!(self.0, "{style}{word}{style:#}")?;
                column += word.chars().count();
            }
        }
        writeln!(self.0)
    }
}

/// The value of a parameter in the `undertone` field.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = header.split([';', ',']).filter_map(|part| part.trim().split_once('='));
    parameters.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
}

/// Splits `after` into what it begins with as `before` does, what is new, and what it ends with as `before` does.
///
/// The end goes first, since undertone speaks first: the letters that its sentence happens to share with the bot's
/// first one are not the bot's.
fn difference<'a>(before: &str, after: &'a str) -> (&'a str, &'a str, &'a str) {
    let same = |(a, b): &(char, char)| a == b;
    let end: usize = before.chars().rev().zip(after.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let rest = before.len().min(after.len()) - end;
    let start: usize = before
        .chars()
        .zip(after.chars())
        .take_while(same)
        .map(|(c, _)| c.len_utf8())
        .scan(0, |sum, length| {
            *sum += length;
            (*sum <= rest).then_some(length)
        })
        .sum();
    let (head, tail) = after.split_at(after.len() - end);
    let (head, added) = head.split_at(start);
    (head, added, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(write: impl FnOnce(&mut Page<anstream::StripStream<Vec<u8>>>) -> io::Result<()>) -> String {
        let mut page = Page::new(anstream::StripStream::new(Vec::new()));
        write(&mut page).unwrap();
        String::from_utf8(page.0.into_inner()).unwrap()
    }

    #[test]
    fn what_was_added_is_found_though_it_begins_like_the_reply() {
        assert_eq!(difference("I moved it.", "I see. I moved it."), ("", "I see. ", "I moved it."));
        assert_eq!(difference("Great!! It is there.", "It is there."), ("", "", "It is there."));
        assert_eq!(difference("a", "a"), ("", "", "a"));
        assert_eq!(difference("é one", "é two"), ("é ", "two", ""));
    }

    #[test]
    fn an_exchange_fits_80_columns_and_shows_the_weight() {
        let before = Reply { text: "word ".repeat(40), undertone: None };
        let after = Reply {
            text: format!("That is a long wait. {}", before.text),
            undertone: Some("prepend, weight=0.5, emotion=anger".to_owned()),
        };
        let shown = plain(|page| page.exchange(Turn::plain("Where?"), &before, &after));
        assert!(shown.lines().all(|line| line.trim_end().chars().count() <= 80), "{shown}");
        assert!(shown.contains(&format!("{}{} 0.50 anger", "█".repeat(12), "·".repeat(12))), "{shown}");
    }

    #[test]
    fn an_opener_that_is_toned_down_is_said_to_be() {
        let before = Reply { text: "Great question! On Monday.".to_owned(), undertone: None };
        let after = Reply {
            text: "On Monday.".to_owned(),
            undertone: Some("soften, reason=below-floor, weight=0.02, emotion=none".to_owned()),
        };
        let shown = plain(|page| page.exchange(Turn::plain("When?"), &before, &after));
        assert!(shown.contains("tones the bot's opener down"), "{shown}");
        assert!(
            shown.contains("before    Great question! On Monday.") && shown.contains("after     On Monday."),
            "{shown}"
        );
    }

    #[test]
    fn an_unchanged_reply_is_shown_once() {
        let reply = || Reply {
            text: "On Monday.".to_owned(),
            undertone: Some("none, reason=below-floor, weight=0.02, emotion=none".to_owned()),
        };
        let shown = plain(|page| page.exchange(Turn::plain("When?"), &reply(), &reply()));
        assert_eq!(shown.matches("On Monday.").count(), 1, "{shown}");
    }
}
