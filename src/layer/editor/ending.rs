//! The end of one text of a reply, and of those behind it: what has been told of them, and what is put behind the last.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    empathy::behind,
    layer::text::{Part, Placed},
    protocol::{Edit, Frame, Framing, PieceKind, apply, visible},
};

/// How much of a text is remembered, in bytes.
const TOLD: usize = 64 << 10;

/// How many copies of a text are remembered before its end.
const COPIES: usize = 16;

/// A frame once more, with an edit in it, set apart from what comes before and after it.
fn again(frame: &Frame, edit: Edit, framing: Framing) -> Vec<Bytes> {
    let raw = frame.raw().clone();
    let line_end: &'static [u8] = if raw.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
    let (begins, ends) =
        (raw.first().is_some_and(u8::is_ascii_whitespace), raw.last().is_some_and(u8::is_ascii_whitespace));
    let mut pieces = apply(raw, vec![edit]);
    match framing {
        Framing::Sse => {
            if let Some(name) = frame.event() {
                let line = [b"event: ", name.as_bytes(), line_end].concat();
                pieces.insert(0, Bytes::from(line));
            }
            if !ends {
                pieces.push(Bytes::from_static(line_end));
            }
            pieces.push(Bytes::from_static(line_end));
        }
        Framing::Values if !begins && !ends => pieces.push(Bytes::from_static(line_end)),
        _ => {}
    }
    pieces
}

/// What is known of the end of one text.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// What the user reads of the texts before, a blank line behind each, and how many characters the first has, where
    /// there are any.
    earlier: String,
    first_chars: Option<usize>,
    /// The latest text so far, and whether that is all of it.
    told: String,
    is_cut: bool,
    has_begun: bool,
    /// Its latest piece, and the frame that it is in.
    last: Option<(Part, Frame)>,
    /// Copies of it in frames that may still be held.
    copies: Vec<Part>,
    /// The frame that tells that it is over.
    end: Option<usize>,
    /// What has been put behind it, once that is decided.
    put: Option<String>,
}

/// Where words go behind a text.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// Into frames that are held.
    pub(super) placed: Vec<Placed>,
    /// Into a piece of their own, written as another was.
    pub(super) again: Option<Vec<Bytes>>,
    /// Whether they go anywhere.
    pub(super) is_put: bool,
}

impl Ending {
    /// Takes a piece of the text. An edit where it must agree with what was put behind the text.
    pub(super) fn take(&mut self, part: &Part, frame: &Frame, kind: PieceKind) -> Option<Edit> {
        match kind {
            PieceKind::Delta => {
                self.end = None;
                self.append(part, frame);
            }
            PieceKind::Copy | PieceKind::Repeat if !self.has_begun => {
                self.append(part, frame);
                self.end = self.end.or(Some(part.frame).filter(|_| kind == PieceKind::Copy));
            }
            // Nothing stands behind a text that another has followed.
            PieceKind::Copy | PieceKind::Repeat if self.is_later() => {}
            PieceKind::Copy | PieceKind::Repeat | PieceKind::LaterCopy => {
                self.end = self.end.or(Some(part.frame).filter(|_| kind == PieceKind::Copy));
                if self.put.is_some() {
                    return self.agree(part);
                }
                // Only frames that are held can still agree, and few are.
                if self.copies.len() == COPIES {
                    self.copies.remove(0);
                }
                self.copies.push(part.clone());
            }
            PieceKind::Later => {
                if self.end.take().is_some() || self.last.is_none() || !self.is_later() {
                    self.begin_another();
                }
                self.append(part, frame);
            }
            PieceKind::End => self.end = self.end.or(Some(part.frame)),
            PieceKind::Restart => *self = Self::default(),
            PieceKind::Offset(_) => {}
        }
        None
    }

    /// What comes is of another text, behind those before.
    fn begin_another(&mut self) {
        let told = std::mem::take(&mut self.told);
        let text = visible(&told);
        self.first_chars.get_or_insert(text.chars().count());
        self.earlier.push_str(text);
        if !text.is_empty() {
            self.earlier.push_str("\n\n");
        }
        self.copies.clear();
    }

