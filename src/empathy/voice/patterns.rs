//! Patterns that are data: compiled once, blind to case, over bytes.

use std::{borrow::Cow, ops::Deref};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::{Deserialize, de::DeserializeOwned};

/// The two ends of a text, which is how much of it is read: nothing may grow with a turn.
pub(in crate::empathy) fn ends(text: &str) -> Cow<'_, str> {
    if text.len() <= 2 * END {
        return Cow::Borrowed(text);
    }
    let first = text.floor_char_boundary(END);
    let last = text.ceil_char_boundary(text.len() - END);
    let (first, last) = (text.get(..first).unwrap_or_default(), text.get(last..).unwrap_or_default());
    Cow::Owned([first, "\n", last].concat())
}

/// How much of each end is read, in bytes.
const END: usize = 4 << 10;

/// A list of patterns in a file, compiled as one that matches where any of them does.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// The patterns of a file that is compiled in.
    ///
    /// # Panics
    ///
    /// If it is not one: a test reads the same file.
    pub(crate) fn built_in<T: DeserializeOwned>(file: &str) -> T {
        built_in(file)
    }
}

impl From<Vec<String>> for Pattern {
    fn from(patterns: Vec<String>) -> Self {
        Self(any(&patterns))
    }
}

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.0
    }
}

/// The patterns of a file that is compiled in.
///
/// # Panics
///
/// If it is not one: a test reads the same file.
pub(super) fn built_in<T: DeserializeOwned>(file: &str) -> T {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    toml::from_str(file).expect("the built-in patterns are valid")
}

/// Several lists of patterns, which are looked for in one pass.
#[derive(Debug)]
pub(crate) struct Patterns<const N: usize>(RegexSet);

impl<const N: usize> Patterns<N> {
    /// # Panics
    ///
    /// If one of them is not a regular expression: they are compiled in, and a test compiles them.
    pub(crate) fn new(lists: [&[String]; N]) -> Self {
        #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
        let set = RegexSetBuilder::new(lists.map(alternatives))
            .case_insensitive(true)
            .unicode(false)
            .build()
            .expect("the built-in patterns compile");
        Self(set)
    }

    /// Of each list, whether any of it matches.
    pub(crate) fn matches(&self, words: &[u8]) -> [bool; N] {
        let found = self.0.matches(words);
        std::array::from_fn(|list| found.matched(list))
    }
}

fn alternatives(patterns: &[String]) -> String {
    patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|")
}

/// One pattern that matches where any of these does.
///
/// # Panics
///
/// If one of them is not a regular expression: they are compiled in, and a test compiles them.
pub(super) fn any(patterns: &[String]) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    RegexBuilder::new(&alternatives(patterns))
        .case_insensitive(true)
        // ASCII is enough for English, and keeps the automaton small.
        .unicode(false)
        .build()
        .expect("the built-in patterns compile")
}
