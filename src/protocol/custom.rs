//! A bot's own JSON protocol, described by JSON Pointers.

use http::{Method, request};
use jsonptr::PointerBuf;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{LeftAlone, Protocol, Recognition, ReplyFormat, Text, Turn, pointer::Path, text_in};

/// Where a bot's own JSON protocol keeps what undertone needs.
///
/// ```
/// let spec: undertone::protocol::CustomSpec = toml::from_str(r#"
///     path = "/chat"
///     user = "/message"
///     conversation = "/session"
///     reply = "/reply"
///     delta = "/delta"
/// "#)?;
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSpec {
    /// The address of the chat endpoint: the whole path of a `POST`, without the query.
    pub path: String,
    /// JSON Pointer (RFC 6901) to the user's words in the request.
    pub user: PointerBuf,
    /// JSON Pointer to the conversation's name in the request: a string or a number.
    pub conversation: Option<PointerBuf>,
    /// JSON Pointer to the bot's words in a reply that comes whole.
    pub reply: PointerBuf,
    /// JSON Pointer to a piece of the bot's words in one event of a streamed reply (server-sent events or NDJSON).
    pub delta: Option<PointerBuf>,
}

/// Why a [`CustomSpec`] describes no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// The path is no absolute path.
    #[error("the path of a protocol begins with a slash and has no query: `{0}` does not")]
    Path(String),
    /// A pointer to the whole document finds no string.
    #[error("`{0}` must name a member: an empty JSON Pointer is the whole document")]
    WholeDocument(&'static str),
}

/// The protocol that a [`CustomSpec`] describes.
#[derive(Debug, Clone)]
pub struct CustomProtocol {
    path: String,
    user: Path,
    conversation: Option<Path>,
    reply: Path,
    delta: Option<Path>,
}

impl CustomProtocol {
    /// Checks a description and prepares it for use.
    ///
    /// # Errors
    ///
    /// [`CustomError`] when the path or a pointer cannot be what it should be.
    pub fn new(spec: &CustomSpec) -> Result<Self, CustomError> {
        if !spec.path.starts_with('/') || spec.path.contains(['?', '#']) {
            return Err(CustomError::Path(spec.path.clone()));
        }
        for (name, pointer) in
            [("user", Some(&spec.user)), ("reply", Some(&spec.reply)), ("delta", spec.delta.as_ref())]
        {
            if pointer.is_some_and(|pointer| pointer.is_root()) {
                return Err(CustomError::WholeDocument(name));
            }
        }
        Ok(Self {
            path: spec.path.clone(),
            user: Path::new(&spec.user),
            conversation: spec.conversation.as_ref().map(Path::new),
            reply: Path::new(&spec.reply),
            delta: spec.delta.as_ref().map(Path::new),
        })
    }
}

impl Protocol for CustomProtocol {
    fn name(&self) -> &str {
        "custom"
    }

    fn matches(&self, head: &request::Parts) -> bool {
        head.method == Method::POST && head.uri.path() == self.path
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Some(raw) = self.user.find(body) else { return Recognition::Foreign };
        let Ok(text) = serde_json::from_str::<String>(raw.get()) else { return Recognition::Foreign };
        if text.trim().is_empty() {
            return Recognition::LeftAlone(LeftAlone::NoTurn);
        }
        let turn = Turn {
            text,
            conversation: self.conversation.as_ref().and_then(|path| path.find(body)).and_then(name),
            ordinal: 0,
            last_reply: None,
        };
        let reply = Box::new(CustomReply { reply: self.reply.clone(), delta: self.delta.clone() });
        Recognition::Exchange { turn, reply }
    }
}

/// A conversation's name as text; an object or an array is none.
fn name(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw.get()).ok(),
        Some(b'-' | b'0'..=b'9') => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// Where the text of a reply is.
#[derive(Debug)]
struct CustomReply {
    reply: Path,
    delta: Option<Path>,
}

