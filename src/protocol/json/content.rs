//! What messages say: a string, a part with a text, or a list of either.

use super::Raw;

/// The text of a message's content: a string, a part with a text, or a list of either.
pub(in crate::protocol) fn content(raw: Raw<'_>) -> String {
    said(raw).0
}

/// The text of a message's content, and the string that it begins with, as it is written.
pub(in crate::protocol) fn said(raw: Raw<'_>) -> (String, Raw<'_>) {
    let mut first = Raw::default();
    let mut text = String::new();
    for part in parts(raw) {
        let Some(part_text) = part.text().filter(|text| !text.is_empty()) else { continue };
        if text.is_empty() {
            (text, first) = (part_text, part);
        } else {
            text.push('\n');
            text.push_str(&part_text);
        }
    }
    (text, first)
}

/// The string that a message's content begins with: the content itself, or the text of its first part that has any.
pub(in crate::protocol) fn first_text(raw: Raw<'_>) -> Raw<'_> {
    parts(raw).find(|part| part.has_characters()).unwrap_or_default()
}

/// The strings of a message's content, but for those that are thoughts. A list in a list is no content, and nobody should make
/// us go down into it.
fn parts(raw: Raw<'_>) -> impl Iterator<Item = Raw<'_>> {
    raw.list().map(text_of_part)
}

fn text_of_part(raw: Raw<'_>) -> Raw<'_> {
    if raw.is_string() {
        return raw;
    }
    let (mut text, mut is_thought) = (Raw::default(), false);
    for (name, value) in raw.members() {
        if name.is("text") {
            text = value;
        } else if name.is("type") {
            is_thought |= value.is("thinking") || value.is("reasoning");
        } else if name.is("thought") {
            is_thought |= value.says_something();
        }
    }
    if is_thought { Raw::default() } else { text }
}
