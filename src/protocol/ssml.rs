//! The text in a document of SSML, where markup stands around it and not in it: `<speak><p>It left.</p></speak>`.
//!
//! Markup in the middle of the words (pauses, emphasis) is not dealt with: a cut could take half of it away.

use std::ops::Range;

/// The references that XML itself knows.
const REFERENCES: [(&str, char); 5] = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\'')];

/// What may stand around a text and says the same of whatever is in it. (Not what spells out, plays a sound, or quotes.)
const AROUND: [&str; 8] = ["xml", "speak", "p", "s", "voice", "prosody", "lang", "mstts:express-as"];

/// Where the text stands in a document, and what it says; nothing if there is markup in it, or no text.
pub(super) fn text(document: &str) -> Option<(Range<usize>, String)> {
    let inside = place(document)?;
    let mut rest = document.get(inside.clone())?;
    let mut text = String::with_capacity(rest.len());
    while let Some(first) = rest.chars().next() {
        let length = if first == '&' {
            let (written, means) = reference(rest)?;
            text.push(means);
            written
        } else {
            text.push(first);
            first.len_utf8()
        };
        rest = rest.get(length..)?;
    }
    Some((inside, text))
}

/// Where in a document the byte at `decoded` of its text is written.
pub(super) fn locate(document: &str, decoded: usize) -> Option<usize> {
    let inside = place(document)?;
    let (mut at, mut seen) = (inside.start, 0);
    while seen < decoded && at < inside.end {
        let rest = document.get(at..inside.end)?;
        let first = rest.chars().next()?;
        let (written, means) = reference(rest).unwrap_or((first.len_utf8(), first));
        at += written;
        seen += means.len_utf8();
    }
    Some(at)
}

/// A text, ready to stand in a document.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Where the text stands: after the tags in front of it, up to the next tag, behind which there are only tags.
fn place(document: &str) -> Option<Range<usize>> {
    let mut start = 0;
    loop {
        let rest = document.get(start..)?;
        start += rest.len() - rest.trim_start().len();
        let rest = document.get(start..)?;
        if !rest.starts_with('<') {
            break;
        }
        let name = rest.trim_start_matches(['<', '?']).split([' ', '>', '/', '?', '\n', '\t', '\r']).next()?;
        if !AROUND.contains(&name) {
            return None;
        }
        start += rest.find('>')? + 1;
    }
    let rest = document.get(start..)?;
    let length = rest.find('<').unwrap_or(rest.len());
    let mut after = rest.get(length..)?.trim_start();
    while let Some(tag) = after.strip_prefix("</") {
        after = tag.get(tag.find('>')? + 1..)?.trim_start();
    }
    (length > 0 && after.is_empty()).then_some(start..start + length)
}

/// The reference that a text begins with: how long it is written, and what it means.
fn reference(text: &str) -> Option<(usize, char)> {
    let known = REFERENCES.iter().find(|(written, _)| text.starts_with(written));
    known.map(|(written, means)| (written.len(), *means)).or_else(|| {
        let number = text.strip_prefix("&#")?;
        let end = number.find(';')?;
        let digits = number.get(..end)?;
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        Some((end + 3, char::from_u32(code.ok()?)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_stands_inside_all_the_tags() {
        for (document, expected) in [
            ("<speak>It left.</speak>", Some("It left.")),
            ("<?xml version=\"1.0\"?>\n<speak version=\"1.0\"> <p><s>It left.</s></p> </speak>", Some("It left.")),
            ("<speak>Tom &amp; I&#39;m &#x3c;1 m away</speak>", Some("Tom & I'm <1 m away")),
            ("It left.", Some("It left.")),
            ("<speak>It <break time=\"1s\"/> left.</speak>", None),
            ("<speak><p>It left.</p><p>Today.</p></speak>", None),
            ("<speak></speak>", None),
            ("<speak>A &nbsp; B</speak>", None),
            ("<speak><![CDATA[Tom > Jerry left.]]></speak>", None),
            ("<speak><say-as interpret-as=\"characters\">4711</say-as></speak>", None),
            ("<speak><audio src=\"a.mp3\">It left.</audio></speak>", None),
            ("<speak", None),
            ("", None),
        ] {
            assert_eq!(text(document).map(|(_, text)| text).as_deref(), expected, "{document}");
        }
    }

    #[test]
    fn a_place_in_the_text_is_found_in_the_document() {
        let document = "<speak>A &amp; B left.</speak>";
        for (decoded, expected) in [(0, "A &amp;"), (2, "&amp; B"), (3, " B left"), (99, "</speak>")] {
            let at = locate(document, decoded).unwrap();
            assert!(document.get(at..).unwrap().starts_with(expected), "{decoded}");
        }
        assert_eq!(escape("a < b & c"), "a &lt; b &amp; c");
    }
}
