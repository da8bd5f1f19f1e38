//! Dialogflow ES: what an agent asks of its webhook, and the webhook's fulfillment.
//!
//! The same reply stands in `fulfillmentText` and in the messages: they agree. Where an event follows, texts are ignored.

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json,
    json::{self, List, Raw, object},
    twins::{MAX_TEXTS, Twins},
};

/// Dialogflow ES webhooks.
#[derive(Debug, Clone, Copy, Default)]
pub struct DialogflowEs;

impl Protocol for DialogflowEs {
    fn name(&self) -> &str {
        "dialogflow-es"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::unsure(is_post_of_json(head))
    }

    fn marks(&self) -> &[&str] {
        &["queryResult"]
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.session.get().is_none() || request.query.text.get().is_none() {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(), FulfillmentReply::default)
    }
}

object! {
    struct Request<'a> {
        session: Raw<'a> = "session",
        query: Query<'a> = "queryResult",
    }
}

object! {
    struct Query<'a> {
        text: Raw<'a> = "queryText",
    }
}

impl Request<'_> {
    fn turn(&self) -> Result<Turn, HandsOff> {
        let text = self.query.text.text().unwrap_or_default();
        history::check(&text, None)?;
        // The name of an event, where an event and no words led here.
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if text.contains('_') && text.chars().all(is_name) {
            return Err(HandsOff::NoTurn);
        }
        Ok(Turn { text, conversation: self.session.text(), ..Turn::default() })
    }
}

/// Reads the fulfillment.
#[derive(Debug, Default)]
struct FulfillmentReply {
    /// Whether there is more text behind it that no words can stand behind.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Fulfillment<'a> {
        text: Raw<'a> = "fulfillmentText" | "fulfillment_text",
        messages: List<Message<'a>> = "fulfillmentMessages" | "fulfillment_messages",
        event: Raw<'a> = "followupEventInput" | "followup_event_input",
    }
}

object! {
    /// For one platform, or for all.
    struct Message<'a> {
        platform: Raw<'a> = "platform",
        text: Texts<'a> = "text",
    }
}

object! {
    struct Texts<'a> {
        text: List<Raw<'a>> = "text",
    }
}

impl ReplyReader for FulfillmentReply {
    fn texts(&self) -> usize {
        MAX_TEXTS
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Fulfillment<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if reply.event.says_something() {
            return Err(HandsOff::Empty);
        }
        let mut twins = Twins::new(&data, pieces);
        twins.add(reply.text);
        // The first message for each platform opens the reply there.
        let mut platforms = Vec::new();
        for message in reply.messages.items.iter().filter(|message| message.text.text.is_there) {
            let platform = message.platform.text();
            self.has_more |= platforms.contains(&platform);
            if platforms.len() <= MAX_TEXTS && !platforms.contains(&platform) {
                platforms.push(platform);
                message.text.text.items.iter().for_each(|text| twins.add(*text));
            }
        }
        if twins.is_full() { Err(HandsOff::NoRoom) } else { Ok(()) }
    }

    fn is_last(&self) -> Option<bool> {
        // The text that stands for all platforms would have to agree.
        Some(!self.has_more)
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
