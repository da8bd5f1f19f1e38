//! Edits the beginning of a streamed reply in place, and then lets go of it.
//!
//! Events are read until each text of the reply has begun. The event in which a text begins is held while that
//! beginning can still turn out to be an acknowledgment; then the sentence goes into that event's own text, and
//! everything held goes out. No event is added, none is delayed for longer than its predecessors, and after the last
//! insertion the bot's bytes pass as they are.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;

use super::outcome::{Action, FailOpen, Reason};
use crate::{
    empathy::{Empathy, Opening, fit},
    protocol::{Event, Framing, LeftAlone, ReplyFormat, Splice, Splitter, escape, splice},
};

/// Edits one streamed reply.
#[derive(Debug)]
pub(super) struct StreamEditor {
    splitter: Splitter,
    reply: Box<dyn ReplyFormat>,
    empathy: Empathy,
    sentence: String,
    max_held_bytes: usize,
    places: Vec<Place>,
    held: VecDeque<Held>,
    held_bytes: usize,
    /// What came of it, once nothing more can change.
    verdict: Option<Action>,
    /// Why the latest text that got nothing got nothing.
    reason: Option<Reason>,
    has_inserted: bool,
}

/// How far one text of the reply has come.
#[derive(Debug, Clone)]
enum Place {
    /// Nothing visible yet.
    Before,
    /// Its beginning is being read; `held` counts from the front of the queue.
    Opening { text: String, held: usize, at: usize },
    /// Decided.
    Done,
}

/// An event that waits, and what goes into it.
#[derive(Debug)]
struct Held {
    event: Event,
    splices: Vec<Splice>,
}

impl StreamEditor {
    pub(super) fn new(
        framing: Framing,
        reply: Box<dyn ReplyFormat>,
        empathy: Empathy,
        sentence: String,
        max_held_bytes: usize,
    ) -> Self {
        Self {
            splitter: Splitter::new(framing),
            places: vec![Place::Before; reply.places()],
            reply,
            empathy,
            sentence,
            max_held_bytes,
            held: VecDeque::new(),
            held_bytes: 0,
            verdict: None,
            reason: None,
            has_inserted: false,
        }
    }

    /// What came of the edit, once that is settled: from then on bytes pass as they are.
    pub(super) const fn verdict(&self) -> Option<Action> {
        self.verdict
    }

    /// Whether anything waits: events for more of the reply's beginning, or bytes for the end of their event.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty() || self.splitter.buffered() > 0
    }

    /// Takes the next bytes of the body and gives out what may go on.
    pub(super) fn push(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        if self.verdict.is_some() {
            out.push_back(chunk);
            return;
        }
        self.splitter.push(&chunk);
        while self.verdict.is_none()
            && let Some(event) = self.splitter.next_event()
        {
            self.hold(event);
            let read = catch_unwind(AssertUnwindSafe(|| self.read()));
            match read.unwrap_or(Err(Reason::FailOpen(FailOpen::Panic))) {
                Ok(()) => self.go_on(out),
                Err(reason) => self.give_up(reason, out),
            }
        }
        if self.verdict.is_none() && self.held_bytes + self.splitter.buffered() > self.max_held_bytes {
            self.give_up(Reason::FailOpen(FailOpen::ReplyTooLong), out);
        }
    }

    /// The body has ended: what is undecided is decided with what is there.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        if self.verdict.is_none() {
            let decided = catch_unwind(AssertUnwindSafe(|| self.decide(true)));
            let otherwise = decided.map_or(Reason::FailOpen(FailOpen::Panic), |()| Reason::LeftAlone(LeftAlone::Empty));
            self.settle(otherwise, out);
        }
    }

    /// Lets everything go unchanged from here on, for the given reason.
    pub(super) fn give_up(&mut self, reason: Reason, out: &mut VecDeque<Bytes>) {
        if self.verdict.is_none() {
            self.reason = Some(reason);
            self.settle(reason, out);
        }
    }

    /// Reads the event that was held last, and looks at each beginning.
    fn read(&mut self) -> Result<(), Reason> {
        let (Some(held), Some(Held { event, .. })) = (self.held.len().checked_sub(1), self.held.back()) else {
            return Ok(());
        };
        for delta in self.reply.deltas(&event.data()).map_err(Reason::LeftAlone)? {
            let Some(place) = self.places.get_mut(delta.place) else { continue };
            match place {
                Place::Before if delta.text.trim().is_empty() => {}
                Place::Before => *place = Place::Opening { text: delta.text, held, at: event.raw_offset(delta.at) },
                Place::Opening { text, .. } => text.push_str(&delta.text),
                Place::Done => {}
            }
        }
        self.decide(false);
        Ok(())
    }

    /// Lets go of what need not wait any longer.
    fn go_on(&mut self, out: &mut VecDeque<Bytes>) {
        if self.places.iter().all(|place| matches!(place, Place::Done)) {
            self.settle(Reason::LeftAlone(LeftAlone::Empty), out);
        } else if !self.places.iter().any(|place| matches!(place, Place::Opening { .. })) {
            self.release(out);
        }
    }

    fn hold(&mut self, event: Event) {
        self.held_bytes += event.raw.len();
        self.held.push_back(Held { event, splices: Vec::new() });
    }

    /// Looks at each beginning once more.
    fn decide(&mut self, is_complete: bool) {
        for place in &mut self.places {
            let Place::Opening { text, held, at } = place else { continue };
            let opening = self.empathy.read_opening(text, is_complete);
            if opening == Opening::Undecided {
                continue;
            }
            match fit(&self.sentence, text, opening) {
                Ok(prefix) => {
                    if let Some(held) = self.held.get_mut(*held) {
                        held.splices.push(Splice { at: *at, insert: escape(&prefix) });
                        self.has_inserted = true;
                    }
                }
                Err(silence) => self.reason = Some(Reason::Silence(silence)),
            }
            *place = Place::Done;
        }
    }

    /// Everything that is held goes out, with what was put into it.
    fn release(&mut self, out: &mut VecDeque<Bytes>) {
        self.held_bytes = 0;
        for Held { event, splices } in self.held.drain(..) {
            if splices.is_empty() {
                out.push_back(event.raw);
            } else {
                out.extend(splice(event.raw, splices));
            }
        }
    }

    /// Nothing more can change; `otherwise` is the reason where no text gave one.
    fn settle(&mut self, otherwise: Reason, out: &mut VecDeque<Bytes>) {
        self.release(out);
        let rest = self.splitter.take_rest();
        if !rest.is_empty() {
            out.push_back(rest);
        }
        let reason = self.reason.unwrap_or(otherwise);
        self.verdict = Some(if self.has_inserted { Action::Prepend } else { Action::None(reason) });
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
