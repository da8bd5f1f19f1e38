//! Edits the text of one reply in place, and lets go of it as early as it can. Frames in, bytes out; no HTTP.
//!
//! Frames are read until each text of the reply has begun. The frames of a beginning are held while it is undecided what
//! becomes of it; then the change is made in the frames' own text and everything held goes out. No frame is added, none
//! waits for longer than its predecessors, and after the last edit the bot's bytes pass as they are. A reply that comes
//! whole is a single frame and goes the same way.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    ending::{Behind, Ending},
    guard::guard,
    late::{LATE, LateReply},
    spoken::Spoken,
    text::{Part, Placed, Text},
};
use crate::{
    empathy::{Adjustment, Change, Intent, Interjection, Place, Policy, Review, Silence},
    outcome::{FailOpen, Reason, Verdict},
    protocol::{Edit, Frame, Framer, Framing, HandsOff, Piece, PieceKind, ReplyReader, apply},
    rules::{Stage, Undecided},
};

/// What an acknowledgment may take of a text that has a limit, in characters.
const ROOM: usize = 200;

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
    held: VecDeque<Held>,
    /// The number of the frame at the front of `held`.
    first_held: usize,
    held_bytes: usize,
    max_held_bytes: usize,
    /// What has been done.
    adjustment: Option<Adjustment>,
    /// What has been said, and by which rules.
    spoken: Spoken,
    /// The rules that may speak behind the reply, until that is decided.
    rules: Option<Undecided>,
    /// What a rule says behind the reply.
    behind: Option<Arc<Interjection>>,
    /// The end of each text, where rules may speak.
    endings: Vec<Ending>,
    /// Whether what went out last is the name of an event whose data has not come.
    is_in_event: bool,
    /// Whether what went out last has no end of a line.
    ends_mid_line: bool,
    /// What goes out behind everything that is held.
    after: Vec<Bytes>,
    /// Why the latest text that was left alone was.
    reason: Option<Reason>,
    /// The body has ended.
    is_over: bool,
    /// Nothing more can change: bytes pass unread.
    is_passing: bool,
}

/// A frame that waits, and what changes in it.
#[derive(Debug)]
struct Held {
    frame: Frame,
    edits: Vec<Edit>,
    /// What goes out before it.
    before: Vec<Bytes>,
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
            held: VecDeque::new(),
            first_held: 0,
            held_bytes: 0,
            max_held_bytes,
            adjustment: None,
            spoken: Spoken::default(),
            rules: None,
            behind: None,
            endings: Vec::new(),
            after: Vec::new(),
            is_in_event: false,
            ends_mid_line: false,
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

    /// Whether something is, or may yet be, put behind the reply.
    fn awaits_end(&self) -> bool {
        (self.behind.is_some() || self.rules.is_some()) && !self.endings.iter().all(Ending::is_closed)
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
        self.held_bytes + waiting + remembered
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
        let is_cut = self.framer.as_ref().is_some_and(|framer| framer.buffered() > 0);
        if is_cut || !self.held.is_empty() { Holding::Frame } else { Holding::Nothing }
    }

