//! Dialogflow CX: what an agent asks of its webhook, and the webhook's fulfillment.
//!
//! The strings of one text message are alternatives, of which one is used: each is adjusted. What is spoken agrees.

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json,
    json::{self, Any, List, Raw, object},
    twins::{MAX_TEXTS, Twins},
};

/// Dialogflow CX webhooks of the standard type.
#[derive(Debug, Clone, Copy, Default)]
pub struct DialogflowCx;

impl Protocol for DialogflowCx {
    fn name(&self) -> &str {
        "dialogflow-cx"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::unsure(is_post_of_json(head))
    }

    fn marks(&self) -> &[&str] {
        &["fulfillmentInfo"]
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.session.name.get().is_none() {
            return Recognition::Foreign;
        }
        let has_begun = request.messages.0;
        Recognition::of(request.turn(), || FulfillmentReply { has_begun, has_more: false, absence: None })
    }
}

object! {
    struct Request<'a> {
        session: Session<'a> = "sessionInfo",
        words: Raw<'a> = "text" | "transcript",
        /// What the user will see before the webhook's messages.
        messages: Any = "messages",
    }
}

object! {
    struct Session<'a> {
        name: Raw<'a> = "session",
    }
}

impl Request<'_> {
    fn turn(&self) -> Result<Turn, HandsOff> {
        let text = self.words.text().unwrap_or_default();
        history::check(&text, None)?;
        Ok(Turn { text, conversation: self.session.name.text(), ..Turn::default() })
    }
}

/// Reads the fulfillment.
#[derive(Debug)]
struct FulfillmentReply {
    has_begun: bool,
    /// Whether there is more text behind it that no words can stand behind.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        fulfillment: Fulfillment<'a> = "fulfillmentResponse" | "fulfillment_response",
    }
}

object! {
    struct Fulfillment<'a> {
        messages: List<Message<'a>> = "messages",
        merge: Raw<'a> = "mergeBehavior" | "merge_behavior",
    }
}

object! {
    struct Message<'a> {
        text: Texts<'a> = "text",
        spoken: Spoken<'a> = "outputAudioText" | "output_audio_text",
    }
}

object! {
    struct Texts<'a> {
        text: List<Raw<'a>> = "text",
    }
}

object! {
    struct Spoken<'a> {
        text: Raw<'a> = "text",
        ssml: Raw<'a> = "ssml",
    }
}

impl ReplyReader for FulfillmentReply {
    fn texts(&self) -> usize {
        MAX_TEXTS
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if self.has_begun && !reply.fulfillment.merge.is("REPLACE") {
            return Err(HandsOff::Continuation);
        }
        let messages = &reply.fulfillment.messages.items;
        let mut twins = Twins::new(&data, pieces);
        let written = messages.iter().find(|message| message.text.text.is_there);
        written.into_iter().flat_map(|message| &message.text.text.items).for_each(|text| twins.add(*text));
        self.has_more = messages.iter().filter(|message| message.text.text.is_there).nth(1).is_some();
        let is_spoken = |message: &&Message<'_>| message.spoken.text.has_words() || message.spoken.ssml.has_words();
        if let Some(message) = messages.iter().find(is_spoken) {
            twins.add(message.spoken.text);
            if message.spoken.ssml.has_words() && !twins.add_ssml(message.spoken.ssml) {
                return Err(HandsOff::NotText);
            }
        }
        if twins.is_full() { Err(HandsOff::NoRoom) } else { Ok(()) }
    }

    fn is_last(&self) -> Option<bool> {
        // What is spoken would have to agree.
        Some(!self.has_more)
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
