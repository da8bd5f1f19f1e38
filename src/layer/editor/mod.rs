//! Edits the text of one reply in place, and lets go of it as early as it can. Frames in, bytes out; no HTTP.
//!
//! Frames are read until each text of the reply has begun. The frames of a beginning are held while it is undecided what
//! becomes of it; then the change is made in the frames' own text and everything held goes out. No frame is added, none
//! waits for longer than its predecessors, and after the last edit the bot's bytes pass as they are. A reply that comes
//! whole is a single frame and goes the same way. (`speech` says what rules say, which may be a frame of its own.)

mod ending;
mod held;
mod speech;

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use self::{ending::Ending, held::Queue};
use super::{
    guard::guard,
    spoken::Spoken,
    text::{Part, Text},
};
use crate::{
    empathy::{Adjustment, Change, Intent, Interjection, Policy, Review, Silence},
    outcome::{FailOpen, Reason, Verdict},
    protocol::{Frame, Framer, Framing, HandsOff, Piece, PieceKind, ReplyReader},
    rules::Undecided,
};

/// Edits one reply.
#[derive(Debug)]
pub(super) struct Editor {
    reader: Box<dyn ReplyReader>,
    policy: Policy,
    /// What is to be said, once that is decided.
    intent: Option<Intent>,
    /// How the head says that the reply is divided.
    labelled: Framing,
    /// None until the first byte shows how it really is.
    framer: Option<Framer>,
    framing: Option<Framing>,
    texts: Vec<Text>,
    held: Queue,
    max_held_bytes: usize,
    /// What has been done.
    adjustment: Option<Adjustment>,
    /// What has been said, and by which rules.
    spoken: Spoken,
    /// The rules that may speak behind the reply, until that is decided.
    rules: Option<Undecided>,
    /// What a rule says behind the reply.
    behind: Option<Arc<Interjection>>,
    /// The end of each text, where rules may speak, or until it is known whether they may.
    endings: Vec<Ending>,
    /// Why the latest text that was left alone was.
    reason: Option<Reason>,
    /// The body has ended.
    is_over: bool,
    /// Nothing more can change: bytes pass unread.
    is_passing: bool,
}

/// What an editor waits for while it holds something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It holds nothing.
    Nothing,
    /// There is text, and it is not decided yet what is to be said.
    Plan,
    /// The text is one word so far: a verdict for a program, if no other follows.
    Word,
    /// More of the text, which may yet turn out to be an acknowledgment.
    Beginning,
    /// The end of an opener that is out of proportion.
    Opener,
    /// What shows whether the text that has ended was the last.
    End,
    /// The end of a frame.
    Frame,
}

impl Editor {
    pub(super) fn new(
        labelled: Framing,
        reader: Box<dyn ReplyReader>,
        policy: Policy,
        max_held_bytes: usize,
    ) -> Result<Self, FailOpen> {
        let texts = guard(|| reader.texts())?;
        Ok(Self {
            reader,
            policy,
            intent: None,
            labelled,
            framer: None,
            framing: None,
            texts: std::iter::repeat_with(Text::default).take(texts).collect(),
            held: Queue::default(),
            max_held_bytes,
            adjustment: None,
            spoken: Spoken::default(),
            rules: None,
            behind: None,
            endings: std::iter::repeat_with(Ending::default).take(texts).collect(),
            reason: None,
            is_over: false,
            is_passing: false,
        })
    }

