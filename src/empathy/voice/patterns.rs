//! Patterns that are data: compiled once, blind to case, over bytes.

use regex::bytes::{Regex, RegexBuilder};

/// One pattern that matches where any of these does.
///
/// # Panics
///
/// If one of them is not a regular expression: they are compiled in, and a test compiles them.
pub(super) fn any(patterns: &[String]) -> Regex {
    let alternatives: Vec<_> = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect();
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    RegexBuilder::new(&alternatives.join("|"))
        .case_insensitive(true)
        // ASCII is enough for English, and keeps the automaton small.
        .unicode(false)
        .build()
        .expect("the built-in patterns compile")
}
