//! Edits of JSON text by byte span: everything outside the insertion keeps its bytes.

use std::fmt::Write as _;

use bytes::Bytes;

/// One insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Splice {
    /// Before which byte.
    pub(crate) at: usize,
    /// What goes there, ready for the wire.
    pub(crate) insert: Bytes,
}

/// Cuts `body` at each splice and puts the insertions between; the pieces of `body` are not copied.
///
/// Insertions at the same place keep their order. One beyond the end goes to the end.
pub(crate) fn splice(mut body: Bytes, mut splices: Vec<Splice>) -> Vec<Bytes> {
    splices.sort_by_key(|splice| splice.at);
    let mut pieces = Vec::with_capacity(splices.len() * 2 + 1);
    let mut done = 0;
    for Splice { at, insert } in splices {
        let before = body.split_to((at - done).min(body.len()));
        done += before.len();
        pieces.push(before);
        pieces.push(insert);
    }
    pieces.push(body);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Escapes `text` for the inside of a JSON string (RFC 8259, section 7).
pub(crate) fn escape(text: &str) -> Bytes {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_insertion_leaves_the_rest_where_it_was() {
        let body = Bytes::from_static(b"{\"text\":\"Hello\"}");
        let pieces = splice(body.clone(), vec![Splice { at: 9, insert: Bytes::from_static(b"Oh. ") }]);
        assert_eq!(pieces.concat(), b"{\"text\":\"Oh. Hello\"}");
        assert_eq!(pieces[0].as_ptr(), body.as_ptr(), "the bot's bytes are not copied");
    }

    #[test]
    fn nothing_to_insert_gives_back_the_body() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(splice(body.clone(), Vec::new()), vec![body]);
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back_as_itself(text in ".*") {
            let json = [b"\"".as_slice(), &escape(&text), b"\""].concat();
            prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }

        #[test]
        fn taking_the_insertions_out_gives_back_the_body(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            cuts in proptest::collection::vec((0_usize..250, "[a-z]{1,8}"), 0..6),
        ) {
            let splices: Vec<_> =
                cuts.iter().map(|(at, text)| Splice { at: *at, insert: Bytes::from(text.clone()) }).collect();
            let inserted: usize = cuts.iter().map(|(_, text)| text.len()).sum();
            let pieces = splice(Bytes::from(body.clone()), splices);
            prop_assert_eq!(pieces.concat().len(), body.len() + inserted);
            let mut cuts = cuts;
            cuts.sort_by_key(|(at, _)| *at);
            let mut edited = pieces.concat();
            for (at, text) in &cuts {
                let at = *at.min(&body.len());
                let gone: Vec<u8> = edited.drain(at..at + text.len()).collect();
                prop_assert_eq!(gone, text.as_bytes());
            }
            prop_assert_eq!(edited, body);
        }
    }
}
