//! Reads a phrasebook as an editor would. What is looked for is data (`en/editor.toml`).

use std::sync::LazyLock;

use regex::bytes::Regex;
use serde::Deserialize;

use super::patterns::any;

/// The patterns, compiled.
#[derive(Debug)]
struct Editor {
    feelings: Regex,
    claims: Regex,
    brevity: Regex,
    agreement: Regex,
    pretence: Regex,
    contractions: Regex,
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
    contractions: Vec<String>,
    full_forms: Vec<String>,
    chatty: Vec<String>,
    stiff: Vec<String>,
}

/// Compiled when a phrasebook first needs it.
static EDITOR: LazyLock<Editor> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    let patterns: Patterns = toml::from_str(include_str!("en/editor.toml")).expect("the built-in patterns are valid");
    Editor {
        feelings: any(&patterns.feelings),
        claims: any(&patterns.claims),
        brevity: any(&patterns.brevity),
        agreement: any(&patterns.agreement),
        pretence: any(&patterns.pretence),
        contractions: any(&patterns.contractions),
        full_forms: any(&patterns.full_forms),
        chatty: any(&patterns.chatty),
        stiff: any(&patterns.stiff),
    }
});

/// Whether a sentence names a feeling of the user's.
pub(super) fn names_feeling(words: &str) -> bool {
    EDITOR.feelings.is_match(words.as_bytes())
}
