//! Where the text of a reply is: what a wire format tells the editor, frame by frame.

use std::{fmt, ops::Range};

use http::response;

use super::{Encoding, Frame, Framing, HandsOff, framing};

/// Reads the reply to one request: the state of one reply, from its head to its end.
///
/// A reply that comes whole is one frame. Whether it comes whole or in pieces, the reader names the same texts.
pub trait ReplyReader: fmt::Debug + Send {
    /// How the reply is divided, as its head says. Unless implemented, by the media types of JSON, NDJSON and
    /// server-sent events.
    ///
    /// # Errors
    ///
    /// [`HandsOff::MediaType`], or another reason, when this protocol does not answer so.
    fn framing(&mut self, head: &response::Parts) -> Result<Framing, HandsOff> {
        Framing::of(head).ok_or(HandsOff::MediaType)
    }

    /// How the reply is divided, as its beginning says: heads lie. `start` begins with the first byte that is not
    /// white space. Unless implemented, JSON that is labelled as an event stream is read as JSON, and an event stream
    /// that is labelled as JSON is left alone.
    ///
    /// # Errors
    ///
    /// The reason to leave the reply alone.
    fn reframe(&self, labelled: Framing, start: &[u8]) -> Result<Framing, HandsOff> {
        match (labelled, start.first()) {
            (Framing::Sse, Some(first)) if framing::begins_like_json(*first) => Ok(Framing::Values),
            (Framing::Whole, Some(first)) if framing::begins_like_events(*first) => Err(HandsOff::Unreadable),
            _ => Ok(labelled),
        }
    }

    /// How many texts the reply has at most (several choices, say), 1 unless implemented. Each of them is adjusted.
    fn texts(&self) -> usize {
        1
    }

    /// Finds the pieces of text in one frame and adds them to `pieces`, in order; a frame without any adds nothing.
    ///
    /// # Errors
    ///
    /// [`HandsOff`] when the frame shows that the reply must not be edited from here on. So does a frame that is meant
    /// to be read and cannot be: the text it may hold is not known.
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff>;

    /// Whether frames after the last decision may tell a text again ([`PieceKind::Copy`], [`PieceKind::Offset`]).
    /// Otherwise, and unless implemented, the bytes after that decision pass unread.
    fn expects_copies(&self) -> bool {
        false
    }

    /// Whether a client takes a piece of the text again, with other words in it, right before the frame that ends the text:
    /// so words can be put behind a stream. Not where pieces are numbered, or tell the text so far. Not unless implemented.
    fn may_repeat(&self) -> bool {
        false
    }

    /// A piece of text of the reply's own with these words, ready for the wire, as this protocol's clients take it before
    /// any other text has come: between two frames, at the reply's present state. Nothing where that is not possible, or
    /// not now; never, unless implemented.
    fn first_piece(&self, _words: &str) -> Option<Vec<u8>> {
        None
    }

    /// A piece of text of the reply's own with these words, ready for the wire, right before the frame that ends the text.
    /// Nothing where that is not possible; never, unless implemented: then [`may_repeat`](Self::may_repeat) counts.
    fn next_piece(&self, _text: usize, _words: &str) -> Option<Vec<u8>> {
        None
    }

    /// Whether the text whose end has been read is the last of the reply's: words behind it are words behind the reply, and
    /// not behind one that goes on with another text or the call of a tool. Nothing where only what comes next shows it: its
    /// end then waits for that, unless words can stand behind it ([`next_piece`](Self::next_piece)). It is the last, unless
    /// implemented.
    fn is_last(&self) -> Option<bool> {
        Some(true)
    }

    /// How many characters a text may have, where the format has a limit that a rule's words could reach. None unless
    /// implemented.
    fn max_chars(&self) -> Option<usize> {
        None
    }

    /// Why there is no text, when the reply ends without any; [`HandsOff::Empty`] unless implemented.
    fn absence(&self) -> HandsOff {
        HandsOff::Empty
    }
}

/// What came of reading one of several alternatives, whose pieces begin at `found`: what forbids the edit of the only one
/// forbids that of the reply, and what forbids that of one among others takes its pieces away, and is told.
///
/// # Errors
///
/// The reason to leave the reply alone.
pub(super) fn alternative(
    read: Result<(), HandsOff>,
    is_alone: bool,
    found: usize,
    pieces: &mut Vec<Piece>,
) -> Result<Option<HandsOff>, HandsOff> {
    match read {
        Ok(()) => Ok(None),
        Err(reason) if is_alone => Err(reason),
        Err(reason) => {
            pieces.truncate(found);
            Ok(Some(reason))
        }
    }
}

/// A piece of a reply's text, or something that depends on the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Which of the reply's texts, below [`ReplyReader::texts`].
    pub text: usize,
    /// Where in the frame's data it is: inside the quotes of a JSON string.
    pub span: Range<usize>,
    /// What it is.
    pub kind: PieceKind,
    /// How it is written.
    pub encoding: Encoding,
}

/// What a [`Piece`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PieceKind {
    /// The next piece of the text.
    Delta,
    /// The text, or its beginning, told again: edited to agree. The first that is told of a text is all of it.
    Copy,
    /// The text so far, told again before more of it: edited to agree.
    Repeat,
    /// The next piece of another text behind the one that is adjusted: what stands behind the reply stands behind the last.
    Later,
    /// The latest of those behind it, told again: edited to agree with what stands behind it.
    LaterCopy,
    /// The text, or the one behind it, is over: no piece of it follows. Its span is empty.
    End,
    /// What has come of the text so far was white space of something else: it begins with what follows. Its span is empty.
    Restart,
    /// A number that counts from the text's beginning: moved along with what it points to.
    Offset(Unit),
}

/// What an offset into a text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Unicode scalar values.
    Chars,
}

impl Piece {
    /// A piece in a JSON string, by where the inside of its quotes is.
    #[must_use]
    pub const fn json(text: usize, span: Range<usize>, kind: PieceKind) -> Self {
        Self { text, span, kind, encoding: Encoding::Json }
    }

    /// The beginning of a text, after white space that was not.
    #[must_use]
    pub const fn restart(text: usize) -> Self {
        Self { text, span: 0..0, kind: PieceKind::Restart, encoding: Encoding::Plain }
    }

    /// The end of a text.
    #[must_use]
    pub const fn end(text: usize) -> Self {
        Self { text, span: 0..0, kind: PieceKind::End, encoding: Encoding::Plain }
    }
}
