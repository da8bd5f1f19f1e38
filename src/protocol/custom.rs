//! A bot's own JSON protocol, described by JSON Pointers.

use std::{collections::BTreeMap, sync::Arc};

use http::{Method, request, response};
use jsonptr::PointerBuf;
use serde::Deserialize;

use super::{
    Chat, Claim, Frame, Framing, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, framing,
    json::{self, Any, Data, Raw, object},
    pointer::Path,
};

/// Where a bot's own JSON protocol keeps what undertone needs.
///
/// Pointers are JSON Pointers (RFC 6901). Where one meets an array, `-1` stands for its last element, and `*` for the
/// first in which the rest of the pointer finds a text.
///
/// ```
/// let spec: undertone::protocol::CustomSpec = toml::from_str(r#"
///     path = "/chat"
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
    /// The address of the chat endpoint: the whole path of a `POST`, without the query.
    pub path: String,
    /// The user's words in the request.
    pub user: PointerBuf,
    /// The conversation's name in the request: a string or a number.
    pub conversation: Option<PointerBuf>,
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
    reply: Arc<Places>,
}

/// Where the text of a reply is.
#[derive(Debug)]
struct Places {
    reply: Path,
    delta: Option<Path>,
    when: Vec<(Path, Scalar)>,
    /// Both pointers are the same: what is no piece of the reply is no reply either.
    are_one: bool,
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
            reply: Arc::new(Places {
                reply: Path::new(&spec.reply),
                delta: spec.delta.as_ref().map(Path::new),
                are_one: spec.delta.as_ref() == Some(&spec.reply),
                when: spec.when.iter().map(|(pointer, value)| (Path::new(pointer), value.clone())).collect(),
            }),
        })
    }
}

impl Protocol for CustomProtocol {
    fn name(&self) -> &str {
        "custom"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(head.method == Method::POST && head.uri.path() == self.path)
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Some(text) = self.user.find(body).ok().and_then(Raw::text) else { return Recognition::Foreign };
        if text.trim().is_empty() {
            return Recognition::HandsOff(HandsOff::NoTurn);
        }
        let conversation = self.conversation.as_ref().and_then(|path| path.find(body).ok()).and_then(name);
        let turn = Turn { text, conversation, ..Turn::default() };
        let reply = Box::new(CustomReply {
            places: Arc::clone(&self.reply),
            is_labelled_as_text: false,
            has_deltas: false,
            absence: HandsOff::Empty,
        });
        Recognition::Chat(Chat { turn, reply })
    }
}

/// A conversation's name as text; an object or an array is none.
fn name(raw: Raw<'_>) -> Option<String> {
    let is_number = |raw: &&str| raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    raw.text().or_else(|| raw.get().filter(is_number).map(str::to_owned))
}

/// Reads the reply to one request.
#[derive(Debug)]
struct CustomReply {
    places: Arc<Places>,
    /// The head says `text/plain`: whether it is a stream of JSON shows in its beginning.
    is_labelled_as_text: bool,
    /// Pieces of the text have come, and the whole of it may be told again.
    has_deltas: bool,
    absence: HandsOff,
}

object! {
    /// What tells an error from a reply where a bot answers both with 200.
    struct Envelope<'a> {
        event: Raw<'a> = "event",
        kind: Raw<'a> = "type",
        error: Any = "error",
    }
}

impl CustomReply {
    fn read_event(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> serde_json::Result<bool> {
        let Some(delta) = &self.places.delta else { return Ok(false) };
        for (path, value) in &self.places.when {
            if !value.is(path.find(data)?) {
                return Ok(false);
            }
        }
        let found = delta.find(data)?.span_in(data);
        pieces.extend(found.clone().map(|span| Piece::json(0, span, PieceKind::Delta)));
        Ok(found.is_some())
    }
}

impl ReplyReader for CustomReply {
    fn framing(&mut self, head: &response::Parts) -> Result<Framing, HandsOff> {
        let found = Framing::of(head).or_else(|| {
            let media_type = framing::media_type(&head.headers)?;
            self.is_labelled_as_text = media_type == "text/plain";
            match media_type.as_str() {
                "text/plain" => Some(Framing::Sse),
                "application/json-lines" | "application/x-json-stream" | "application/json-seq" => {
                    Some(Framing::Values)
                }
                _ => None,
            }
        });
        match found {
            Some(Framing::Sse) if self.places.delta.is_none() => Err(HandsOff::MediaType),
            Some(framing) => Ok(framing),
            None => Err(HandsOff::MediaType),
        }
    }

