//! A text that is told anew each time it has grown: what was told before, and what is new.

use super::{Piece, PieceKind, json::Raw};

/// Follows one text from telling to telling.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// All that has been told, as it is written.
    told: String,
    is_deltas: bool,
}

impl Growth {
    /// The pieces of a text that is told as far as it has come.
    pub(super) fn grow(&mut self, text: Raw<'_>, data: &[u8], pieces: &mut Vec<Piece>) {
        let Some((span, now)) = text.span_in(data).zip(text.inside()) else { return };
        if now.starts_with(&self.told) {
            let border = span.start + self.told.len();
            if !self.told.is_empty() {
                pieces.push(Piece::json(0, span.start..border, PieceKind::Repeat));
            }
            pieces.push(Piece::json(0, border..span.end, PieceKind::Delta));
        } else {
            pieces.push(Piece::json(0, span, PieceKind::Repeat));
        }
        now.clone_into(&mut self.told);
    }

    /// The pieces of a text that may come in deltas as well: the first that does not begin with all that was told before
    /// shows it.
    pub(super) fn grow_or_add(&mut self, text: Raw<'_>, data: &[u8], pieces: &mut Vec<Piece>) {
        // An object that is being made begins without any.
        let Some(now) = text.inside() else { return };
        self.is_deltas |= !now.starts_with(&self.told);
        if self.is_deltas {
            pieces.extend(text.piece_in(data, 0, PieceKind::Delta));
        } else {
            self.grow(text, data, pieces);
        }
    }

    /// Whether more of it is told together with what was told before, as far as that is known.
    pub(super) const fn repeats(&self) -> bool {
        self.has_begun() && !self.is_deltas
    }

    /// Whether anything has been told.
    pub(super) const fn has_begun(&self) -> bool {
        !self.told.is_empty()
    }
}