    /// It is decided what is to be said, before the reply is there.
    pub(super) fn speak(&mut self, intent: Intent, rules: Option<Undecided>, out: &mut VecDeque<Bytes>) {
        self.intent = Some(match rules {
            Some(rules) => self.ask(&rules, Stage::Begins, intent).unwrap_or_else(|intent| {
                self.rules = Some(rules).filter(Undecided::waits_for_end);
                intent
            }),
            None => intent,
        });
        if self.awaits_end_of_any() {
            self.endings = std::iter::repeat_with(Ending::default).take(self.texts.len()).collect();
        }
        self.decide(false);
        self.release(out);
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

    /// Takes a reply that is there whole, however it is divided.
    pub(super) fn whole(&mut self, body: Bytes, intent: Intent, rules: Option<Undecided>, out: &mut VecDeque<Bytes>) {
        let is_asked = rules.is_some();
        if is_asked {
            self.endings = std::iter::repeat_with(Ending::default).take(self.texts.len()).collect();
        } else {
            self.intent = Some(intent.clone());
        }
        self.rules = rules;
        if self.labelled == Framing::Whole {
            self.take(Frame::whole(body), out);
        } else {
            self.push(body, out);
        }
        if let Some(rules) = self.rules.take()
            && !self.is_passing
        {
            let reply = self.endings.first().map_or("", Ending::told).to_owned();
            let intent = self.ask(&rules, Stage::Whole(&reply), intent).unwrap_or_else(|intent| intent);
            self.intent = Some(intent);
            self.decide(false);
        }
        self.finish(out);
    }

    /// Asks the rules: the intent with what they say, or as it was where none says anything but the acknowledgment.
    fn ask(&mut self, rules: &Undecided, stage: Stage<'_>, intent: Intent) -> Result<Intent, Intent> {
        let Ok(mut decided) = guard(|| rules.decide(stage)) else { return Err(intent) };
        if let (Stage::Whole(reply), Ok(Some(most))) = (stage, guard(|| self.reader.max_chars())) {
            let length = reply.chars().count() + ROOM;
            decided.other = decided.other.filter(|other| length + other.text.chars().count() <= most);
        }
        self.spoken.note_failed(&decided);
        let intent = match &decided.emotional {
            Some(interjection) => intent.with_acknowledgment(interjection),
            None => intent,
        };
        match decided.other {
            Some(interjection) => {
                self.behind = Some(Arc::clone(&interjection)).filter(|other| other.place == Place::End);
                Ok(intent.with_interjection(interjection))
            }
            None => Err(intent),
        }
    }

    const fn awaits_end_of_any(&self) -> bool {
        self.behind.is_some() || self.rules.is_some()
    }

    /// Whether the reply has begun to speak, or nothing can be said any more.
    pub(super) fn has_begun(&self) -> bool {
        self.is_passing || self.texts.iter().any(|text| text.has_begun() || text.is_decided())
    }

    /// Says that the reply is late, with the acknowledgment that the turn calls for; whether that was possible, between two
    /// events and in a piece of its own.
    pub(super) fn say_late(&mut self, late: &LateReply, out: &mut VecDeque<Bytes>) -> bool {
        let is_between = self.held.is_empty()
            && !self.is_in_event
            && self.framer.as_ref().is_none_or(|framer| framer.buffered() == 0);
        let Some(intent) = self.intent.as_ref().filter(|intent| !intent.is_danger() && !self.has_begun() && is_between)
        else {
            return false;
        };
        let saying = intent.before(None).cloned();
        let sentence = saying.as_ref().map(|saying| saying.sentence.as_str());
        let words = sentence.into_iter().chain([late.say.as_str()]).collect::<Vec<_>>().join(" ") + "\n\n";
        let Ok(Some(piece)) = guard(|| self.reader.first_piece(&words)) else { return false };
        out.push_back(piece.into());
        let then = late.then.clone().map(|then| Arc::new(Interjection::new(LATE.into(), Place::Front, then)));
        self.intent = Some(intent.clone().after_late(saying.is_some(), then));
        self.adjustment = Some(Adjustment::Prepend);
        self.spoken.note_late(saying);
        true
    }

    /// Puts behind each text that is over what is to stand there; `is_over` says that all are.
    fn close(&mut self, is_over: bool) {
        if self.endings.is_empty() || self.is_passing {
            return;
        }
        let may_repeat = self.framing.filter(|_| guard(|| self.reader.may_repeat()).unwrap_or(false));
        for number in 0..self.endings.len() {
            let Some(ending) = self.endings.get_mut(number) else { break };
            let is_decided = self.texts.get(number).is_none_or(Text::is_decided);
            if ending.is_closed() || !is_decided || !(is_over || ending.is_over()) {
                continue;
            }
            if self.behind.is_none()
                && let Some(rules) = self.rules.take()
                && let Ok(decided) = guard(|| rules.decide(Stage::Ends(ending.told())))
            {
                self.spoken.note_failed(&decided);
                self.behind = decided.other;
            }
            let policy = &self.policy;
            let reader = &self.reader;
            if !guard(|| policy.may_follow(ending.told()) && reader.is_last()).unwrap_or(false) {
                ending.leave();
                continue;
            }
            let Some(behind) = &self.behind else {
                self.endings.iter_mut().for_each(Ending::leave);
                return;
            };
            let own = |words: &str| guard(|| reader.next_piece(number, words)).ok().flatten().map(Bytes::from);
            let Behind { placed, again, is_put } = ending.put(&behind.text, self.first_held, may_repeat, own);
            place(&mut self.held, self.first_held, placed);
            if let Some(bytes) = again {
                // Not between the name of an event and its data.
                let last = self.held.len().saturating_sub(1);
                let names = fields_before(&self.held, last);
                match self.held.get_mut(last.saturating_sub(names)) {
                    Some(held) => held.before.extend(bytes),
                    None => {
                        // The last line may have come without its end.
                        let ends: &'static [u8] = if self.framing == Some(Framing::Sse) { b"\n\n" } else { b"\n" };
                        if self.ends_mid_line && self.framing != Some(Framing::Text) {
                            self.after.push(Bytes::from_static(ends));
                        }
                        self.after.extend(bytes);
                    }
                }
            }
            if is_put {
                self.adjustment.get_or_insert(Adjustment::Append);
                self.spoken.note_end(behind);
            }
        }
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
                        place(&mut self.held, self.first_held, text.change(change));
                    }
                }
                self.release(out);
            }
            Holding::Beginning | Holding::Opener => {
                self.decide(true);
                self.release(out);
            }
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
            self.give_up(FailOpen::ReplyTooLong, out);
        }
    }

    /// Holds a frame, reads it, decides what can be decided, and lets go of what need not wait.
    fn take(&mut self, frame: Frame, out: &mut VecDeque<Bytes>) {
        self.held_bytes += frame.raw().len();
        self.held.push_back(Held { frame, edits: Vec::new(), before: Vec::new() });
        match self.read() {
            Ok(()) => {
                if let Some(rules) = &mut self.rules
                    && let Some(held) = self.held.back()
                {
                    rules.see_frame(&held.frame.data());
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
        let Some(Held { frame, .. }) = self.held.back() else { return Ok(()) };
        let number = self.first_held + self.held.len() - 1;
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
        if let Some(held) = self.held.back_mut() {
            held.edits.extend(edits);
        }
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
                    place(&mut self.held, self.first_held, text.change(change));
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
        let names = fields_before(&self.held, self.held.len());
        let name = Some(self.first_held + self.held.len() - names).filter(|_| names > 0 && self.awaits_end());
        let keep = keep.into_iter().chain(name).min().filter(|_| !self.is_passing);
        while !self.held.is_empty() && keep.is_none_or(|keep| self.first_held < keep) {
            let Some(Held { frame, edits, before }) = self.held.pop_front() else { break };
            self.first_held += 1;
            self.held_bytes = self.held_bytes.saturating_sub(frame.raw().len());
            out.extend(before);
            self.ends_mid_line = frame.raw().last().is_some_and(|last| !matches!(last, b'\n' | b'\r'));
            self.is_in_event = is_field(&frame) || (self.is_in_event && is_line_feed(&frame));
            if edits.is_empty() {
                out.push_back(frame.raw().clone());
            } else {
                out.extend(apply(frame.raw().clone(), edits));
            }
        }
        if self.held.is_empty() {
            out.extend(self.after.drain(..));
        }
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

/// Whether a frame is a line of an event before its data: its name or its number.
fn is_field(frame: &Frame) -> bool {
    frame.data().is_empty() && frame.raw().first().is_some_and(u8::is_ascii_alphabetic)
}

/// Whether it is what is left of a line's end that was cut in two.
fn is_line_feed(frame: &Frame) -> bool {
    **frame.raw() == *b"\n"
}

/// How many of the frames right before this one are lines of the same event before its data.
fn fields_before(held: &VecDeque<Held>, end: usize) -> usize {
    let mut frames = held.iter().take(end).rev().map(|held| &held.frame).peekable();
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

/// A piece's place in the bytes of its frame.
fn part_of(frame: &Frame, number: usize, piece: &Piece) -> Option<Part> {
    let span = match piece.kind {
        PieceKind::End | PieceKind::Restart => 0..0,
        PieceKind::Delta | PieceKind::Copy | PieceKind::Repeat | PieceKind::Offset(_) => {
            frame.raw_range(&piece.span)?
        }
    };
    let raw = frame.raw().get(span.clone()).map(|raw| frame.raw().slice_ref(raw))?;
    Some(Part { frame: number, span, raw, encoding: piece.encoding })
}

/// Notes the edits of frames that are held, whose first is number `first`.
fn place(held: &mut VecDeque<Held>, first: usize, placed: Vec<Placed>) {
    for (frame, edit) in placed {
        if let Some(held) = frame.checked_sub(first).and_then(|index| held.get_mut(index)) {
            held.edits.push(edit);
        }
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
#[path = "editor_tests.rs"]
mod tests;