    fn reframe(&self, labelled: Framing, start: &[u8]) -> Result<Framing, HandsOff> {
        let Some(first) = start.first() else { return Ok(labelled) };
        match labelled {
            Framing::Sse if framing::begins_like_json(*first) => Ok(Framing::Values),
            Framing::Sse if self.is_labelled_as_text && !framing::begins_like_events(*first) => {
                Err(HandsOff::MediaType)
            }
            Framing::Whole | Framing::Values if framing::begins_like_events(*first) && self.places.delta.is_some() => {
                Ok(Framing::Sse)
            }
            _ => Ok(labelled),
        }
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let envelope: Envelope<'_> = match json::read(&data)? {
            Data::Read(envelope) => envelope,
            Data::Nothing | Data::Words => return Ok(()),
        };
        let is_error = envelope.error.0 || envelope.event.is("error") || envelope.kind.is("error");
        if is_error || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if self.read_event(&data, pieces).map_err(|_| HandsOff::Unreadable)? {
            self.has_deltas = true;
            return Ok(());
        }
        if self.places.are_one {
            return Ok(());
        }
        let reply = self.places.reply.find(&data).map_err(|_| HandsOff::Unreadable)?;
        if let Some(span) = reply.span_in(&data) {
            pieces.push(Piece::json(0, span, PieceKind::Copy));
        } else if reply.get().is_some() {
            self.absence = HandsOff::NotText;
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        self.has_deltas && !self.places.are_one
    }

    fn absence(&self) -> HandsOff {
        self.absence
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
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
        assert_eq!(protocol().claims(&head), Claim::Yes);
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
            let Recognition::Chat(Chat { turn, .. }) = read(body) else { panic!("{body}") };
            assert_eq!(turn.text, "Where is it?", "{body}");
            assert_eq!(turn.conversation.as_deref(), conversation, "{body}");
        }
    }

