//! One text of a reply: what has come of it, where its pieces are, and what becomes of it.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    empathy::Change,
    protocol::{Edit, Encoding, HandsOff, PieceKind, Reasoning, Unit, leaks},
};

/// A piece as it is written: in which frame, at which of its bytes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) frame: usize,
    pub(super) span: Range<usize>,
    pub(super) raw: Bytes,
    pub(super) encoding: Encoding,
}

impl Part {
    /// Its beginning, of about this many bytes, and the rest.
    fn split(mut self, length: usize) -> (Self, Option<Self>) {
        let at = self.encoding.boundary(&self.raw, length);
        if at >= self.raw.len() {
            return (self, None);
        }
        let raw = self.raw.split_off(at);
        let end = std::mem::replace(&mut self.span.end, self.span.start + at);
        let rest = Self { frame: self.frame, span: self.span.end..end, raw, encoding: self.encoding };
        (self, Some(rest))
    }
}

/// With how many bytes of white space a reply may begin.
const BLANK: usize = 4 << 10;

/// How much of a piece is read at a time: more than any beginning needs, and all that is copied of a long reply.
const READ: usize = 4 << 10;

/// What is known of one text.
#[derive(Debug, Default)]
pub(super) struct Text {
    reasoning: Reasoning,
    /// How much of the text came before the beginning, in bytes and in characters.
    skipped: usize,
    skipped_chars: usize,
    /// What the user reads of it so far, and where in the text its first word begins.
    beginning: String,
    visible: usize,
    /// The pieces that `beginning` came in, each with where in the text it begins and ends.
    pieces: Vec<(Part, Range<usize>)>,
    /// The rest of the latest piece, where that is long.
    unread: Option<Part>,
    /// What depends on the text and waits in a frame until it is decided.
    dependents: Vec<(Part, PieceKind)>,
    has_begun: bool,
    is_complete: bool,
    /// What to do if no second word comes in time.
    word: Option<Change>,
    /// Whether it begins with an opener that is out of proportion, and has not ended.
    gushes: bool,
    decided: Option<Decided>,
}

#[derive(Debug, PartialEq, Eq)]
enum Decided {
    Leave,
    Change(Change),
}

/// An edit, and in which frame.
pub(super) type Placed = (usize, Edit);

impl Text {
    /// Takes a piece. An edit where it must agree with what was changed before.
    ///
    /// # Errors
    ///
    /// The reason to leave the reply alone from here on.
    pub(super) fn take(&mut self, part: Part, kind: PieceKind) -> Result<Option<Edit>, HandsOff> {
        match (&self.decided, kind) {
            (None, PieceKind::Delta) => self.append(part)?,
            (None, PieceKind::Repeat) if !self.has_begun => self.append(part)?,
            (None, PieceKind::Copy) if !self.has_begun => {
                self.append(part)?;
                self.is_complete = true;
            }
            (None, PieceKind::Copy | PieceKind::Repeat | PieceKind::Offset(_)) => {
                self.is_complete |= kind == PieceKind::Copy;
                self.dependents.push((part, kind));
            }
            (None, PieceKind::End) => self.is_complete = true,
            (None, PieceKind::Restart) => *self = Self::default(),
            (Some(Decided::Change(change)), PieceKind::Copy | PieceKind::Repeat | PieceKind::Offset(_)) => {
                return Ok(self.agree(change, &part, kind));
            }
            (None, PieceKind::Later | PieceKind::LaterCopy) | (Some(_), _) => {}
        }
        Ok(None)
    }

    /// Adds a piece, after what may be left of the one before.
    fn append(&mut self, part: Part) -> Result<(), HandsOff> {
        if !self.has_begun && leaks(&part.raw) {
            return Err(HandsOff::Reasoning);
        }
        while self.unread.is_some() {
            self.read_on()?;
        }
        self.unread = Some(part);
        self.read_on()?;
        while self.reasoning.is_inside() && self.unread.is_some() {
            self.read_on()?;
        }
        Ok(())
    }

    /// Reads on in a long piece.
    ///
    /// # Errors
    ///
    /// [`HandsOff::Unreadable`] if it is no text, or nothing but white space for longer than any reply begins.
    pub(super) fn read_on(&mut self) -> Result<(), HandsOff> {
        let Some(part) = self.unread.take() else { return Ok(()) };
        let (part, rest) = part.split(READ);
        self.unread = rest;
        let text = part.encoding.decode(&part.raw).ok_or(HandsOff::Unreadable)?;
        self.has_begun |= !text.is_empty();
        let start = self.skipped + self.beginning.len();
        self.beginning.push_str(&text);
        drop(text);
        self.pieces.push((part, start..self.skipped + self.beginning.len()));
        if !self.reasoning.is_over() {
            let length = self.reasoning.skip(&self.beginning);
            self.skipped_chars += self.beginning.drain(..length).count();
            self.skipped += length;
        }
        let blank = self.beginning.len() - self.beginning.trim_start().len();
        if blank > BLANK {
            return Err(HandsOff::Unreadable);
        }
        // What lies before the first word stays as it is, and need not be kept.
        self.visible = self.skipped + blank;
        self.pieces.retain(|(_, at)| at.end > self.visible);
        Ok(())
    }