    const fn is_later(&self) -> bool {
        self.first_chars.is_some()
    }

    fn append(&mut self, part: &Part, frame: &Frame) {
        let room = TOLD.saturating_sub(self.earlier.len() + self.told.len());
        let length = part.encoding.boundary(&part.raw, room);
        self.is_cut |= length < part.raw.len();
        match part.raw.get(..length).and_then(|raw| part.encoding.decode(raw)) {
            Some(text) => self.told.push_str(&text),
            None => self.is_cut = true,
        }
        self.has_begun = true;
        self.last = Some((part.clone(), frame.clone()));
    }

    /// What the user reads of all of it so far.
    pub(super) fn told(&self) -> Cow<'_, str> {
        match self.is_later() {
            true => Cow::Owned([&self.earlier, visible(&self.told)].concat()),
            false => Cow::Borrowed(visible(&self.told)),
        }
    }

    /// What the user reads of the latest text so far.
    pub(super) fn latest(&self) -> &str {
        visible(&self.told)
    }

    /// How many characters the first text has, and how many the latest, if that is another.
    pub(super) fn chars(&self) -> (usize, Option<usize>) {
        let latest = self.latest().chars().count();
        self.first_chars.map_or((latest, None), |first| (first, Some(latest)))
    }

    /// How many bytes are remembered of it.
    pub(super) fn remembered(&self) -> usize {
        let last = self.last.as_ref().map_or(0, |(_, frame)| frame.raw().len());
        self.earlier.len() + self.told.len() + last + self.copies.iter().map(|copy| copy.raw.len()).sum::<usize>()
    }

    /// The frame that tells that no more of it will come, if that is not decided yet what is put behind it.
    pub(super) fn end(&self) -> Option<usize> {
        self.end.filter(|_| !self.is_closed())
    }

    /// It was not the last: another may come.
    pub(super) fn go_on(&mut self) {
        self.end = None;
        self.last = None;
    }

    /// Whether it is decided what is put behind it.
    pub(super) const fn is_closed(&self) -> bool {
        self.put.is_some()
    }

    /// Nothing is put behind it.
    pub(super) fn leave(&mut self) {
        self.put = Some(String::new());
    }

    /// Puts these words behind it: in its last piece where the frame of that is `held_from` or later, else in a piece like
    /// it: one of the reply's own, or the last one again where the reply `may_repeat` it, divided so.
    pub(super) fn put(
        &mut self,
        words: &str,
        held_from: usize,
        may_repeat: Option<Framing>,
        own: impl Fn(&str) -> Option<Bytes>,
    ) -> Behind {
        let Some((last, frame)) = self.last.take().filter(|_| !self.latest().trim().is_empty()) else {
            self.leave();
            return Behind::default();
        };
        let words = [behind(&self.told), words].concat();
        let encoded = last.encoding.encode(&words);
        let is_held = last.frame >= held_from;
        let (mut placed, mut again_) = (Vec::new(), None);
        match (own(&words), may_repeat) {
            _ if is_held => {
                let end = last.span.start + last.encoding.locate(&last.raw, usize::MAX);
                placed.push((last.frame, Edit { at: end..end, with: encoded }));
            }
            (Some(piece), _) => again_ = Some(vec![piece]),
            (None, Some(framing)) => again_ = Some(again(&frame, Edit { at: last.span, with: encoded }, framing)),
            (None, None) => {
                self.leave();
                return Behind::default();
            }
        }
        self.put = Some(words);
        for copy in std::mem::take(&mut self.copies).into_iter().filter(|copy| copy.frame >= held_from) {
            placed.extend(self.agree(&copy).map(|edit| (copy.frame, edit)));
        }
        Behind { placed, again: again_, is_put: true }
    }

    /// The edit that makes a copy agree, if it is one.
    fn agree(&self, copy: &Part) -> Option<Edit> {
        let words = self.put.as_ref().filter(|words| !words.is_empty() && !self.is_cut)?;
        let is_same = copy.encoding.decode(&copy.raw)? == self.told;
        let end = copy.span.start + copy.encoding.locate(&copy.raw, usize::MAX);
        is_same.then(|| Edit { at: end..end, with: copy.encoding.encode(words) })
    }
}
