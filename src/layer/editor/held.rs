//! The frames of a reply that wait, in their order, and what changes in them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    layer::text::Placed,
    protocol::{Edit, Frame, Framing, apply},
};

/// Frames that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Held>,
    /// The number of the frame at the front.
    first: usize,
    bytes: usize,
    /// What goes out behind all of them.
    after: Vec<Bytes>,
    /// Whether what went out last is the name of an event whose data has not come.
    is_in_event: bool,
    /// Whether it is data that no blank line has ended yet: many servers send that with the next event.
    is_unended: bool,
    /// Whether what went out last has no end of a line.
    ends_mid_line: bool,
}

/// A frame that waits, and what changes in it.
#[derive(Debug)]
struct Held {
    frame: Frame,
    edits: Vec<Edit>,
    /// What goes out before it.
    before: Vec<Bytes>,
}

impl Queue {
    /// Adds a frame.
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.raw().len();
        self.frames.push_back(Held { frame, edits: Vec::new(), before: Vec::new() });
    }

    /// The frame that came last, if it still waits, and its number.
    pub(super) fn last(&self) -> Option<(&Frame, usize)> {
        let held = self.frames.back()?;
        Some((&held.frame, self.first + self.frames.len() - 1))
    }

    /// The number of the first frame that waits, or of the next one.
    pub(super) const fn first(&self) -> usize {
        self.first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes of the bot's wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether what goes out now stands between two events.
    pub(super) fn is_between_events(&self) -> bool {
        self.frames.is_empty() && !self.is_in_event
    }

    /// Adds edits to frames that wait.
    pub(super) fn place(&mut self, placed: impl IntoIterator<Item = Placed>) {
        for (frame, edit) in placed {
            if let Some(held) = frame.checked_sub(self.first).and_then(|index| self.frames.get_mut(index)) {
                held.edits.push(edit);
            }
        }
    }

    /// Puts something of undertone's own before this frame, or where that does not wait before the last, or at the end if
    /// none does.
    pub(super) fn insert(&mut self, pieces: Vec<Bytes>, before: Option<usize>, framing: Option<Framing>) {
        // Not between the name of an event and its data.
        let last = self.frames.len().saturating_sub(1);
        let place = before.and_then(|number| number.checked_sub(self.first)).unwrap_or(last).min(last);
        let place = place.saturating_sub(self.fields_before(place));
        let end = if place == 0 { self.end(framing) } else { Bytes::new() };
        let before = self.frames.get_mut(place).map_or(&mut self.after, |held| &mut held.before);
        before.push(end);
        before.extend(pieces);
    }

    /// What ends the event, or the line, that went out last, if nothing has: it may be that no more comes of it.
    pub(super) fn end(&self, framing: Option<Framing>) -> Bytes {
        Bytes::from_static(match framing {
            Some(Framing::Sse) if self.ends_mid_line => b"\n\n",
            Some(Framing::Sse) if self.is_unended => b"\n",
            Some(Framing::Values) if self.ends_mid_line => b"\n",
            _ => b"",
        })
    }

    /// The number of the first frame of the event whose data is in this one.
    pub(super) fn event(&self, number: usize) -> usize {
        number.saturating_sub(self.fields_before(number.saturating_sub(self.first)))
    }

    /// The number of the first of the latest frames that only name an event, whose data has not come.
    pub(super) fn unfinished_event(&self) -> Option<usize> {
        let fields = self.fields_before(self.frames.len());
        (fields > 0).then(|| self.first + self.frames.len() - fields)
    }

    /// Lets go of the frames before number `keep`, or of all.
    pub(super) fn release(&mut self, keep: Option<usize>, out: &mut VecDeque<Bytes>) {
        while !self.frames.is_empty() && keep.is_none_or(|keep| self.first < keep) {
            let Some(Held { frame, edits, before }) = self.frames.pop_front() else { break };
            self.first += 1;
            self.bytes = self.bytes.saturating_sub(frame.raw().len());
            self.ends_mid_line = frame.raw().last().is_some_and(|last| !matches!(last, b'\n' | b'\r'));
            let is_rest = is_line_feed(&frame);
            self.is_in_event = is_field(&frame) || (self.is_in_event && is_rest);
            self.is_unended = !frame.data().is_empty() || (self.is_unended && frame.raw().starts_with(b":"));
            out.extend(before.into_iter().filter(|piece| !piece.is_empty()));
            if edits.is_empty() {
                out.push_back(frame.raw().clone());
            } else {
                out.extend(apply(frame.raw().clone(), edits));
            }
        }
        if self.frames.is_empty() {
            out.extend(self.after.drain(..).filter(|piece| !piece.is_empty()));
        }
    }

    /// How many of the frames right before this one are lines of the same event before its data.
    fn fields_before(&self, end: usize) -> usize {
        let mut frames = self.frames.iter().take(end).rev().map(|held| &held.frame).peekable();
        let mut fields = 0;
        while let Some(frame) = frames.next() {
            let is_rest = is_line_feed(frame)
                && frames.peek().is_some_and(|before| is_field(before) && before.raw().ends_with(b"\r"));
            if !(is_field(frame) || is_rest) {
                break;
            }
            fields += 1;
        }
        fields
    }
}

/// Whether a frame is a line of an event before its data: its name or its number.
fn is_field(frame: &Frame) -> bool {
    frame.data().is_empty() && frame.raw().first().is_some_and(u8::is_ascii_alphabetic)
}

/// Whether it is what is left of a line's end that was cut in two.
fn is_line_feed(frame: &Frame) -> bool {
    **frame.raw() == *b"\n"
}
