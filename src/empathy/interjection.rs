//! What a rule of the operator's has undertone say besides the acknowledgment.

use std::sync::Arc;

use serde::Deserialize;

/// One sentence, or a few, of a rule's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interjection {
    /// The rule's name.
    pub rule: Arc<str>,
    /// Where it stands.
    pub place: Place,
    /// The words.
    pub text: String,
}

/// Where an [`Interjection`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Place {
    /// Before the reply and before any acknowledgment; after a greeting.
    #[default]
    Front,
    /// After the acknowledgment, undertone's or the bot's, and before the answer.
    After,
    /// Behind the reply.
    End,
    /// In the place of the whole reply.
    Instead,
}

impl Interjection {
    /// These words of this rule.
    #[must_use]
    pub const fn new(rule: Arc<str>, place: Place, text: String) -> Self {
        Self { rule, place, text }
    }

    /// Whether it stands before the answer.
    #[must_use]
    pub const fn is_before(&self) -> bool {
        matches!(self.place, Place::Front | Place::After)
    }
}

/// What stands between a reply and words that are put behind it: a line of its own behind a list or a block of code.
pub(crate) fn behind(reply: &str) -> &'static str {
    let last = reply.trim_end().lines().next_back().unwrap_or_default().trim_start();
    let is_item = last.starts_with(['-', '*', '+', '|', '>', '#', '`'])
        || last.split_once(['.', ')']).is_some_and(|(number, rest)| {
            !number.is_empty()
                && number.len() <= 2
                && number.bytes().all(|b| b.is_ascii_digit())
                && rest.starts_with(' ')
        });
    match reply.chars().next_back() {
        Some('\n') if reply.ends_with("\n\n") => "",
        Some('\n') => "\n",
        _ if is_item => "\n\n",
        Some(last) if last.is_whitespace() => "",
        Some(_) => " ",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_behind_a_reply_stand_apart_from_it() {
        for (reply, expected) in [
            ("It left on Tuesday.", " "),
            ("It left. ", ""),
            ("Take:\n- one\n- two", "\n\n"),
            ("Take:\n1. one\n2. two", "\n\n"),
            ("```\ncode\n```", "\n\n"),
            ("It left.\n", "\n"),
            ("", ""),
        ] {
            assert_eq!(behind(reply), expected, "{reply:?}");
        }
    }
}
