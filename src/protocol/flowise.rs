//! Flowise's predictions: `POST …/prediction/{flow}`, plain and streamed.

use http::{Method, request};
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history,
    json::{self, List, Raw, object},
};

/// Flowise's predictions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flowise;

impl Protocol for Flowise {
    fn name(&self) -> &str {
        "flowise"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        let mut path = head.uri.path().trim_end_matches('/').rsplit('/').skip(1);
        let is_prediction = path.next().is_some_and(|name| matches!(name, "prediction" | "internal-prediction"));
        Claim::sure(head.method == Method::POST && is_prediction)
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.question.get().is_none() {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(body), FlowiseReply::default)
    }
}

object! {
    struct Request<'a> {
        question: Raw<'a> = "question",
        chat: Raw<'a> = "chatId",
        overrides: Overrides<'a> = "overrideConfig",
        history: List<Message<'a>> = "history",
    }
}

object! {
    struct Overrides<'a> {
        session: Raw<'a> = "sessionId",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role" | "type",
        content: Raw<'a> = "content" | "message",
    }
}

impl<'a> Message<'a> {
    fn read(&self) -> history::Message<'a> {
        let from = if self.role.is("userMessage") {
            history::From::User
        } else if self.role.is("apiMessage") {
            history::From::Bot
        } else {
            history::From::role(self.role)
        };
        history::Message { from, content: self.content }
    }
}

impl Request<'_> {
    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let mut messages: Vec<_> = self.history.items.iter().map(Message::read).collect();
        messages.push(history::Message { from: history::From::User, content: self.question });
        let conversation = self.overrides.session.text().or_else(|| self.chat.text());
        Ok(Turn { conversation, ..history::turn(&messages, None, body)? })
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct FlowiseReply {
    absence: Option<HandsOff>,
}

object! {
    /// An event of a stream, or the reply itself.
    struct Event<'a> {
        event: Raw<'a> = "event",
        data: Raw<'a> = "data",
        text: Raw<'a> = "text",
    }
}

impl ReplyReader for FlowiseReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(event) = json::event::<Event<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if event.event.is("error") {
            return Err(HandsOff::Error);
        }
        if event.event.is("token") {
            pieces.extend(event.data.piece_in(&data, 0, PieceKind::Delta));
        } else if event.event.is("end") {
            pieces.push(Piece::end(0));
        } else if event.event.get().is_none() {
            pieces.extend(event.text.piece_in(&data, 0, PieceKind::Copy));
        }
        Ok(())
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        let event = json!({"event": "token", "data": words});
        Some(format!("message:\ndata:{event}\n\n").into_bytes())
    }

    fn may_repeat(&self) -> bool {
        true
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