    /// Whether there is more of it to read.
    pub(super) const fn has_unread(&self) -> bool {
        self.unread.is_some()
    }

    /// What there is to review, and whether that is all of it; nothing once it is decided.
    pub(super) fn beginning(&self, is_over: bool) -> Option<(&str, bool)> {
        if self.decided.is_some() {
            return None;
        }
        let is_complete = (self.is_complete || is_over) && self.unread.is_none();
        let is_hidden = self.reasoning.is_inside() || !(self.reasoning.is_over() || is_complete);
        Some((if is_hidden { "" } else { &self.beginning }, is_complete))
    }

    /// The first frame that must wait for the decision.
    pub(super) fn holds_from(&self) -> Option<usize> {
        if self.decided.is_some() || self.reasoning.is_inside() {
            return None;
        }
        let visible = self.pieces.first().map(|(part, _)| part).or(self.unread.as_ref()).map(|part| part.frame);
        visible.into_iter().chain(self.dependents.iter().map(|(part, _)| part.frame)).min()
    }

    /// How many bytes of it are remembered although their frames have gone.
    pub(super) fn remembered(&self) -> usize {
        if self.holds_from().is_none() { self.beginning.len() } else { 0 }
    }

    pub(super) const fn is_decided(&self) -> bool {
        self.decided.is_some()
    }

    /// Whether any of it has come.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// What to do if no second word comes in time.
    pub(super) fn word(&self) -> Option<&Change> {
        self.word.as_ref().filter(|_| self.decided.is_none())
    }

    /// Whether it begins with an opener that is out of proportion, whose end has not come.
    pub(super) const fn gushes(&self) -> bool {
        self.gushes
    }

    /// It stays undecided; a single word is changed so if no other comes in time.
    pub(super) fn wait(&mut self, word: Option<Change>, gushes: bool) {
        self.word = word;
        self.gushes = gushes;
    }

    /// It keeps its words.
    pub(super) fn leave(&mut self) {
        self.decided = Some(Decided::Leave);
        self.pieces.clear();
        self.unread = None;
        self.dependents.clear();
    }

    /// It changes: the edits in its pieces, and in what waits to agree with them.
    pub(super) fn change(&mut self, change: Change) -> Vec<Placed> {
        let cut = self.absolute(&change);
        let last = self.pieces.len().saturating_sub(1);
        let mut placed = Vec::new();
        for (number, (part, at)) in std::mem::take(&mut self.pieces).into_iter().enumerate() {
            let takes = at.contains(&cut.start) || (number == last && cut.start == at.end);
            let put = if takes { change.put.as_str() } else { "" };
            let inside = cut.start.clamp(at.start, at.end) - at.start..cut.end.clamp(at.start, at.end) - at.start;
            if !(inside.is_empty() && put.is_empty()) {
                placed.push((part.frame, edit(&part, inside, put)));
            }
        }
        for (part, kind) in std::mem::take(&mut self.dependents) {
            placed.extend(self.agree(&change, &part, kind).map(|edit| (part.frame, edit)));
        }
        self.unread = None;
        self.decided = Some(Decided::Change(change));
        placed
    }

    /// The edit that makes a copy, or a number that counts from the beginning, agree with the change.
    fn agree(&self, change: &Change, part: &Part, kind: PieceKind) -> Option<Edit> {
        if let PieceKind::Offset(unit) = kind {
            let (skipped, length): (_, fn(&str) -> usize) = match unit {
                Unit::Bytes => (self.skipped, str::len),
                Unit::Chars => (self.skipped_chars, |text| text.chars().count()),
            };
            let offset: usize = std::str::from_utf8(&part.raw).ok()?.parse().ok()?;
            let of = |range: Range<usize>| self.beginning.get(range).map_or(0, length);
            let moved = offset >= skipped + of(0..change.cut.end);
            let offset = offset.checked_add(length(&change.put))?.checked_sub(of(change.cut.clone()))?;
            let with = Bytes::from(offset.to_string());
            return moved.then(|| Edit { at: part.span.clone(), with });
        }
        let text = part.encoding.decode(&part.raw)?;
        // Moderation and the like may have put other words in its place: those are not what was decided upon.
        let visible = text.get(self.skipped..)?;
        if visible.starts_with(&self.beginning) {
            return Some(edit(part, self.absolute(change), &change.put));
        }
        // The beginning of it is told again: as much of the change as lies in it.
        let cut = self.absolute(change);
        let is_beginning = self.beginning.starts_with(visible) && cut.start < text.len();
        is_beginning.then(|| edit(part, cut.start..cut.end.min(text.len()), &change.put))
    }

    /// What is cut, counted from the beginning of the whole text.
    fn absolute(&self, change: &Change) -> Range<usize> {
        self.skipped + change.cut.start..self.skipped + change.cut.end
    }
}

/// Changes the bytes of a part that stand for these bytes of its text.
fn edit(part: &Part, text: Range<usize>, put: &str) -> Edit {
    let at = |decoded| part.span.start + part.encoding.locate(&part.raw, decoded);
    Edit { at: at(text.start)..at(text.end), with: part.encoding.encode(put) }
}
