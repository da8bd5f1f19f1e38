//! Rasa's REST channel: `POST …/webhooks/rest/webhook`.
//!
//! A reply is an array of messages, one bot text split over several of them; the sentence goes into the first that has
//! text. With `?stream=true` the messages come one a line, labelled as server-sent events.

use http::request;
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, Protocol, Recognition, ReplyReader, Turn, history, is_post_to,
    json::{self, List, Raw, object},
    parts,
};

/// Rasa's REST channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rasa;

impl Protocol for Rasa {
    fn name(&self) -> &str {
        "rasa"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(is_post_to(head, "/webhooks/rest/webhook"))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.message.get().is_none() {
            return Recognition::Foreign;
        }
        let sender = request.sender().unwrap_or_else(|| "default".to_owned());
        Recognition::of(request.turn(), || RasaReply { sender, ..RasaReply::default() })
    }
}

object! {
    struct Request<'a> {
        sender: Raw<'a> = "sender",
        message: Raw<'a> = "message",
    }
}

impl Request<'_> {
    fn turn(&self) -> Result<Turn, HandsOff> {
        let text = self.message.text().unwrap_or_default();
        history::check(&text, None)?;
        // An intent and no language: `/greet{"name":"Ada"}`.
        if text.trim_start().starts_with('/') {
            return Err(HandsOff::NoTurn);
        }
        Ok(Turn { text, conversation: self.sender(), ..Turn::default() })
    }

    /// Rasa takes a number for its digits.
    fn sender(&self) -> Option<String> {
        self.sender.text().or_else(|| self.sender.number().map(|number| number.to_string()))
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct RasaReply {
    /// Whom messages are for.
    sender: String,
    has_spoken: bool,
    /// Whether messages come in a list, behind which there is no room.
    is_list: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Message<'a> {
        text: Raw<'a> = "text",
    }
}

impl ReplyReader for RasaReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let is_list = data.trim_ascii_start().starts_with(b"[");
        self.is_list |= is_list;
        let messages = if is_list {
            json::event::<List<Message<'_>>>(&data, &mut self.absence)?.map(|list| list.items)
        } else {
            json::event::<Message<'_>>(&data, &mut self.absence)?.map(|message| vec![message])
        };
        let texts = messages.iter().flatten().map(|message| message.text);
        pieces.extend(parts::whole(texts, &data, self.has_spoken));
        self.has_spoken |= !pieces.is_empty();
        Ok(())
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        // A message of its own.
        let message = json!({"recipient_id": self.sender, "text": words.trim()});
        Some(format!("{message}\n").into_bytes())
    }

    fn next_piece(&self, _: usize, words: &str) -> Option<Vec<u8>> {
        if self.is_list { None } else { self.first_piece(words) }
    }

    fn is_last(&self) -> Option<bool> {
        // The end of the body shows it.
        None
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
