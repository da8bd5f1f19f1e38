//! Of several texts that a reply is told in, one after another, the first with words, and those behind it.

use super::{Piece, PieceKind, json::Raw};

/// The pieces of texts that are there whole, one behind another: the first with words, unless that `has_begun` before, and
/// those behind it.
pub(super) fn whole<'a>(
    texts: impl IntoIterator<Item = Raw<'a>>,
    data: &[u8],
    has_begun: bool,
) -> impl Iterator<Item = Piece> {
    let spoken = texts.into_iter().filter(|text| text.has_words()).enumerate();
    spoken.flat_map(move |(number, text)| {
        let kind = if number == 0 && !has_begun { PieceKind::Copy } else { PieceKind::Later };
        text.piece_in(data, 0, kind).into_iter().chain([Piece::end(0)])
    })
}

/// Follows the parts of a reply, which have names or numbers.
#[derive(Debug)]
pub(super) struct Parts<T> {
    part: Option<T>,
    has_words: bool,
    is_over: bool,
    /// The latest part behind it that has words.
    later: Option<T>,
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self { part: None, has_words: false, is_over: false, later: None }
    }
}

impl<T: PartialEq> Parts<T> {
    /// The part that has them, or may yet.
    pub(super) const fn part(&self) -> Option<&T> {
        self.part.as_ref()
    }

    /// The latest part behind it that has words.
    pub(super) const fn later(&self) -> Option<&T> {
        self.later.as_ref()
    }

    /// The piece of the text that this is, if its part is the one. White space counts: it is the text's beginning. Or the
    /// piece of one behind it.
    pub(super) fn add(&mut self, part: T, words: Raw<'_>, data: &[u8]) -> Option<Piece> {
        if self.part.is_none() && words.has_characters() {
            self.part = Some(part);
        } else if self.is_over || self.part.as_ref() != Some(&part) {
            if !words.has_words() && self.later.as_ref() != Some(&part) {
                return None;
            }
            self.later = Some(part);
            return words.piece_in(data, 0, PieceKind::Later);
        }
        self.has_words |= words.has_words();
        words.piece_in(data, 0, PieceKind::Delta)
    }

    /// What the end of a part means: the text is over, or was none, and is looked for in what follows.
    pub(super) fn end(&mut self, part: &T) -> Option<Piece> {
        if self.is_over || self.part.as_ref() != Some(part) {
            return (self.later.as_ref() == Some(part)).then(|| Piece::end(0));
        }
        if self.has_words {
            self.is_over = true;
            return Some(Piece::end(0));
        }
        self.part = None;
        Some(Piece::restart(0))
    }
}
