//! Edits by byte span: everything outside them keeps its bytes, uncopied.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

use bytes::Bytes;

use super::ssml;

/// One edit: these bytes go, and others come in their place. An empty range inserts, empty bytes cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) at: Range<usize>,
    /// What goes there, ready for the wire.
    pub(crate) with: Bytes,
}

/// Makes the edits; the pieces of `bytes` that stay are not copied.
///
/// Edits at the same place keep their order; what lies beyond the end is at the end, and no byte is cut twice.
pub(crate) fn apply(mut bytes: Bytes, mut edits: Vec<Edit>) -> Vec<Bytes> {
    edits.sort_by_key(|edit| edit.at.start);
    let mut pieces = Vec::with_capacity(edits.len() * 2 + 1);
    let mut done = 0;
    for Edit { at, with } in edits {
        let before = bytes.split_to(at.start.saturating_sub(done).min(bytes.len()));
        done += before.len();
        let cut = bytes.split_to(at.end.saturating_sub(done).min(bytes.len()));
        done += cut.len();
        pieces.push(before);
        pieces.push(with);
    }
    pieces.push(bytes);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// How text is written into the bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// As it is, in UTF-8.
    Plain,
    /// As the inside of a JSON string (RFC 8259, section 7).
    Json,
    /// As it is, in the data of a server-sent event: a line feed begins another line of data.
    EventData,
    /// As the text of a document of SSML (W3C Speech Synthesis Markup Language) with no markup inside that text, which
    /// itself is written as the inside of a JSON string.
    Ssml,
}

impl Encoding {
    /// The text; nothing where the bytes are none (half a character, a lone surrogate).
    pub(crate) fn decode(self, raw: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Json if raw.contains(&b'\\') => {
                let quoted = [b"\"", raw, b"\""].concat();
                serde_json::from_slice(&quoted).ok().map(Cow::Owned)
            }
            Self::Plain | Self::EventData | Self::Json => std::str::from_utf8(raw).ok().map(Cow::Borrowed),
            Self::Ssml => {
                let document = Self::Json.decode(raw)?;
                ssml::text(&document).map(|(_, text)| Cow::Owned(text))
            }
        }
    }

    /// A place in `raw` at `length` or a few bytes later at which the text can be cut in two, each half readable; the
    /// end if it is not so long.
    pub(crate) fn boundary(self, raw: &[u8], length: usize) -> usize {
        let mut at = 0;
        if self == Self::Ssml {
            return raw.len();
        }
        if self == Self::Json {
            while at < length && at < raw.len() {
                at += unit(raw.get(at..).unwrap_or_default()).0;
            }
        } else {
            at = length;
        }
        // Not inside a character.
        while raw.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            at += 1;
        }
        at.min(raw.len())
    }

    /// The text, ready for the wire.
    pub(crate) fn encode(self, text: &str) -> Bytes {
        match self {
            Self::EventData => Bytes::from(text.replace('\n', "\ndata: ")),
            Self::Plain => Bytes::copy_from_slice(text.as_bytes()),
            Self::Json => escape(text),
            Self::Ssml => escape(&ssml::escape(text)),
        }
    }

    /// Where in `raw` the byte at `decoded` of its text is written; the end if the text is not so long.
    pub(crate) fn locate(self, raw: &[u8], decoded: usize) -> usize {
        match self {
            Self::Plain | Self::EventData => return decoded.min(raw.len()),
            Self::Ssml => {
                let place = Self::Json.decode(raw).and_then(|document| ssml::locate(&document, decoded));
                return place.map_or(raw.len(), |place| Self::Json.locate(raw, place));
            }
            Self::Json => {}
        }
        let (mut at, mut text) = (0, 0);
        while text < decoded && at < raw.len() {
            let (written, means) = unit(raw.get(at..).unwrap_or_default());
            at += written;
            text += means;
        }
        at.min(raw.len())
    }
}

/// The length of the first unit of a JSON string's inside, and of the text that it means: a byte, an escape, or a pair
/// of surrogates.
fn unit(raw: &[u8]) -> (usize, usize) {
    match raw {
        [b'\\', b'u', rest @ ..] => match hex(rest) {
            Some(0xd800..=0xdbff) => (12, 4),
            Some(..=0x7f) => (6, 1),
            Some(..=0x7ff) => (6, 2),
            _ => (6, 3),
        },
        [b'\\', _, ..] => (2, 1),
        _ => (1, 1),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits.get(..4)?).ok()?, 16).ok()
}

