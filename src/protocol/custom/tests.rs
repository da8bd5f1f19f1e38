use http::Request;

use super::*;
use crate::protocol::{Chat, Frame, Framing, ReplyReader};

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
    let spec: CustomSpec =
        toml::from_str("path = '/chat'\nuser = '/q'\nreply = '/text'\ndelta = '/text'\nwhen = { '/type' = 'token' }")
            .unwrap();
    let (head, ()) = Request::post("/chat").body(()).unwrap().into_parts();
    let Recognition::Chat(Chat { mut reply, .. }) = CustomProtocol::new(&spec).unwrap().read(&head, br#"{"q":"Hi"}"#)
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
        let (head, ()) = http::Response::builder().header("content-type", media_type).body(()).unwrap().into_parts();
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
    let spec = |path: &str, conversation: &str| CustomSpec {
        path: path.to_owned(),
        user: PointerBuf::parse("/m").unwrap(),
        conversation: ConversationPlace::try_from(conversation.to_owned()).ok(),
        reply: PointerBuf::parse("/reply").unwrap(),
        delta: None,
        when: BTreeMap::new(),
    };
    let refused = |path: &str, conversation: &str| CustomProtocol::new(&spec(path, conversation)).unwrap_err();
    assert_eq!(refused("chat", "/m"), CustomError::Path("chat".to_owned()));
    assert_eq!(refused("/chat/{bot}", "{user}"), CustomError::Variable("user".to_owned()));
    assert!(toml::from_str::<CustomSpec>("path = '/c'\nuser = 'm'\nreply = '/r'").is_err(), "no leading slash");
}
