//! Of several texts that a reply is told in, one after another, the first with words.

use super::{Piece, PieceKind, json::Raw};

/// Follows the parts of a reply, which have names or numbers.
#[derive(Debug)]
pub(super) struct FirstWords<T> {
    part: Option<T>,
    has_words: bool,
}

impl<T> Default for FirstWords<T> {
    fn default() -> Self {
        Self { part: None, has_words: false }
    }
}

impl<T: PartialEq> FirstWords<T> {
    /// The part that has them, or may yet.
    pub(super) const fn part(&self) -> Option<&T> {
        self.part.as_ref()
    }

    /// The piece of the text that this is, if its part is the one. White space counts: it is the text's beginning.
    pub(super) fn add(&mut self, part: T, words: Raw<'_>, data: &[u8]) -> Option<Piece> {
        if self.part.is_none() && words.has_characters() {
            self.part = Some(part);
        } else if self.part.as_ref() != Some(&part) {
            return None;
        }
        self.has_words |= words.has_words();
        words.piece_in(data, 0, PieceKind::Delta)
    }

    /// What the end of a part means: the text is over, or was none, and is looked for in what follows.
    pub(super) fn end(&mut self, part: &T) -> Option<Piece> {
        if self.part.as_ref() != Some(part) {
            return None;
        }
        if self.has_words {
            return Some(Piece::end(0));
        }
        self.part = None;
        Some(Piece::restart(0))
    }
}