fn escape(text: &str) -> Bytes {
    let mut escaped = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    Bytes::from(escaped)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn insert(at: usize, with: &'static str) -> Edit {
        Edit { at: at..at, with: Bytes::from_static(with.as_bytes()) }
    }

    #[test]
    fn an_insertion_leaves_the_rest_where_it_was() {
        let body = Bytes::from_static(b"{\"text\":\"Hello\"}");
        let pieces = apply(body.clone(), vec![insert(9, "Oh. ")]);
        assert_eq!(pieces.concat(), b"{\"text\":\"Oh. Hello\"}");
        assert_eq!(pieces[0].as_ptr(), body.as_ptr(), "the bot's bytes are not copied");
    }

    #[test]
    fn a_cut_takes_out_its_range_and_no_byte_twice() {
        let body = Bytes::from_static(b"0123456789");
        let cut = |at| Edit { at, with: Bytes::new() };
        assert_eq!(apply(body.clone(), vec![cut(2..4), insert(4, "x"), cut(3..6), cut(8..99)]).concat(), b"01x67");
    }

    #[test]
    fn nothing_to_do_gives_back_the_body() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(apply(body.clone(), Vec::new()), vec![body]);
    }

    /// The inside of a JSON string with escapes of every kind where `escaped` says so.
    fn written(text: &str, escaped: &[bool]) -> String {
        let mut raw = String::new();
        for (c, escape) in text.chars().zip(escaped.iter().cycle()) {
            if *escape || c < ' ' || matches!(c, '"' | '\\') {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| write!(raw, "\\u{unit:04x}").unwrap());
            } else {
                raw.push(c);
            }
        }
        raw
    }

    proptest! {
        #[test]
        fn an_encoded_text_reads_back_as_itself(text in ".*") {
            for encoding in [Encoding::Json, Encoding::Plain] {
                let raw = encoding.encode(&text);
                prop_assert_eq!(encoding.decode(&raw).unwrap(), text.as_str());
            }
        }

        #[test]
        fn a_place_in_the_text_is_found_in_its_bytes(
            text in "[a-z\"\\\\\né😀]{0,12}",
            escaped in proptest::collection::vec(any::<bool>(), 1..4),
        ) {
            let raw = written(&text, &escaped);
            for (at, _) in text.char_indices() {
                let (before, after) = raw.split_at(Encoding::Json.locate(raw.as_bytes(), at));
                prop_assert_eq!(Encoding::Json.decode(before.as_bytes()).unwrap(), &text[..at]);
                prop_assert_eq!(Encoding::Json.decode(after.as_bytes()).unwrap(), &text[at..]);
            }
            prop_assert_eq!(Encoding::Json.locate(raw.as_bytes(), text.len()), raw.len());
            for length in 0..raw.len() {
                let at = Encoding::Json.boundary(raw.as_bytes(), length);
                let (before, after) = raw.as_bytes().split_at(at);
                let halves = [before, after].map(|half| Encoding::Json.decode(half).unwrap());
                prop_assert_eq!(halves.concat(), text.as_str());
                prop_assert!(at >= length);
            }
        }

        #[test]
        fn edits_are_what_cutting_and_pasting_by_hand_gives(
            body in proptest::collection::vec(any::<u8>(), 0..60),
            cuts in proptest::collection::vec((0_usize..12, 0_usize..5, "[a-z]{0,4}"), 0..6),
        ) {
            let (mut at, mut edits, mut expected, mut done) = (0, Vec::new(), Vec::new(), 0);
            for (gap, length, text) in cuts {
                at += gap;
                let (start, end) = (at.min(body.len()), (at + length).min(body.len()));
                expected.extend_from_slice(&body[done..start]);
                expected.extend_from_slice(text.as_bytes());
                done = end;
                edits.push(Edit { at: at..at + length, with: Bytes::from(text) });
                at += length;
            }
            expected.extend_from_slice(&body[done..]);
            prop_assert_eq!(apply(Bytes::from(body), edits).concat(), expected);
        }
    }
}
