//! Cuts a reply into frames, wherever the chunks of its body begin and end.
//!
//! A [`Frame`] is the smallest part of a reply that says something by itself. Bytes that can say nothing (comments,
//! keep-alives, lines without data) are frames of their own, so that nothing waits for what follows.

mod sse;
mod text;
mod values;

use std::{borrow::Cow, ops::Range};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header::CONTENT_TYPE, response};

/// How a reply is divided into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// One frame: a JSON text, there when the body has ended.
    Whole,
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// JSON texts one after another: NDJSON, or with any white space between and inside them.
    Values,
    /// One JSON array that is sent piece by piece: its elements.
    Elements,
    /// Plain text, as it comes.
    Text,
}

impl Framing {
    /// The framing that a media type stands for; nothing if the type is none of JSON's.
    #[must_use]
    pub fn of(head: &response::Parts) -> Option<Self> {
        let essence = media_type(&head.headers)?;
        match essence.as_str() {
            "text/event-stream" => Some(Self::Sse),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Some(Self::Values)
            }
            "application/json" => Some(Self::Whole),
            _ if essence.starts_with("application/") && essence.ends_with("+json") => Some(Self::Whole),
            _ => None,
        }
    }
}

/// The media type of a message in lower case, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Whether a body that begins with this byte can be an event stream, and no JSON: `data`, `event`, `id`, `retry` or a
/// comment.
pub(super) const fn begins_like_events(first: u8) -> bool {
    matches!(first, b'd' | b'e' | b'i' | b'r' | b':')
}

/// Whether a text that begins with this byte is meant to be a JSON object or array.
pub(super) const fn begins_like_json(first: u8) -> bool {
    matches!(first, b'{' | b'[')
}

/// One frame, in the bytes that it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bytes as they came, line ends and comments included.
    raw: Bytes,
    /// Where in `raw` the lines of its data are.
    data: Vec<Range<usize>>,
    event: Option<String>,
}

impl std::fmt::Debug for Frame {
    /// Lengths only: what a bot says is for its user.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame").field("bytes", &self.raw.len()).field("event", &self.event).finish_non_exhaustive()
    }
}

impl Frame {
    /// A body that is one frame.
    #[must_use]
    pub fn whole(body: Bytes) -> Self {
        let data = vec![Range { start: 0, end: body.len() }];
        Self { raw: body, data, event: None }
    }

    /// The frame's data: its lines joined by a line feed, as a client reads it; empty if it has none.
    #[must_use]
    pub fn data(&self) -> Cow<'_, [u8]> {
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

    /// The name of the server-sent event it belongs to, where it has one.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The bytes as they came.
    pub(crate) const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Where in [`raw`](Self::raw) this part of [`data`](Self::data) is, if it lies within one line.
    pub(crate) fn raw_range(&self, part: &Range<usize>) -> Option<Range<usize>> {
        let mut before = 0;
        for line in &self.data {
            if part.start >= before && part.end <= before + line.len() && part.start <= part.end {
                let shift = line.start;
                return Some(part.start - before + shift..part.end - before + shift);
            }
            before += line.len() + 1;
        }
        None
    }
}

/// Collects the bytes of a streamed reply and hands out whole frames.
#[derive(Debug)]
pub(crate) struct Framer {
    buffer: BytesMut,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sse(sse::Lines),
    Values(values::Values),
    Text(text::Text),
}

impl Framer {
    /// A framer for a reply that comes so. One that comes whole is read as a JSON text that nothing follows.
    pub(crate) fn new(framing: Framing) -> Self {
        let kind = match framing {
            Framing::Sse => Kind::Sse(sse::Lines::default()),
            Framing::Values | Framing::Whole => Kind::Values(values::Values::default()),
            Framing::Elements => Kind::Values(values::Values::in_array()),
            Framing::Text => Kind::Text(text::Text::default()),
        };
        Self { buffer: BytesMut::new(), kind }
    }

    /// Adds the next bytes of the body.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next frame that is there in full; or, with `is_over`, what is left of one that the body's end cut off.
    pub(crate) fn next_frame(&mut self, is_over: bool) -> Option<Frame> {
        let found = match &mut self.kind {
            Kind::Sse(lines) => lines.next_frame(&self.buffer, is_over)?,
            Kind::Values(values) => values.next_frame(&self.buffer, is_over)?,
            Kind::Text(text) => text.next_frame(&self.buffer, is_over)?,
        };
        let raw = self.buffer.split_to(found.end.min(self.buffer.len())).freeze();
        Some(Frame { raw, data: found.data, event: found.event })
    }

    /// How many bytes wait for the end of their frame.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Gives back the bytes that are left: the beginning of a frame whose end has not come.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }
}

/// A frame at the front of the buffer.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    end: usize,
    data: Vec<Range<usize>>,
    event: Option<String>,
}

/// Follows a JSON text from byte to byte, to know where it ends.
#[derive(Debug, Default, Clone, Copy)]
struct Balance {
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Balance {
    /// Takes the next byte. Whether an object or array that was open ends with it.
    const fn closes_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' => self.after_backslash = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// How far a body has come that should be one JSON text. No byte is looked at twice.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    has_begun: bool,
    seen: usize,
    balance: Balance,
    is_whole: bool,
}

/// What there is of a body that should be one JSON text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    /// White space only.
    Blank,
    /// It has begun, so: told once.
    Begins(Vec<u8>),
    /// Part of a text.
    Part,
    /// A whole text, at least.
    Whole,
}

impl Progress {
    /// Looks at what has come since the last time.
    pub(crate) fn see<'c>(&mut self, chunks: impl DoubleEndedIterator<Item = &'c [u8]> + Clone) -> Seen {
        let mut visible = chunks.clone().flatten().copied().skip_while(u8::is_ascii_whitespace).peekable();
        if visible.peek().is_none() {
            return if chunks.clone().all(<[u8]>::is_empty) { Seen::Nothing } else { Seen::Blank };
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            return Seen::Begins(visible.take(16).collect());
        }
        // A text that is whole ends with a bracket: mostly there is none, and nothing to go over.
        let last = chunks.clone().rev().flat_map(|chunk| chunk.iter().rev()).find(|byte| !byte.is_ascii_whitespace());
        if !self.is_whole && last.is_some_and(|last| matches!(last, b'}' | b']')) {
            for chunk in chunks.scan(0, |end, chunk| {
                let start = std::mem::replace(end, *end + chunk.len());
                Some((start, chunk))
            }) {
                let (start, bytes) = chunk;
                for byte in bytes.get(self.seen.saturating_sub(start)..).unwrap_or_default() {
                    self.seen += 1;
                    self.is_whole |= self.balance.closes_with(*byte);
                }
            }
        }
        if self.is_whole { Seen::Whole } else { Seen::Part }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
