//! Reads the replies of a bot's own protocol.

use std::sync::Arc;

use http::response;

use super::{CustomSpec, Scalar};
use crate::protocol::{
    Encoding, Frame, Framing, HandsOff, Piece, PieceKind, ReplyReader, framing,
    json::{self, Any, Data, Raw, object},
    pointer::Path,
};

/// Where the text of a reply is.
#[derive(Debug)]
pub(super) struct Places {
    reply: Path,
    delta: Option<Path>,
    when: Vec<(Path, Scalar)>,
    /// Both pointers are the same: what is no piece of the reply is no reply either.
    are_one: bool,
}

impl Places {
    pub(super) fn new(spec: &CustomSpec) -> Self {
        Self {
            reply: Path::new(&spec.reply),
            delta: spec.delta.as_ref().map(Path::new),
            are_one: spec.delta.as_ref() == Some(&spec.reply),
            when: spec.when.iter().map(|(pointer, value)| (Path::new(pointer), value.clone())).collect(),
        }
    }
}

/// Reads the reply to one request.
#[derive(Debug)]
pub(super) struct CustomReply {
    places: Arc<Places>,
    /// The head says `text/plain`: whether it is a stream of JSON shows in its beginning.
    is_labelled_as_text: bool,
    /// The reply is plain text.
    is_text: bool,
    /// Pieces of the text have come, and the whole of it may be told again.
    has_deltas: bool,
    absence: HandsOff,
}

object! {
    /// What tells an error from a reply where a bot answers both with 200.
    struct Envelope<'a> {
        event: Raw<'a> = "event",
        kind: Raw<'a> = "type",
        error: Any = "error",
    }
}

/// The names of events whose bare data is text, besides none.
const SPEAKING: [&str; 6] = ["message", "data", "token", "delta", "text", "chunk"];

impl CustomReply {
    pub(super) const fn new(places: Arc<Places>) -> Self {
        let absence = HandsOff::Empty;
        Self { places, is_labelled_as_text: false, is_text: false, has_deltas: false, absence }
    }

    /// A piece of the text that is the whole data of a frame, as a JSON string or as bare words.
    fn bare(&self, frame: &Frame, data: &[u8]) -> Result<Option<Piece>, HandsOff> {
        let speaks = frame.event().is_none_or(|event| SPEAKING.contains(&event));
        if data.trim_ascii_start().starts_with(b"\"") {
            let string: Raw<'_> = serde_json::from_slice(data).map_err(|_| HandsOff::Unreadable)?;
            return Ok(string.piece_in(data, 0, PieceKind::Delta).filter(|_| speaks));
        }
        let is_mark = data.is_empty() || data == b"[DONE]";
        let piece = Piece { text: 0, span: 0..data.len(), kind: PieceKind::Delta, encoding: Encoding::EventData };
        Ok(Some(piece).filter(|_| speaks && !is_mark))
    }

    fn read_event(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> serde_json::Result<bool> {
        let Some(delta) = &self.places.delta else { return Ok(false) };
        for (path, value) in &self.places.when {
            if !value.is(path.find(data)?) {
                return Ok(false);
            }
        }
        let found = delta.find(data)?.span_in(data);
        pieces.extend(found.clone().map(|span| Piece::json(0, span, PieceKind::Delta)));
        Ok(found.is_some())
    }
}

impl ReplyReader for CustomReply {
    fn framing(&mut self, head: &response::Parts) -> Result<Framing, HandsOff> {
        let found = Framing::of(head).or_else(|| {
            let media_type = framing::media_type(&head.headers)?;
            self.is_text = media_type == "text/plain" && self.places.reply.is_whole() && self.places.delta.is_none();
            self.is_labelled_as_text = media_type == "text/plain" && !self.is_text;
            match media_type.as_str() {
                "text/plain" if self.is_text => Some(Framing::Text),
                "text/plain" => Some(Framing::Sse),
                "application/json-lines" | "application/x-json-stream" | "application/json-seq" => {
                    Some(Framing::Values)
                }
                _ => None,
            }
        });
        match found {
            Some(Framing::Sse) if self.places.delta.is_none() => Err(HandsOff::MediaType),
            Some(framing) => Ok(framing),
            None => Err(HandsOff::MediaType),
        }
    }

    fn reframe(&self, labelled: Framing, start: &[u8]) -> Result<Framing, HandsOff> {
        let Some(first) = start.first() else { return Ok(labelled) };
        match labelled {
            Framing::Sse if framing::begins_like_json(*first) => Ok(Framing::Values),
            Framing::Sse if self.is_labelled_as_text && !framing::begins_like_events(*first) => {
                Err(HandsOff::MediaType)
            }
            Framing::Whole | Framing::Values if framing::begins_like_events(*first) && self.places.delta.is_some() => {
                Ok(Framing::Sse)
            }
            _ => Ok(labelled),
        }
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        if self.is_text {
            pieces.push(Piece { text: 0, span: 0..data.len(), kind: PieceKind::Delta, encoding: Encoding::Plain });
            return Ok(());
        }
        let is_bare = !data.trim_ascii_start().first().is_some_and(|first| framing::begins_like_json(*first));
        if is_bare && frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if is_bare && self.places.delta.as_ref().is_some_and(Path::is_whole) {
            let piece = self.bare(frame, &data)?;
            self.has_deltas |= piece.is_some();
            pieces.extend(piece);
            return Ok(());
        }
        if is_bare && self.places.reply.is_whole() {
            let string: Raw<'_> = serde_json::from_slice(&data).map_err(|_| HandsOff::Unreadable)?;
            pieces.extend(string.piece_in(&data, 0, PieceKind::Copy));
            return Ok(());
        }
        let envelope: Envelope<'_> = match json::read(&data)? {
            Data::Read(envelope) => envelope,
            Data::Nothing | Data::Words => return Ok(()),
        };
        let is_error = envelope.error.0 || envelope.event.is("error") || envelope.kind.is("error");
        if is_error || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if self.read_event(&data, pieces).map_err(|_| HandsOff::Unreadable)? {
            self.has_deltas = true;
            return Ok(());
        }
        if self.places.are_one {
            return Ok(());
        }
        let reply = self.places.reply.find(&data).map_err(|_| HandsOff::Unreadable)?;
        if let Some(span) = reply.span_in(&data) {
            pieces.push(Piece::json(0, span, PieceKind::Copy));
        } else if reply.get().is_some() {
            self.absence = HandsOff::NotText;
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        self.has_deltas && !self.places.are_one
    }

    fn absence(&self) -> HandsOff {
        self.absence
    }
}
