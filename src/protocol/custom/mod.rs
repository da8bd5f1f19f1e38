//! A bot's own JSON protocol, described by JSON Pointers.

mod address;
mod reply;

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, request};
use jsonptr::PointerBuf;
use serde::Deserialize;

pub use self::address::ConversationPlace;
use self::{
    address::Address,
    reply::{CustomReply, Places},
};
use super::{Claim, HandsOff, Protocol, Recognition, Turn, json::Raw, pointer::Path};

/// Where a bot's own JSON protocol keeps what undertone needs.
///
/// Pointers are JSON Pointers (RFC 6901). Where one meets an array, `-1` stands for its last element, and `*` for the
/// first in which the rest of the pointer finds a text. An empty pointer is the whole of it: a body of plain text (a
/// reply's where no `delta` is set), or a JSON string; in an event its data, be it a JSON string or bare words, if the event
/// has no name or is a message, data, token, delta, text or chunk. What has a member `error`, or is of the type or event
/// `error`, is left alone.
///
/// ```
/// let spec: undertone::protocol::CustomSpec = toml::from_str(r#"
///     path = "/bots/{bot}/chat"
///     user = "/messages/-1/text"
///     conversation = "/session"
///     reply = "/replies/*/text"
///     delta = "/delta"
///     when = { "/type" = "text-delta" }
/// "#)?;
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSpec {
    /// The address of the chat endpoint: the whole path of a `POST`, without the query. A segment in braces stands for any.
    pub path: String,
    /// The user's words in the request.
    pub user: PointerBuf,
    /// The conversation's name: a string or a number in the request, or a segment of the address.
    pub conversation: Option<ConversationPlace>,
    /// The bot's words in a reply that comes whole.
    pub reply: PointerBuf,
    /// A piece of the bot's words in one event of a streamed reply (server-sent events or NDJSON).
    pub delta: Option<PointerBuf>,
    /// Which events carry such a piece: those that have all these values. All do unless this is set.
    #[serde(default)]
    pub when: BTreeMap<PointerBuf, Scalar>,
}

/// A value that an event must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Scalar {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

impl Scalar {
    fn is(&self, raw: Raw<'_>) -> bool {
        match self {
            Self::Text(text) => raw.text().is_some_and(|found| found == *text),
            Self::Number(number) => raw.get().is_some_and(|raw| raw == number.to_string()),
            Self::Flag(flag) => raw.get().is_some_and(|raw| raw == flag.to_string()),
        }
    }
}

/// Why a [`CustomSpec`] describes no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// The path is no absolute path.
    #[error("the path of a protocol begins with a slash and has no query: `{0}` does not")]
    Path(String),
    /// The path has no segment of this name.
    #[error("the conversation is to be `{{{0}}}`, and the path of the protocol has no such segment")]
    Variable(String),
}

/// The protocol that a [`CustomSpec`] describes.
#[derive(Debug, Clone)]
pub struct CustomProtocol {
    address: Address,
    user: Path,
    conversation: Option<Conversation>,
    reply: Arc<Places>,
}

#[derive(Debug, Clone)]
enum Conversation {
    Body(Path),
    Segment(usize),
}

impl CustomProtocol {
    /// Checks a description and prepares it for use.
    ///
    /// # Errors
    ///
    /// [`CustomError`] when the path or the conversation cannot be what it should be.
    pub fn new(spec: &CustomSpec) -> Result<Self, CustomError> {
        let address = Address::new(&spec.path).ok_or_else(|| CustomError::Path(spec.path.clone()))?;
        let conversation = match &spec.conversation {
            None => None,
            Some(ConversationPlace::Body(pointer)) => Some(Conversation::Body(Path::new(pointer))),
            Some(ConversationPlace::Address(name)) => {
                let segment = address.segment(name).ok_or_else(|| CustomError::Variable(name.clone()))?;
                Some(Conversation::Segment(segment))
            }
        };
        Ok(Self { address, user: Path::new(&spec.user), conversation, reply: Arc::new(Places::new(spec)) })
    }

    fn conversation(&self, head: &request::Parts, body: &[u8]) -> Option<String> {
        match self.conversation.as_ref()? {
            Conversation::Body(path) => path.find(body).ok().and_then(name),
            Conversation::Segment(segment) => Address::nth(head.uri.path(), *segment).map(str::to_owned),
        }
    }
}

impl Protocol for CustomProtocol {
    fn name(&self) -> &str {
        "custom"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(head.method == Method::POST && self.address.matches(head.uri.path()))
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let words = match self.user.find(body) {
            Ok(found) => found.text(),
            // No JSON, where the whole body is the turn.
            Err(_) if self.user.is_whole() => std::str::from_utf8(body).ok().map(str::to_owned),
            Err(_) => None,
        };
        let Some(text) = words else { return Recognition::Foreign };
        if text.trim().is_empty() {
            return Recognition::HandsOff(HandsOff::NoTurn);
        }
        let turn = Turn { text, conversation: self.conversation(head, body), ..Turn::default() };
        Recognition::of(Ok(turn), || CustomReply::new(Arc::clone(&self.reply)))
    }
}

/// A conversation's name as text; an object or an array is none.
fn name(raw: Raw<'_>) -> Option<String> {
    let is_number = |raw: &&str| raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    raw.text().or_else(|| raw.get().filter(is_number).map(str::to_owned))
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests;
