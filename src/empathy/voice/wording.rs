//! What gives a sentence of a phrasebook away: the words that name a feeling, claim one, stall or flatter. Data
//! (`en/wording.toml`).

use std::sync::LazyLock;

use regex::bytes::Regex;
use serde::Deserialize;

use super::patterns::any;

/// Compiled when a phrasebook first needs it.
pub(in crate::empathy) static WORDING: LazyLock<Wording> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    let patterns: Patterns = toml::from_str(include_str!("en/wording.toml")).expect("the built-in patterns are valid");
    Wording {
        feelings: any(&patterns.feelings),
        claims: any(&patterns.claims),
        brevity: any(&patterns.brevity),
        agreement: any(&patterns.agreement),
        pretence: any(&patterns.pretence),
        belittling: any(&patterns.belittling),
        short_forms: any(&patterns.short_forms),
        full_forms: any(&patterns.full_forms),
        chatty: any(&patterns.chatty),
        stiff: any(&patterns.stiff),
    }
});

/// The patterns, compiled.
#[derive(Debug)]
pub(in crate::empathy) struct Wording {
    feelings: Regex,
    claims: Regex,
    brevity: Regex,
    agreement: Regex,
    pretence: Regex,
    belittling: Regex,
    short_forms: Regex,
    full_forms: Regex,
    chatty: Regex,
    stiff: Regex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    feelings: Vec<String>,
    claims: Vec<String>,
    brevity: Vec<String>,
    agreement: Vec<String>,
    pretence: Vec<String>,
    belittling: Vec<String>,
    short_forms: Vec<String>,
    full_forms: Vec<String>,
    chatty: Vec<String>,
    stiff: Vec<String>,
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
