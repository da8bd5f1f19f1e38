//! Cuts a streamed reply into events, wherever the chunks of its body begin and end.

use std::{borrow::Cow, ops::Range};

use bytes::{Bytes, BytesMut};

use super::{ndjson, sse};

/// How a streamed reply is divided into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// One JSON text a line.
    Ndjson,
}

/// One event, with its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The bytes as they came, line ends and comments included.
    pub(crate) raw: Bytes,
    /// Where in `raw` the lines of its data are.
    data: Vec<Range<usize>>,
}

impl Event {
    pub(super) const fn new(raw: Bytes, data: Vec<Range<usize>>) -> Self {
        Self { raw, data }
    }

    /// The event's data: its lines joined by a line feed, as a client reads it; empty if it has none.
    pub(crate) fn data(&self) -> Cow<'_, [u8]> {
        let mut lines = self.data.iter().map(|range| self.raw.get(range.clone()).unwrap_or_default());
        match (lines.next(), lines.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(line), None) => Cow::Borrowed(line),
            (Some(first), Some(second)) => {
                let mut joined = [first, b"\n", second].concat();
                for line in lines {
                    joined.push(b'\n');
                    joined.extend_from_slice(line);
                }
                Cow::Owned(joined)
            }
        }
    }

    /// Where in `raw` the byte at `at` of [`data`](Self::data) is.
    pub(crate) fn raw_offset(&self, mut at: usize) -> usize {
        for range in &self.data {
            if at <= range.len() {
                return range.start + at;
            }
            at -= range.len() + 1;
        }
        self.raw.len()
    }
}

/// Collects the bytes of a streamed reply and hands out whole events.
#[derive(Debug)]
pub(crate) struct Splitter {
    framing: Framing,
    buffer: BytesMut,
    /// Up to here the buffer holds no end of an event.
    scanned: usize,
    sse: sse::Lines,
}

impl Splitter {
    /// An empty splitter.
    pub(crate) fn new(framing: Framing) -> Self {
        Self { framing, buffer: BytesMut::new(), scanned: 0, sse: sse::Lines::default() }
    }

    /// Adds the next bytes of the body.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if self.sse.at_start() && self.buffer.is_empty() && chunk.first() == Some(&b'{') {
            // Rasa labels NDJSON `text/event-stream`; no line of an event stream begins with a brace.
            self.framing = Framing::Ndjson;
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// The next event that is there in full.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let end = match self.framing {
            Framing::Sse => self.sse.event_end(&self.buffer, &mut self.scanned)?,
            Framing::Ndjson => ndjson::line_end(&self.buffer, &mut self.scanned)?,
        };
        let raw = self.buffer.split_to(end).freeze();
        let data = match self.framing {
            Framing::Sse => sse::data_lines(&raw),
            Framing::Ndjson => Vec::from([ndjson::line(&raw)]),
        };
        self.scanned = 0;
        Some(Event::new(raw, data))
    }

    /// How many bytes wait for the end of their event.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Gives back the bytes that are left: the beginning of an event whose end has not come.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        self.scanned = 0;
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(framing: Framing, chunks: &[&[u8]]) -> (Vec<Event>, Bytes) {
        let mut splitter = Splitter::new(framing);
        let mut events = Vec::new();
        for chunk in chunks {
            splitter.push(chunk);
            events.extend(std::iter::from_fn(|| splitter.next_event()));
        }
        (events, splitter.take_rest())
    }

    fn data(events: &[Event]) -> Vec<String> {
        events.iter().map(|event| String::from_utf8_lossy(&event.data()).into_owned()).collect()
    }

    #[test]
    fn events_end_at_blank_lines_of_any_kind() {
        let body = b"data: a\n\ndata:b\r\n\r\ndata: c\r\r: ping\n\nevent: x\ndata: d\ndata: e\n\n";
        assert_eq!(data(&split(Framing::Sse, &[body]).0), ["a", "b", "c", "", "d\ne"]);
    }

    #[test]
    fn a_carriage_return_cut_from_its_line_feed_ends_one_line_and_not_two() {
        let (events, rest) = split(Framing::Sse, &[b"data: a\r", b"\ndata: b\r\n\r", b"\ndata: c\n\n"]);
        assert_eq!(data(&events), ["a\nb", "c"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn a_byte_order_mark_stands_before_the_first_line_only() {
        let (events, _) = split(Framing::Sse, &["\u{feff}data: a\n\n".as_bytes()]);
        assert_eq!(data(&events), ["a"]);
    }

    #[test]
    fn an_unfinished_event_is_given_back_and_not_handed_out() {
        let (events, rest) = split(Framing::Sse, &[b"data: a\n\ndata: b\n"]);
        assert_eq!((data(&events), &rest[..]), (vec!["a".to_owned()], b"data: b\n".as_slice()));
    }

    #[test]
    fn an_event_stream_that_begins_with_a_brace_is_ndjson() {
        let (events, rest) = split(Framing::Sse, &[b"{\"a\":1}\n", b"{\"a\"", b":2}\r\n\n{\"a\":3}"]);
        assert_eq!(data(&events), ["{\"a\":1}", "{\"a\":2}", ""]);
        assert_eq!(&rest[..], b"{\"a\":3}");
    }

    #[test]
    fn an_offset_into_joined_data_is_found_in_the_raw_event() {
        let (events, _) = split(Framing::Sse, &[b"data: {\"a\":\ndata: \"bc\"}\n\n"]);
        let event = &events[0];
        let at = event.data().iter().position(|byte| *byte == b'b').unwrap();
        assert_eq!(event.raw[event.raw_offset(at)], b'b');
    }

    proptest! {
        #[test]
        fn chunk_borders_change_nothing_and_lose_nothing(
            lines in proptest::collection::vec(
                ("(data: ?|event: |: |id|data|)", "[a-zé {}]{0,6}", "(\n|\r\n|\r|\n\n|\r\n\r\n|\r\r)"), 0..12,
            ),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
            framing in prop_oneof![Just(Framing::Sse), Just(Framing::Ndjson)],
        ) {
            let body: String = lines.iter().map(|(name, value, end)| format!("{name}{value}{end}")).collect();
            let body = body.as_bytes();
            let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).chain([0, body.len()]).collect();
            borders.sort_unstable();
            let chunks: Vec<_> = borders.windows(2).map(|pair| &body[pair[0]..pair[1]]).filter(|c| !c.is_empty()).collect();
            let (whole, _) = split(framing, &[body]);
            let (events, rest) = split(framing, &chunks);
            prop_assert_eq!(data(&events), data(&whole));
            let raw: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).chain(rest).collect();
            prop_assert_eq!(raw, body);
        }
    }
}
