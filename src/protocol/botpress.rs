//! Botpress: the Converse API of version 12, and the Chat API of the cloud.
//!
//! The Chat API answers a message with that message, and the bot's reply comes over another connection, together with
//! older ones: it passes untouched.

use http::{Method, request};

use super::{
    Claim, Frame, HandsOff, Piece, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json, is_post_to,
    json::{self, List, Raw, object},
    parts,
};

/// Botpress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Botpress;

/// The user that the address of the Converse API names: `…/bots/{bot}/converse/{user}`, and `/secured` behind it.
fn user(path: &str) -> Option<&str> {
    let (before, user) = path.trim_end_matches('/').split_once("/converse/")?;
    let user = user.strip_suffix("/secured").unwrap_or(user);
    Some(user).filter(|user| before.contains("/bots/") && !user.is_empty() && !user.contains('/'))
}

impl Protocol for Botpress {
    fn name(&self) -> &str {
        "botpress"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        if head.method == Method::POST && user(head.uri.path()).is_some() {
            return Claim::Yes;
        }
        Claim::unsure(is_post_to(head, "/messages") && is_post_of_json(head))
    }

    fn marks(&self) -> &[&str] {
        &["conversationId"]
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        let Some(user) = user(head.uri.path()) else {
            let is_chat = request.conversation.get().is_some() && request.payload.kind.get().is_some();
            return if is_chat { Recognition::HandsOff(HandsOff::Background) } else { Recognition::Foreign };
        };
        if !request.kind.is("text") {
            return Recognition::HandsOff(HandsOff::NoTurn);
        }
        let text = request.text.text().unwrap_or_default();
        let conversation = Some(user.to_owned());
        let turn = history::check(&text, None).map(|()| Turn { text, conversation, ..Turn::default() });
        Recognition::of(turn, ConverseReply::default)
    }
}

object! {
    struct Request<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        conversation: Raw<'a> = "conversationId",
        payload: Payload<'a> = "payload",
    }
}

object! {
    struct Payload<'a> {
        kind: Raw<'a> = "type",
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct ConverseReply {
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        responses: List<Message<'a>> = "responses",
    }
}

object! {
    struct Message<'a> {
        text: Raw<'a> = "text",
    }
}

impl ReplyReader for ConverseReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        pieces.extend(parts::whole(reply.responses.items.iter().map(|message| message.text), &data, false));
        Ok(())
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
