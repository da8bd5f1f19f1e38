//! What gives a sentence of a phrasebook away: the words that name a feeling, claim one, stall or flatter. Data
//! (`en/wording.toml`).

use std::sync::LazyLock;

use regex::bytes::Regex;
use serde::Deserialize;

use super::patterns::{Pattern, built_in};

/// Compiled when a phrasebook first needs it.
pub(in crate::empathy) static WORDING: LazyLock<Wording> = LazyLock::new(|| built_in(include_str!("en/wording.toml")));

/// The patterns, compiled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::empathy) struct Wording {
    feelings: Pattern,
    claims: Pattern,
    brevity: Pattern,
    agreement: Pattern,
    pretence: Pattern,
    belittling: Pattern,
    short_forms: Pattern,
    full_forms: Pattern,
    chatty: Pattern,
    stiff: Pattern,
}

/// What a pattern found, in the words of the sentence.
type Found<'a> = Option<&'a str>;

impl Wording {
    /// Whether it names a feeling of the user's.
    pub(in crate::empathy) fn names_feeling(&self, words: &str) -> bool {
        self.feelings.is_match(words.as_bytes())
    }

    /// The feeling of the user's that it names.
    pub(in crate::empathy) fn feeling<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.feelings, words)
    }

    /// The feeling that the speaker claims to have.
    pub(in crate::empathy) fn claim<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.claims, words)
    }

    /// Brevity that is announced.
    pub(in crate::empathy) fn brevity<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.brevity, words)
    }

    /// Agreement, which reads as a yes or as salt.
    pub(in crate::empathy) fn agreement<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.agreement, words)
    }

    /// Work that is announced, where the finished answer follows.
    pub(in crate::empathy) fn pretence<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.pretence, words)
    }

    /// What makes the matter small.
    pub(in crate::empathy) fn belittling<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.belittling, words)
    }

    /// What has no place in a formal voice.
    pub(in crate::empathy) fn informal<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.short_forms, words).or_else(|| find(&self.chatty, words))
    }

    /// What has no place in a close voice.
    pub(in crate::empathy) fn formal<'a>(&self, words: &'a str) -> Found<'a> {
        find(&self.full_forms, words).or_else(|| find(&self.stiff, words))
    }
}

fn find<'a>(pattern: &Regex, words: &'a str) -> Found<'a> {
    words.get(pattern.find(words.as_bytes())?.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_a_sentence_away_is_found() {
        let found = WORDING.feeling("I can see why you're so angry.");
        assert_eq!(found, Some("angry"));
        assert_eq!(WORDING.claim("I'm so sad to hear that."), Some("I'm so sad"));
        assert_eq!(WORDING.brevity("I'll be brief."), Some("I'll be brief"));
        assert_eq!(WORDING.agreement("Fair enough."), Some("Fair enough"));
        assert_eq!(WORDING.pretence("Let me look into that for you."), Some("Let me look"));
        assert_eq!(WORDING.belittling("That's a bit of a hassle."), Some("a bit"));
        assert_eq!(WORDING.informal("I don't have it."), Some("n't"));
        assert_eq!(WORDING.formal("Please be advised that it left."), Some("Please be advised"));
        for fine in ["I can see why this matters to you.", "Here is where your order stands.", "That was my mistake."] {
            assert!(!WORDING.names_feeling(fine) && WORDING.claim(fine).is_none(), "{fine}");
            assert!(WORDING.brevity(fine).or(WORDING.agreement(fine)).or(WORDING.pretence(fine)).is_none(), "{fine}");
        }
    }
}