    /// What came of it, once each text has been dealt with.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let is_settled = self.is_passing || (self.texts.iter().all(Text::is_decided) && !self.awaits_end());
        is_settled.then(|| match (self.adjustment, self.reason) {
            (Some(adjustment), _) => Verdict::Adjusted(adjustment),
            (None, Some(reason)) => Verdict::Untouched(reason),
            (None, None) => Verdict::Untouched(HandsOff::Empty.into()),
        })
    }

    /// What will be done, as far as that is decided, and which rules will speak.
    pub(super) fn planned(&self) -> (Verdict, Vec<Arc<str>>) {
        let Some(intent) = &self.intent else { return (Verdict::Pending, Vec::new()) };
        let verdict = match (intent.planned(), intent.silence()) {
            (Some(adjustment), _) => Verdict::Planned(adjustment),
            (None, silence) => silence.map_or(Verdict::Pending, Verdict::Silent),
        };
        let acknowledges = intent.before(None).and_then(|saying| saying.rule.clone());
        let other = intent.interjection().map(|interjection| Arc::clone(&interjection.rule));
        (verdict, acknowledges.into_iter().chain(other).collect())
    }

    /// What has been said, and by which rules.
    pub(super) const fn spoken(&self) -> &Spoken {
        &self.spoken
    }

    /// Whether any text has been changed.
    pub(super) const fn has_changed(&self) -> bool {
        self.adjustment.is_some()
    }

    /// Whether bytes pass unread from here on.
    pub(super) const fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// How many bytes it holds.
    pub(super) fn held_bytes(&self) -> usize {
        let waiting = self.framer.as_ref().map_or(0, Framer::buffered);
        let remembered: usize = self.texts.iter().map(Text::remembered).sum();
        self.held.bytes() + waiting + remembered
    }

    /// How many bytes it remembers of what has gone on.
    pub(super) fn remembered_bytes(&self) -> usize {
        if self.is_passing { 0 } else { self.endings.iter().map(Ending::remembered).sum() }
    }

    /// What it waits for, if it holds anything back.
    pub(super) fn holding(&self) -> Holding {
        let mut waiting = self.texts.iter().filter(|text| text.holds_from().is_some()).peekable();
        if waiting.peek().is_some() && !self.is_passing {
            return match self.intent {
                None => Holding::Plan,
                Some(_) if waiting.clone().all(|text| text.word().is_some()) => Holding::Word,
                Some(_) if waiting.all(Text::gushes) => Holding::Opener,
                Some(_) => Holding::Beginning,
            };
        }
        if self.held_end().is_some() && !self.is_passing {
            return Holding::End;
        }
        let is_cut = self.framer.as_ref().is_some_and(|framer| framer.buffered() > 0);
        if is_cut || !self.held.is_empty() { Holding::Frame } else { Holding::Nothing }
    }

    /// Takes the next bytes of the body and gives out what may go on.
    pub(super) fn push(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        if self.is_passing {
            out.push_back(chunk);
            return;
        }
        let Some(framer) = &mut self.framer else { return self.begin(chunk, out) };
        framer.push(&chunk);
        self.advance(false, out);
    }

    /// The body has ended: what is undecided is decided with what is there.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        self.is_over = true;
        self.advance(true, out);
        self.decide(true);
        self.close(true);
        let absence = guard(|| self.reader.absence()).map_or_else(Reason::from, Reason::from);
        self.give_up(absence, out);
    }

    /// What is held has waited long enough: a word is taken for the first of several, and what else there is of a text
    /// for all that decides.
    pub(super) fn settle(&mut self, out: &mut VecDeque<Bytes>) {
        match self.holding() {
            Holding::Nothing => {}
            Holding::Word => {
                for text in &mut self.texts {
                    if let Some(change) = text.word().cloned() {
                        note(&mut self.adjustment, &mut self.spoken, &change);
                        self.held.place(text.change(change));
                    }
                }
                self.release(out);
            }
            Holding::Beginning | Holding::Opener => {
                self.decide(true);
                self.release(out);
            }
            Holding::End => self.release_end(out),
            Holding::Plan => self.give_up(FailOpen::Budget, out),
            Holding::Frame => self.give_up(FailOpen::HeldTooLong, out),
        }
    }

    /// Lets everything go as it is from here on, for this reason if there is no other.
    pub(super) fn give_up(&mut self, reason: impl Into<Reason>, out: &mut VecDeque<Bytes>) {
        if self.is_passing {
            return;
        }
        self.reason.get_or_insert(reason.into());
        self.is_passing = true;
        self.release(out);
    }

    /// The first bytes show how the reply is divided; white space before them is not waited with.
    fn begin(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        let Some(start) = chunk.iter().position(|byte| !byte.is_ascii_whitespace()) else {
            out.push_back(chunk);
            return;
        };
        let start = chunk.get(start..).unwrap_or_default();
        match guard(|| self.reader.reframe(self.labelled, start)) {
            Ok(Ok(framing)) => {
                let mut framer = Framer::new(framing);
                framer.push(&chunk);
                self.framer = Some(framer);
                self.framing = Some(framing);
                self.advance(false, out);
            }
            Ok(Err(reason)) => self.stop_at(reason.into(), chunk, out),
            Err(reason) => self.stop_at(reason.into(), chunk, out),
        }
    }

    fn stop_at(&mut self, reason: Reason, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        self.give_up(reason, out);
        out.push_back(chunk);
    }

    /// Reads every frame that is there in full; at the end of the body, also what is left.
    fn advance(&mut self, is_over: bool, out: &mut VecDeque<Bytes>) {
        while !self.is_passing
            && let Some(frame) = self.framer.as_mut().and_then(|framer| framer.next_frame(is_over))
        {
            self.take(frame, out);
        }
        if self.held_bytes() > self.max_held_bytes {
            self.release_end(out);
        }
        if self.held_bytes() > self.max_held_bytes {
            self.give_up(FailOpen::ReplyTooLong, out);
        }
    }

    /// Holds a frame, reads it, decides what can be decided, and lets go of what need not wait.
    fn take(&mut self, frame: Frame, out: &mut VecDeque<Bytes>) {
        self.held.push(frame);
        match self.read() {
            Ok(()) => {
                if let Some(rules) = &mut self.rules
                    && let Some((frame, _)) = self.held.last()
                {
                    let _ = guard(|| rules.see_frame(&frame.data()));
                }
                self.decide(false);
                self.close(false);
                self.release(out);
            }
            Err(reason) => self.give_up(reason, out),
        }
    }

    /// Reads the frame that was held last.
    fn read(&mut self) -> Result<(), Reason> {
        let Some((frame, number)) = self.held.last() else { return Ok(()) };
        let mut pieces = Vec::new();
        guard(|| self.reader.read(frame, &mut pieces))??;
        let mut edits = Vec::new();
        let taken = pieces.into_iter().try_for_each(|piece| {
            let Some(text) = self.texts.get_mut(piece.text) else { return Ok(()) };
            let part = part_of(frame, number, &piece).ok_or(HandsOff::Unreadable)?;
            edits.extend(self.endings.get_mut(piece.text).and_then(|ending| ending.take(&part, frame, piece.kind)));
            edits.extend(text.take(part, piece.kind)?);
            Ok(())
        });
        // A copy in this frame must agree even where what follows it cannot be read.
        self.held.place(edits.into_iter().map(|edit| (number, edit)));
        taken.map_err(|reason: HandsOff| reason.into())
    }

    /// Looks at each beginning once more.
    fn decide(&mut self, is_over: bool) {
        let Some(intent) = &self.intent else { return };
        for text in &mut self.texts {
            let is_over = is_over && (self.is_over || text.holds_from().is_some());
            let review = loop {
                let Some((visible, is_complete)) = text.beginning(is_over) else { break None };
                let review = guard(|| self.policy.review(intent, visible, is_complete));
                let is_undecided = matches!(review, Ok(Review::Wait | Review::WaitForEnd | Review::ChangeIfMore(_)));
                if !(is_undecided && text.has_unread()) {
                    break Some(review);
                }
                if let Err(reason) = text.read_on() {
                    self.reason = Some(reason.into());
                    text.leave();
                }
            };
            let Some(review) = review else { continue };
            match review {
                Ok(Review::Wait) => text.wait(None, false),
                Ok(Review::WaitForEnd) => text.wait(None, true),
                Ok(Review::ChangeIfMore(change)) => text.wait(Some(change), false),
                Ok(Review::Change(change)) => {
                    note(&mut self.adjustment, &mut self.spoken, &change);
                    self.held.place(text.change(change));
                }
                // Why there are no words, the reader knows better.
                Ok(Review::Leave(Silence::Empty)) => {
                    let absence = guard(|| self.reader.absence()).map_or_else(Reason::from, Reason::from);
                    self.reason.get_or_insert(absence);
                    text.leave();
                }
                Ok(Review::Leave(silence)) => {
                    self.reason = Some(silence.into());
                    text.leave();
                }
                Err(reason) => {
                    self.reason = Some(reason.into());
                    text.leave();
                }
            }
        }
    }

    /// Lets go of what need not wait any longer; of everything, once nothing more can change.
    fn release(&mut self, out: &mut VecDeque<Bytes>) {
        if self.texts.iter().all(Text::is_decided) && !self.awaits_end() {
            // Texts that keep their words have no copies that must agree.
            self.is_passing |= self.adjustment.is_none() || !guard(|| self.reader.expects_copies()).unwrap_or(false);
        }
        let keep = self.texts.iter().filter_map(Text::holds_from).min();
        // What may have to go before an event goes before its name.
        let name = self.held.unfinished_event().filter(|_| self.awaits_end());
        let end = self.held_end().map(|end| self.held.event(end));
        let keep = keep.into_iter().chain(name).chain(end).min().filter(|_| !self.is_passing);
        self.held.release(keep, out);
        if self.is_passing {
            out.extend(self.framer.as_mut().map(Framer::take_rest).filter(|rest| !rest.is_empty()));
        }
    }
}

/// Notes what is done to a text. Of several texts the first that something is said before counts.
fn note(adjustment: &mut Option<Adjustment>, spoken: &mut Spoken, change: &Change) {
    adjustment.get_or_insert(change.adjustment);
    spoken.note(change);
}

/// A piece's place in the bytes of its frame.
fn part_of(frame: &Frame, number: usize, piece: &Piece) -> Option<Part> {
    let span = match piece.kind {
        PieceKind::End | PieceKind::Restart => 0..0,
        PieceKind::Delta
        | PieceKind::Copy
        | PieceKind::Repeat
        | PieceKind::Later
        | PieceKind::LaterCopy
        | PieceKind::Offset(_) => frame.raw_range(&piece.span)?,
    };
    let raw = frame.raw().get(span.clone()).map(|raw| frame.raw().slice_ref(raw))?;
    Some(Part { frame: number, span, raw, encoding: piece.encoding })
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests;
