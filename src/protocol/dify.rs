//! Dify's service API for chats: `POST …/chat-messages`, blocking and streamed.
//!
//! A workflow tells its answer again when it has finished; moderation may replace it by other words, which stay.

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history, is_post_to,
    json::{self, Raw, object},
};

/// Dify's service API for chats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dify;

impl Protocol for Dify {
    fn name(&self) -> &str {
        "dify"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(is_post_to(head, "/chat-messages"))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.query.get().is_none() {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(), DifyReply::default)
    }
}

object! {
    struct Request<'a> {
        query: Raw<'a> = "query",
        conversation: Raw<'a> = "conversation_id",
    }
}

impl Request<'_> {
    fn turn(&self) -> Result<Turn, HandsOff> {
        let text = self.query.text().unwrap_or_default();
        history::check(&text, None)?;
        // The first turn of a conversation has none yet, or an empty one.
        let conversation = self.conversation.text().filter(|name| !name.is_empty());
        Ok(Turn { text, conversation, ..Turn::default() })
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct DifyReply {
    has_deltas: bool,
    is_over: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Event<'a> {
        event: Raw<'a> = "event",
        answer: Raw<'a> = "answer",
        data: Finished<'a> = "data",
    }
}

object! {
    struct Finished<'a> {
        outputs: Outputs<'a> = "outputs",
    }
}

object! {
    struct Outputs<'a> {
        answer: Raw<'a> = "answer",
    }
}

impl ReplyReader for DifyReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(event) = json::event::<Event<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        let kind = event.event.text().unwrap_or_default();
        match kind.as_str() {
            "message" | "agent_message" => {
                let piece = event.answer.piece_in(&data, 0, PieceKind::Delta);
                self.has_deltas |= piece.is_some();
                pieces.extend(piece);
            }
            "message_replace" => pieces.extend(event.answer.piece_in(&data, 0, PieceKind::Copy)),
            "workflow_finished" if self.has_deltas => {
                pieces.extend(event.data.outputs.answer.piece_in(&data, 0, PieceKind::Copy));
            }
            "message_end" => {
                self.is_over = true;
                pieces.push(Piece::end(0));
            }
            "error" => return Err(HandsOff::Error),
            _ => {}
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        self.has_deltas && !self.is_over
    }

    fn may_repeat(&self) -> bool {
        true
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
