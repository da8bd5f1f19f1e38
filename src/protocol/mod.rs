//! Is this a chat exchange, what does the user say, and where is the reply's text?
//!
//! One file a wire format. A [`Protocol`] recognises a request by its head, reads the [`Turn`] out of its body, and
//! leaves behind a [`ReplyReader`], which names the [`Piece`]s of the reply's text frame by frame; a reply that comes
//! whole is one [`Frame`]. Positions are byte offsets into the bytes as they came: what is edited is the bot's own text,
//! never a parsed and printed copy.
//!
//! Nothing in here knows of sentiment, or of what will be said.

mod a2a;
mod ag_ui;
mod anthropic;
mod bot_framework;
mod botpress;
mod custom;
mod dialogflow_cx;
mod dialogflow_es;
mod dify;
mod edit;
mod flowise;
mod framing;
mod gemini;
mod growth;
mod history;
mod json;
mod langserve;
mod lex;
mod ollama;
mod openai_chat;
mod openai_responses;
mod parts;
mod pointer;
mod rasa;
mod reasoning;
mod registry;
mod reply;
mod side_call;
mod ssml;
mod twins;
mod vercel;

use std::{fmt, ops::Range};

use http::{Method, header::EXPECT, request};

use self::reply::alternative;
pub use self::{
    a2a::A2a,
    ag_ui::AgUi,
    anthropic::Anthropic,
    bot_framework::BotFramework,
    botpress::Botpress,
    custom::{ConversationPlace, CustomError, CustomProtocol, CustomSpec, Scalar},
    dialogflow_cx::DialogflowCx,
    dialogflow_es::DialogflowEs,
    dify::Dify,
    edit::Encoding,
    flowise::Flowise,
    framing::{Frame, Framing},
    gemini::Gemini,
    langserve::LangServe,
    lex::LexV2,
    ollama::Ollama,
    openai_chat::OpenAiChat,
    openai_responses::OpenAiResponses,
    rasa::Rasa,
    registry::Protocols,
    reply::{Piece, PieceKind, ReplyReader, Unit},
    vercel::Vercel,
};
pub(crate) use self::{
    edit::{Edit, apply},
    framing::{Framer, Progress, Seen},
    json::Raw,
    pointer::Path,
    reasoning::{Reasoning, leaks, visible},
};

/// A wire format in which users and bots talk.
pub trait Protocol: fmt::Debug + Send + Sync + 'static {
    /// The name in logs and metrics.
    fn name(&self) -> &str;

    /// Whether a request with this head can carry a turn. Its body is collected only then, so this must be cheap and
    /// say no to everything else.
    fn claims(&self, head: &request::Parts) -> Claim;

    /// Names of members without which a body is not this protocol's. Where the head is not sure ([`Claim::Maybe`]), they are
    /// looked for, in quotes and within 64 KiB of either end, before the body is read: reading all of it for each protocol
    /// would cost much. None unless implemented.
    fn marks(&self) -> &[&str] {
        &[]
    }

    /// Reads the turn out of a whole request body; [`Recognition::Foreign`] leaves it to the next protocol that claims it.
    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition;
}

/// How far the head of a request tells whether it belongs to a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// It does not.
    No,
    /// The address is free, or others use it too: only the body tells. Nothing is told of a request that turns out to
    /// be something else, or cannot be read; its body is a JSON object, or it is let go at its first byte.
    Maybe,
    /// The address is this protocol's.
    Yes,
}

impl Claim {
    /// A claim by an address that nothing else has.
    #[must_use]
    pub const fn sure(is_address: bool) -> Self {
        if is_address { Self::Yes } else { Self::No }
    }

    /// A claim that the body has to confirm.
    #[must_use]
    pub const fn unsure(is_possible: bool) -> Self {
        if is_possible { Self::Maybe } else { Self::No }
    }
}

/// Whether a request is a `POST` to an address that ends so: the same API sits under many prefixes.
fn is_post_to(head: &request::Parts, suffix: &str) -> bool {
    head.method == Method::POST && head.uri.path().trim_end_matches('/').ends_with(suffix)
}

/// Whether a request is a `POST` of JSON, wherever to. One that waits for `100 Continue` is not: it would get it from here,
/// before the bot has looked at its head.
fn is_post_of_json(head: &request::Parts) -> bool {
    let is_json = || {
        let essence = framing::media_type(&head.headers)?;
        Some(matches!(essence.as_str(), "application/json" | "application/a2a+json"))
    };
    head.method == Method::POST && is_json().unwrap_or(false) && !head.headers.contains_key(EXPECT)
}