impl ReplyFormat for CustomReply {
    fn texts(&self, body: &[u8]) -> Result<Vec<Text>, LeftAlone> {
        let raw = self.reply.find(body).ok_or(LeftAlone::Empty)?;
        let text = text_in(body, raw, 0).ok_or(LeftAlone::NotText)?;
        if text.text.trim().is_empty() { Err(LeftAlone::Empty) } else { Ok(vec![text]) }
    }

    fn deltas(&mut self, event: &[u8]) -> Result<Vec<Text>, LeftAlone> {
        let path = self.delta.as_ref().ok_or(LeftAlone::Unreadable)?;
        Ok(path.find(event).and_then(|raw| text_in(event, raw, 0)).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn protocol() -> CustomProtocol {
        let spec: CustomSpec = toml::from_str(
            r#"
            path = "/chat"
            user = "/input/text"
            conversation = "/session"
            reply = "/output/0/text"
            delta = "/delta"
            "#,
        )
        .unwrap();
        CustomProtocol::new(&spec).unwrap()
    }

    fn read(body: &str) -> Recognition {
        let (head, ()) = Request::post("/chat?v=1").body(()).unwrap().into_parts();
        assert!(protocol().matches(&head));
        protocol().read(&head, body.as_bytes())
    }

    #[test]
    fn the_turn_and_the_conversation_are_where_the_pointers_say() {
        for (body, conversation) in [
            (r#"{"session": "s1", "input": {"text": "Where is it?"}}"#, Some("s1")),
            (r#"{"session": 17, "input": {"text": "Where is it?"}}"#, Some("17")),
            (r#"{"session": {}, "input": {"text": "Where is it?"}}"#, None),
            (r#"{"session": null, "input": {"text": "Where is it?"}}"#, None),
        ] {
            let Recognition::Exchange { turn, .. } = read(body) else { panic!("{body}") };
            assert_eq!(turn.text, "Where is it?", "{body}");
            assert_eq!(turn.conversation.as_deref(), conversation, "{body}");
        }
    }

    #[test]
    fn a_body_without_the_users_words_is_foreign() {
        for body in ["", "{", "[]", r#"{"input": "hello"}"#, r#"{"input": {"text": 5}}"#] {
            assert!(matches!(read(body), Recognition::Foreign), "{body}");
        }
        assert!(matches!(read(r#"{"input": {"text": " "}}"#), Recognition::LeftAlone(LeftAlone::NoTurn)));
    }

    #[test]
    fn the_reply_is_where_the_pointer_says_or_left_alone() {
        let Recognition::Exchange { mut reply, .. } = read(r#"{"input": {"text": "Hi"}}"#) else { panic!() };
        let body = br#"{"output": [{"text": "Hello"}]}"#;
        let texts = reply.texts(body).unwrap();
        assert_eq!(&body[texts[0].at..texts[0].at + 5], b"Hello");
        assert_eq!(reply.texts(br#"{"output": []}"#), Err(LeftAlone::Empty));
        assert_eq!(reply.texts(br#"{"output": [{"text": ""}]}"#), Err(LeftAlone::Empty));
        assert_eq!(reply.texts(br#"{"output": [{"text": ["a"]}]}"#), Err(LeftAlone::NotText));
        assert_eq!(reply.deltas(br#"{"delta": "He"}"#).unwrap()[0].text, "He");
        assert_eq!(reply.deltas(b"[DONE]").unwrap(), vec![]);
    }

    #[test]
    fn a_description_that_cannot_work_is_refused() {
        let spec = |path: &str, user: &str| CustomSpec {
            path: path.to_owned(),
            user: PointerBuf::parse(user).unwrap(),
            conversation: None,
            reply: PointerBuf::parse("/reply").unwrap(),
            delta: None,
        };
        assert_eq!(CustomProtocol::new(&spec("chat", "/m")).unwrap_err(), CustomError::Path("chat".to_owned()));
        assert_eq!(CustomProtocol::new(&spec("/chat", "")).unwrap_err(), CustomError::WholeDocument("user"));
        assert!(toml::from_str::<CustomSpec>("path = '/c'\nuser = 'm'\nreply = '/r'").is_err(), "no leading slash");
    }
}
