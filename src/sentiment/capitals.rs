//! Capitals, told to a tokenizer that is blind to case.

use std::sync::LazyLock;

use regex::Regex;

/// Stands before a text that is mostly in capitals.
const SHOUTED: char = '\u{21ea}';
/// Stands before each run of words in capitals, otherwise.
const LOUD: char = '\u{21e7}';

/// A text with fewer letters than this, or with one word, is not shouted: "OK", "KX7TRD".
const LETTERS: usize = 8;
/// Tenths of the letters that are capitals in a shouted text, at least.
const TENTHS: usize = 7;

/// Puts marks before what is written in capitals: the same as `mark` of `training/tokens.py`, to the byte. Marks that
/// the user typed ("press ⇧⌘4") say nothing of loudness and become spaces.
pub(super) fn mark(text: &str) -> String {
    let text = &*text.replace([SHOUTED, LOUD], " ");
    if is_shouted(text) { format!("{SHOUTED} {text}") } else { mark_runs(text) }
}

fn is_shouted(text: &str) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{Nl}\p{No}]+"));
    let (mut words, mut letters, mut capitals) = (0, 0, 0);
    for word in WORDS.find_iter(text) {
        words += 1;
        for letter in word.as_str().chars() {
            letters += 1;
            capitals += usize::from(letter.is_uppercase());
        }
    }
    letters >= LETTERS && words >= 2 && 10 * capitals >= TENTHS * letters
}

/// A run goes on over spaces and light punctuation between its words: "STILL NOT, AT ALL" is one.
fn mark_runs(text: &str) -> String {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{N}_]+"));
    let mut marked = String::with_capacity(text.len() + 8);
    let (mut written, mut is_in_run) = (0, false);
    for word in WORDS.find_iter(text) {
        let gap = text.get(written..word.start()).unwrap_or_default();
        marked.push_str(gap);
        let goes_on = is_in_run && gap.bytes().all(|byte| b" ,.!?'-".contains(&byte));
        is_in_run = word.len() >= 2 && word.as_str().bytes().all(|byte| byte.is_ascii_uppercase());
        if is_in_run && !goes_on {
            marked.push(LOUD);
            marked.push(' ');
        }
        marked.push_str(word.as_str());
        written = word.end();
    }
    marked.push_str(text.get(written..).unwrap_or_default());
    marked
}

#[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern of words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_marked_once_a_text_or_once_a_run() {
        let cases = [
            ("where is my refund", "where is my refund"),
            ("WHERE IS MY REFUND", "⇪ WHERE IS MY REFUND"),
            ("WHERE is MY REFUND ok", "⇪ WHERE is MY REFUND ok"),
            ("this is the THIRD time", "this is the ⇧ THIRD time"),
            ("it is STILL NOT, AT ALL, there. Nor HERE", "it is ⇧ STILL NOT, AT ALL, there. Nor ⇧ HERE"),
            ("OK", "⇧ OK"),
            ("KX7TRD", "KX7TRD"),
            ("see ABCd at AB CDe or A", "see ABCd at ⇧ AB CDe or A"),
            ("my_ID and ID", "my_ID and ⇧ ID"),
            ("the US/UK line", "the ⇧ US/⇧ UK line"),
            ("ÉTÉ ÇA FAIT TROIS", "⇪ ÉTÉ ÇA FAIT TROIS"),
            ("on l'a VU à ÉTÉ", "on l'a ⇧ VU à ÉTÉ"),
            ("how do I use ⇧⌘4? ⇪ is on", "how do I use  ⌘4?   is on"),
            ("", ""),
        ];
        for (text, marked) in cases {
            assert_eq!(mark(text), marked, "{text:?}");
        }
    }
}
