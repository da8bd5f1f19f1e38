//! A reply that is told in several places: the same words are one text, and agree; others are a text of their own.

use super::{Encoding, Piece, PieceKind, json::Raw, ssml};

/// How many different texts a reply has at most whose texts are adjusted: all of them or none.
pub(super) const MAX_TEXTS: usize = 16;

/// Collects the places of a reply's texts.
pub(super) struct Twins<'d, 'p> {
    data: &'d [u8],
    pieces: &'p mut Vec<Piece>,
    texts: Vec<Raw<'d>>,
}

impl<'d, 'p> Twins<'d, 'p> {
    pub(super) const fn new(data: &'d [u8], pieces: &'p mut Vec<Piece>) -> Self {
        Self { data, pieces, texts: Vec::new() }
    }

    /// Adds a string of plain text. Twins are written alike.
    pub(super) fn add(&mut self, raw: Raw<'d>) {
        if raw.has_words() {
            let known = self.texts.iter().position(|text| text.get() == raw.get());
            self.push(raw, known, Encoding::Json);
        }
    }

    /// Adds a string of SSML. Whether it can be edited: there is no markup inside its words.
    pub(super) fn add_ssml(&mut self, raw: Raw<'d>) -> bool {
        let Some((_, words)) = raw.text().and_then(|document| ssml::text(&document)) else { return false };
        let known = self.texts.iter().position(|text| text.text().is_some_and(|text| text == words));
        self.push(raw, known, Encoding::Ssml);
        true
    }

    /// Whether there are more texts than any reply has.
    pub(super) const fn is_full(&self) -> bool {
        self.texts.len() > MAX_TEXTS
    }

    fn push(&mut self, raw: Raw<'d>, known: Option<usize>, encoding: Encoding) {
        if self.is_full() {
            return;
        }
        let text = known.unwrap_or_else(|| {
            self.texts.push(raw);
            self.texts.len() - 1
        });
        if let Some(span) = raw.span_in(self.data) {
            self.pieces.push(Piece { text, span, kind: PieceKind::Copy, encoding });
        }
    }
}
