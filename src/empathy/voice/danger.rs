//! Whether a turn speaks of danger to life and limb: then nothing is said in front of the reply.
//!
//! The patterns are data (`en/danger.toml`). They read what the words say, not how much feeling they express; a
//! classifier that tells danger by itself can close the same gate beside them.

use regex::bytes::Regex;
use serde::Deserialize;

use super::patterns::{Patterns, any};

/// The patterns that tell danger, compiled.
#[derive(Debug)]
pub(in crate::empathy) struct Danger {
    figurative: Regex,
    subject: Regex,
    /// Figures of speech, danger itself, and what mentions it.
    all: Patterns<3>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    figurative: Vec<String>,
    subject: Vec<String>,
    mention: Vec<String>,
    self_harm: Vec<String>,
    violence: Vec<String>,
    medical: Vec<String>,
}

impl Danger {
    /// The patterns that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
        let lists: Lists = toml::from_str(include_str!("en/danger.toml")).expect("the built-in patterns are valid");
        let Lists { figurative, subject, mention, self_harm, violence, medical } = lists;
        Self {
            figurative: any(&figurative),
            subject: any(&subject),
            all: Patterns::new([&figurative, &[self_harm, violence, medical].concat(), &mention]),
        }
    }

    /// Whether a turn speaks of danger.
    pub(in crate::empathy) fn is_in(&self, turn: &str) -> bool {
        let words = plain(turn);
        let [is_figurative, danger, mention] = self.all.matches(words.as_bytes());
        // Without the figures of speech less is danger, and less says that it is a subject.
        if !is_figurative {
            return danger || (mention && !self.subject.is_match(words.as_bytes()));
        }
        let words = self.figurative.replace_all(words.as_bytes(), &b" "[..]);
        let [_, danger, mention] = self.all.matches(&words);
        danger || (mention && !self.subject.is_match(&words))
    }
}

/// The turn without apostrophes, its white space made single spaces: how people type differs there most.
fn plain(turn: &str) -> String {
    let mut words = String::with_capacity(turn.len());
    for word in turn.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn danger_is_told_from_figures_of_speech_and_from_its_own_mention() {
        let danger = Danger::english();
        for (turn, expected) in [
            ("I don't want to be here any more. Nothing matters.", true),
            ("i cant do this anymore i want to die", true),
            ("He’s not breathing!!", true),
            ("my chest hurts and there's   chest pain down one side", true),
            ("This app is killing me.", false),
            ("I'm dying to know when it ships.", false),
            ("I want to die of boredom in this queue.", false),
            ("I want to die of boredom in this queue. No, I want to die.", true),
            ("Can you kill the subscription?", false),
            ("the suicide prevention charity walk is on the 14th", false),
            ("My order is late.", false),
            ("Three weeks and NOTHING. I'm furious.", false),
            ("", false),
        ] {
            assert_eq!(danger.is_in(turn), expected, "{turn}");
        }
    }

    /// 240 turns written for this project: 28 of danger, and others that use the same words or the same tone.
    #[test]
    fn seven_of_ten_dangers_are_seen_and_two_false_alarms_are_the_most() {
        let danger = Danger::english();
        let rows = include_str!("../../../tests/fixtures/danger.tsv");
        let rows: Vec<_> = rows.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
        let seen =
            |label| rows.iter().filter(move |(of, _)| *of == label).filter(|(_, turn)| danger.is_in(turn)).count();
        let dangers = rows.iter().filter(|(label, _)| *label == "1").count();
        assert_eq!((rows.len(), dangers), (240, 28));
        assert!(seen("1") * 10 >= dangers * 7, "{} of {dangers}", seen("1"));
        assert!(seen("0") <= 2, "{} false alarms", seen("0"));
    }
}
