//! What a turn says happened: that the bot was wrong, that the user waited or asked before, that somebody died.
//!
//! The patterns are data (`en/signals.toml`). They read what the words state, not how much feeling they express.

use serde::Deserialize;

use super::patterns::{Patterns, built_in};

/// What the words of one turn state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signals {
    /// The bot's answer was wrong.
    pub(crate) mistake: bool,
    /// The bot's answer was wrong, if it has answered before.
    pub(crate) mistake_perhaps: bool,
    /// The bot asks again for what it was told.
    pub(crate) asked: bool,
    /// The user waited.
    pub(crate) waiting: bool,
    /// The user asked, explained or tried before.
    pub(crate) repeat: bool,
    /// Somebody near died.
    pub(crate) loss: bool,
    /// Grave news.
    pub(crate) grave: bool,
    /// A text for somebody else is asked for.
    pub(crate) task: bool,
    /// Thanks that are none.
    pub(crate) sarcasm: bool,
}

impl Signals {
    /// Whether the words say that trouble goes on.
    pub(crate) const fn persists(&self) -> bool {
        self.mistake || self.asked || self.waiting || self.repeat
    }
}

/// The patterns, compiled.
#[derive(Debug, Deserialize)]
#[serde(from = "Lists")]
pub(in crate::empathy) struct SignalPatterns(Patterns<10>);

/// The patterns as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    mistake: Vec<String>,
    mistake_perhaps: Vec<String>,
    asked: Vec<String>,
    waiting: Vec<String>,
    repeat: Vec<String>,
    loss: Vec<String>,
    living: Vec<String>,
    grave: Vec<String>,
    task: Vec<String>,
    sarcasm: Vec<String>,
}

impl From<Lists> for SignalPatterns {
    fn from(lists: Lists) -> Self {
        let Lists { mistake, mistake_perhaps, asked, waiting, repeat, loss, living, grave, task, sarcasm } = lists;
        // In the order in which they are read.
        Self(Patterns::new([
            &mistake,
            &mistake_perhaps,
            &asked,
            &waiting,
            &repeat,
            &loss,
            &living,
            &grave,
            &task,
            &sarcasm,
        ]))
    }
}

/// A turn is read up to this many bytes: what states such things states them early, and nothing may grow with a turn.
const READ: usize = 4 << 10;

impl SignalPatterns {
    /// The patterns that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        built_in(include_str!("en/signals.toml"))
    }

    /// Reads a turn.
    pub(in crate::empathy) fn read(&self, turn: &str) -> Signals {
        let mut words = String::with_capacity(turn.len().min(READ));
        for word in turn.split_whitespace() {
            if words.len() > READ {
                break;
            }
            if !words.is_empty() {
                words.push(' ');
            }
            words.extend(word.chars().map(|c| if matches!(c, '\u{2018}' | '\u{2019}') { '\'' } else { c }));
        }
        let [mistake, mistake_perhaps, asked, waiting, repeat, loss, living, grave, task, sarcasm] =
            self.0.matches(words.as_bytes());
        let loss = loss && !living;
        Signals { mistake, mistake_perhaps, asked, waiting, repeat, loss, grave, task, sarcasm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_words_state_is_told_from_what_they_only_mention() {
        let patterns = SignalPatterns::english();
        let names = |turn: &str| {
            let Signals { mistake, asked, waiting, repeat, loss, sarcasm, .. } = patterns.read(turn);
            let all = [
                ("mistake", mistake),
                ("asked", asked),
                ("waiting", waiting),
                ("repeat", repeat),
                ("loss", loss),
                ("sarcasm", sarcasm),
            ];
            all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        for (turn, expected) in [
            ("That's not what I meant", "mistake"),
            ("No, I meant Georgia the country.", "mistake"),
            ("you keep asking me for the same number", "asked"),
            ("You've asked me for my account number three times already.", "asked"),
            ("You\u{2019}re not listening.", "mistake"),
            ("That's the same useless link.", "mistake"),
            ("This is the third time I'm asking.", "repeat"),
            ("I already told you my order number", "repeat"),
            ("Still waiting, getting a bit impatient now.", "waiting"),
            ("Three weeks and NOTHING.", "waiting"),
            ("My husband died last month. How do I close his account?", "loss"),
            ("my dad passed away and I need to stop his contract", "loss"),
            ("Thanks for nothing.", "sarcasm"),
            ("Great job charging me twice.", "sarcasm"),
            ("Congrats, you lost the same bag again.", "sarcasm"),
            ("Thanks for the quick help, great job!", ""),
            ("My phone died, where can I get it fixed?", ""),
            ("Can I set a second time for the alarm?", ""),
            ("My order is late.", ""),
            ("How long is the waiting list?", ""),
            ("what is the wrong PIN limit", ""),
        ] {
            assert_eq!(names(turn), expected, "{turn}");
        }
    }
}