    #[test]
    fn a_body_without_the_users_words_is_foreign() {
        for body in ["", "{", "[]", r#"{"input": "hello"}"#, r#"{"input": {"text": 5}}"#] {
            assert!(matches!(read(body), Recognition::Foreign), "{body}");
        }
        assert!(matches!(read(r#"{"input": {"text": " "}}"#), Recognition::HandsOff(HandsOff::NoTurn)));
    }

    /// The texts in a frame, or why it must not be edited; and why there is none.
    fn texts(reply: &mut dyn ReplyReader, data: &'static str) -> (Result<Vec<&'static str>, HandsOff>, HandsOff) {
        let mut pieces = Vec::new();
        let read = reply.read(&Frame::whole(data.into()), &mut pieces);
        (read.map(|()| pieces.into_iter().map(|piece| &data[piece.span]).collect()), reply.absence())
    }

    #[test]
    fn the_reply_is_where_the_pointer_says_or_left_alone() {
        let Recognition::Chat(Chat { mut reply, .. }) = read(r#"{"input": {"text": "Hi"}}"#) else { panic!() };
        for (data, found, absence) in [
            (r#"{"output": [{"text": "Hello"}]}"#, Ok(vec!["Hello"]), HandsOff::Empty),
            (r#"{"output": []}"#, Ok(vec![]), HandsOff::Empty),
            (r#"{"delta": "He"}"#, Ok(vec!["He"]), HandsOff::Empty),
            ("[DONE]", Ok(vec![]), HandsOff::Empty),
            ("words", Ok(vec![]), HandsOff::Empty),
            (r#"{"delta": "He"#, Err(HandsOff::Unreadable), HandsOff::Empty),
            (r#"{"delta": NaN}"#, Err(HandsOff::Unreadable), HandsOff::Empty),
            (r#"{"event": "error", "delta": "down"}"#, Err(HandsOff::Error), HandsOff::Empty),
            (r#"{"error": "", "delta": "up"}"#, Ok(vec!["up"]), HandsOff::Empty),
            (r#"{"output": [{"text": ["a"]}]}"#, Ok(vec![]), HandsOff::NotText),
        ] {
            assert_eq!(texts(&mut *reply, data), (found, absence), "{data}");
        }
    }

    #[test]
    fn only_events_that_have_the_values_carry_text() {
        let spec: CustomSpec = toml::from_str(
            r#"
            path = "/chat"
            user = "/messages/-1/text"
            reply = "/replies/*/text"
            delta = "/data"
            when = { "/event" = "token", "/n" = 1 }
            "#,
        )
        .unwrap();
        let (head, ()) = Request::post("/chat").body(()).unwrap().into_parts();
        let body = br#"{"messages": [{"text": "Old"}, {"text": "New"}]}"#;
        let Recognition::Chat(Chat { turn, mut reply }) = CustomProtocol::new(&spec).unwrap().read(&head, body) else {
            panic!()
        };
        assert_eq!(turn.text, "New");
        for (data, found) in [
            (r#"{"event": "state", "n": 1, "data": "INPROGRESS"}"#, vec![]),
            (r#"{"event": "token", "n": 1, "data": "Hello"}"#, vec!["Hello"]),
            (r#"{"event": "token", "n": 2, "data": "Hello"}"#, vec![]),
            (r#"{"replies": [{"image": "x"}, {"text": "First"}, {"text": "Second"}]}"#, vec!["First"]),
        ] {
            assert_eq!(texts(&mut *reply, data).0, Ok(found), "{data}");
        }
    }

    #[test]
    fn a_state_where_the_text_would_be_is_no_text() {
        let spec: CustomSpec = toml::from_str(
            "path = '/chat'\nuser = '/q'\nreply = '/text'\ndelta = '/text'\nwhen = { '/type' = 'token' }",
        )
        .unwrap();
        let (head, ()) = Request::post("/chat").body(()).unwrap().into_parts();
        let Recognition::Chat(Chat { mut reply, .. }) =
            CustomProtocol::new(&spec).unwrap().read(&head, br#"{"q":"Hi"}"#)
        else {
            panic!()
        };
        assert_eq!(texts(&mut *reply, r#"{"type":"status","text":"Searching"}"#).0, Ok(vec![]));
        assert_eq!(texts(&mut *reply, r#"{"type":"token","text":"It left"}"#).0, Ok(vec!["It left"]));
    }

    #[test]
    fn a_reply_is_divided_as_its_head_or_else_its_beginning_says() {
        let framing = |media_type: &str, start: &str| {
            let Recognition::Chat(Chat { mut reply, .. }) = read(r#"{"input": {"text": "Hi"}}"#) else { panic!() };
            let (head, ()) =
                http::Response::builder().header("content-type", media_type).body(()).unwrap().into_parts();
            reply.framing(&head).and_then(|labelled| reply.reframe(labelled, start.as_bytes()))
        };
        for (media_type, start, expected) in [
            ("application/json", "{", Ok(Framing::Whole)),
            ("application/json", "data: {", Ok(Framing::Sse)),
            ("text/event-stream", "{", Ok(Framing::Values)),
            ("text/event-stream", "message:", Ok(Framing::Sse)),
            ("application/json-lines", "{", Ok(Framing::Values)),
            ("text/plain", "data: {", Ok(Framing::Sse)),
            ("text/plain", "{", Ok(Framing::Values)),
            ("text/plain", "0:\"Hi\"", Err(HandsOff::MediaType)),
            ("text/html", "<", Err(HandsOff::MediaType)),
        ] {
            assert_eq!(framing(media_type, start), expected, "{media_type} {start}");
        }
    }

    #[test]
    fn a_description_that_cannot_work_is_refused() {
        let spec = |path: &str, user: &str| CustomSpec {
            path: path.to_owned(),
            user: PointerBuf::parse(user).unwrap(),
            conversation: None,
            reply: PointerBuf::parse("/reply").unwrap(),
            delta: None,
            when: BTreeMap::new(),
        };
        assert_eq!(CustomProtocol::new(&spec("chat", "/m")).unwrap_err(), CustomError::Path("chat".to_owned()));
        assert_eq!(CustomProtocol::new(&spec("/chat", "")).unwrap_err(), CustomError::WholeDocument("user"));
        assert!(toml::from_str::<CustomSpec>("path = '/c'\nuser = 'm'\nreply = '/r'").is_err(), "no leading slash");
    }
}