/// What a request body turned out to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Recognition {
    /// No exchange of this protocol, whatever its address: the next one that claims it reads it, and where none does it
    /// passes as if undertone were not there.
    Foreign,
    /// An exchange whose reply must not be edited.
    HandsOff(HandsOff),
    /// An exchange whose reply may be edited.
    Chat(Chat),
}

impl Recognition {
    /// An exchange whose turn has been read, or why its reply must be left alone.
    fn of<R: ReplyReader + 'static>(turn: Result<Turn, HandsOff>, reply: impl FnOnce() -> R) -> Self {
        match turn {
            Ok(turn) => Self::Chat(Chat { turn, reply: Box::new(reply()) }),
            Err(reason) => Self::HandsOff(reason),
        }
    }
}

/// A turn, and how to read the reply to it.
#[derive(Debug)]
pub struct Chat {
    /// What the user says.
    pub turn: Turn,
    /// Where the text of the reply will be.
    pub reply: Box<dyn ReplyReader>,
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
    /// The conversation before this turn, the oldest first, as far as the request carries it; the latest 200 messages
    /// of users and bots at most.
    pub history: Vec<Utterance>,
}

/// One message before a turn.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance {
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// Where in the request body they are written, and how, if they are one string.
    pub(crate) place: Option<(Range<usize>, Encoding)>,
}

impl Utterance {
    /// These words of this speaker.
    #[must_use]
    pub const fn new(speaker: Speaker, text: String) -> Self {
        Self { speaker, text, place: None }
    }
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Speaker {
    /// The user.
    User,
    /// The bot.
    Bot,
}

impl fmt::Debug for Turn {
    /// Lengths and counts only: a turn is the user's, not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("text_bytes", &self.text.len())
            .field("has_conversation", &self.conversation.is_some())
            .field("ordinal", &self.ordinal)
            .field("history", &self.history)
            .finish()
    }
}

impl fmt::Debug for Utterance {
    /// Its length only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Utterance").field("speaker", &self.speaker).field("text_bytes", &self.text.len()).finish()
    }
}

/// Why the wire format, or HTTP, forbids an edit. The names are those of the `undertone` response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandsOff {
    /// The client asks to be left alone.
    Off,
    /// A program asks for a title, a label or the like, and reads the answer itself.
    SideCall,
    /// The request holds no words of the user.
    NoTurn,
    /// The reply continues one whose beginning the user has seen.
    Continuation,
    /// The client asked for JSON, or for output bound to a schema, a grammar or a choice.
    JsonMode,
    /// The reply is made later and fetched by other means.
    Background,
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
    /// The reply's text is what the model thinks aloud.
    Reasoning,
    /// The reply calls tools and says nothing.
    ToolCall,
    /// The reply has no text.
    Empty,
    /// The reply is so long that its format has no room for more.
    NoRoom,
    /// The reply is not what this protocol's replies look like.
    Unreadable,
    /// Its status is not 2xx, or says that there is no content.
    Status,
    /// It is a part of a representation.
    Partial,
    /// It is compressed in a way that is not known, that does not hold, that has to be whole, or that the client insists on.
    Encoding,
    /// It is of a media type in which this protocol does not answer.
    MediaType,
    /// It says `Cache-Control: no-transform`, and the operator wants that respected.
    NoTransform,
    /// Another undertone has dealt with it.
    Chained,
}

impl HandsOff {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::SideCall => "side-call",
            Self::NoTurn => "no-turn",
            Self::Continuation => "continuation",
            Self::JsonMode => "json-mode",
            Self::Background => "background",
            Self::NotText => "not-text",
            Self::Logprobs => "logprobs",
            Self::Offsets => "offsets",
            Self::Error => "error",
            Self::Refusal => "refusal",
            Self::Reasoning => "reasoning",
            Self::ToolCall => "tool-call",
            Self::Empty => "empty",
            Self::NoRoom => "no-room",
            Self::Unreadable => "unreadable",
            Self::Status => "status",
            Self::Partial => "partial",
            Self::Encoding => "encoding",
            Self::MediaType => "media-type",
            Self::NoTransform => "no-transform",
            Self::Chained => "chained",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_not_printed_by_accident() {
        let secret = || "card 4111-1111".to_owned();
        let history = vec![Utterance::new(Speaker::Bot, secret())];
        let turn = Turn { text: secret(), conversation: Some(secret()), ordinal: 0, history };
        assert!(!format!("{turn:?}").contains("4111"));
    }
}
