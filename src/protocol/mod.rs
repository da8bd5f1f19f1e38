//! Is this a chat exchange, what does the user say, and where is the reply's text?
//!
//! One file a wire format. A [`Protocol`] recognises a request by its head, reads the [`Turn`] out of its body, and
//! leaves behind a [`ReplyFormat`] that finds the reply's text, in a whole body or event by event. Positions are byte
//! offsets into the bytes as they came: what is edited is the bot's own JSON text, never a parsed and printed copy.
//!
//! Nothing in here knows of sentiment, or of what will be said.

mod custom;
mod ndjson;
mod openai_chat;
mod pointer;
mod splice;
mod sse;
mod stream;

use std::{fmt, sync::Arc};

use http::request;

pub use self::{
    custom::{CustomError, CustomProtocol, CustomSpec},
    openai_chat::OpenAiChat,
};
pub(crate) use self::{
    splice::{Splice, escape, splice},
    stream::{Event, Framing, Splitter},
};

/// A wire format in which users and bots talk.
pub trait Protocol: fmt::Debug + Send + Sync + 'static {
    /// The name in logs, metrics and configuration.
    fn name(&self) -> &str;

    /// Whether a request with this head can carry a turn. Its body is collected only then, so this must be cheap and
    /// say no to everything else.
    fn matches(&self, head: &request::Parts) -> bool;

    /// Reads the turn out of a whole request body.
    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition;
}

/// What a request body turned out to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Recognition {
    /// No exchange of this protocol, whatever its address: passes as if undertone were not there.
    Foreign,
    /// An exchange whose reply must not be edited.
    LeftAlone(LeftAlone),
    /// An exchange whose reply may be edited.
    Exchange {
        /// What the user says.
        turn: Turn,
        /// Where the text of the reply to it will be.
        reply: Box<dyn ReplyFormat>,
    },
}

/// One message of the user, and what the request tells of the conversation before it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// The user's words, never empty.
    pub text: String,
    /// The conversation's name, where the protocol carries one.
    pub conversation: Option<String>,
    /// How many turns of the user came before, as far as the request tells.
    pub ordinal: usize,
    /// The bot's latest words before this turn, where the protocol carries them.
    pub last_reply: Option<String>,
}

impl fmt::Debug for Turn {
    /// Lengths and counts only: a turn is the user's, not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("text_bytes", &self.text.len())
            .field("has_conversation", &self.conversation.is_some())
            .field("ordinal", &self.ordinal)
            .field("last_reply_bytes", &self.last_reply.as_ref().map(String::len))
            .finish()
    }
}

/// Finds the text in the reply to one request.
pub trait ReplyFormat: fmt::Debug + Send + Sync {
    /// How many texts a streamed reply begins at most (several choices, say).
    fn places(&self) -> usize {
        1
    }

    /// Finds the texts in a whole JSON body: at least one, or the reason why there is none to edit.
    ///
    /// # Errors
    ///
    /// [`LeftAlone`] says what the reply is instead of editable text.
    fn texts(&self, body: &[u8]) -> Result<Vec<Text>, LeftAlone>;

    /// Finds the pieces of text in one event of a streamed reply; an event without any gives an empty list.
    ///
    /// # Errors
    ///
    /// [`LeftAlone`] when the event shows that the reply must not be edited from here on.
    fn deltas(&mut self, event: &[u8]) -> Result<Vec<Text>, LeftAlone>;
}

/// A piece of reply text inside the JSON it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// Which of the reply's texts it belongs to, below [`ReplyFormat::places`].
    pub place: usize,
    /// The offset of the first byte inside the quotes.
    pub at: usize,
    /// The text itself, unescaped.
    pub text: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("place", &self.place)
            .field("at", &self.at)
            .field("text_bytes", &self.text.len())
            .finish()
    }
}

/// Why the wire format forbids an edit. The names are those of the `undertone` response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeftAlone {
    /// The request holds no words of the user.
    NoTurn,
    /// The reply continues one whose beginning the user has seen.
    Continuation,
    /// The client asked for JSON, or for output bound to a schema.
    JsonMode,
    /// The client asked for audio, or the reply is not plain text.
    NotText,
    /// The client asked for the probabilities of the reply's tokens, which an edit would contradict.
    Logprobs,
    /// The reply carries offsets into its own text.
    Offsets,
    /// The bot reports an error.
    Error,
    /// The reply is a refusal, or was withheld by a filter.
    Refusal,
    /// The reply calls tools and says nothing.
    ToolCall,
    /// The reply has no text.
    Empty,
    /// The reply is not what this protocol's replies look like.
    Unreadable,
}

impl LeftAlone {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTurn => "no-turn",
            Self::Continuation => "continuation",
            Self::JsonMode => "json-mode",
            Self::NotText => "not-text",
            Self::Logprobs => "logprobs",
            Self::Offsets => "offsets",
            Self::Error => "error",
            Self::Refusal => "refusal",
            Self::ToolCall => "tool-call",
            Self::Empty => "empty",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The protocols to look for, in this order; the first whose [`Protocol::matches`] says yes reads the request.
#[derive(Debug, Clone)]
pub struct Protocols(Vec<Arc<dyn Protocol>>);

impl Protocols {
    /// None at all: nothing is recognised until [`with`](Self::with) adds something.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a protocol before the others, so that what is configured wins over what is built in.
    #[must_use]
    pub fn with(mut self, protocol: impl Protocol) -> Self {
        self.0.insert(0, Arc::new(protocol));
        self
    }

    /// The protocol that a request with this head may belong to.
    #[must_use]
    pub fn find(&self, head: &request::Parts) -> Option<&Arc<dyn Protocol>> {
        self.0.iter().find(|protocol| protocol.matches(head))
    }
}

impl Default for Protocols {
    /// Every built-in protocol: OpenAI Chat Completions.
    fn default() -> Self {
        Self::none().with(OpenAiChat)
    }
}

/// The offset in `body` at which `raw`, borrowed from it, begins.
fn offset_in(body: &[u8], raw: &serde_json::value::RawValue) -> usize {
    raw.get().as_ptr().addr() - body.as_ptr().addr()
}

/// The text of a JSON string borrowed from `body`, or nothing if it is no string or no text (a lone surrogate, say).
fn text_in(body: &[u8], raw: &serde_json::value::RawValue, place: usize) -> Option<Text> {
    let text = serde_json::from_str::<String>(raw.get()).ok()?;
    Some(Text { place, at: offset_in(body, raw) + 1, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_not_printed_by_accident() {
        let secret = || "card 4111-1111".to_owned();
        let turn = Turn { text: secret(), conversation: Some(secret()), ordinal: 0, last_reply: Some(secret()) };
        assert!(!format!("{turn:?}").contains("4111"));
    }
}
