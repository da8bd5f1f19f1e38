use http::Request as HttpRequest;

use super::*;
use crate::protocol::Chat;

fn read(body: &str) -> Recognition {
    let (head, ()) = HttpRequest::post("/v1/responses").body(()).unwrap().into_parts();
    OpenAiResponses.read(&head, body.as_bytes())
}

fn turn(body: &str) -> Turn {
    match read(body) {
        Recognition::Chat(Chat { turn, .. }) => turn,
        other => panic!("{body}: {other:?}"),
    }
}

/// The pieces in one frame: their kind and their bytes.
fn pieces(reply: &mut ResponsesReply, data: &str) -> Result<Vec<(PieceKind, String)>, HandsOff> {
    let mut pieces = Vec::new();
    reply.read(&Frame::whole(data.to_owned().into()), &mut pieces)?;
    Ok(pieces.into_iter().map(|piece| (piece.kind, data[piece.span].to_owned())).collect())
}

#[test]
fn the_address_and_the_input_make_a_request() {
    for (method, uri, expected) in [
        ("POST", "/v1/responses", true),
        ("POST", "/openai/v1/responses/?api-version=preview", true),
        ("GET", "/v1/responses", false),
        ("POST", "/v1/responses/resp_1/cancel", false),
        ("POST", "/v1/responses/compact", false),
    ] {
        let (head, ()) = HttpRequest::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        assert_eq!(OpenAiResponses.claims(&head), Claim::sure(expected), "{method} {uri}");
    }
    for body in ["", "{}", r#"{"messages":[],"input":"Hi"}"#, r#"{"input":null}"#] {
        assert!(matches!(read(body), Recognition::Foreign), "{body}");
    }
}

#[test]
fn the_turn_is_the_newest_message_of_the_user() {
    assert_eq!(turn(r#"{"model":"m","input":"Where is it?"}"#).text, "Where is it?");
    let turn = turn(
        r#"{"model":"m","conversation":{"id":"conv_1"},"input":[
            {"role":"developer","content":"Be brief."},
            {"role":"user","content":"Where is it?"},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"On its way."}]},
            {"type":"message","role":"user","content":[{"type":"input_text","text":"Still?"},{"type":"input_image"}]},
            {"type":"function_call","name":"track"},
            {"type":"function_call_output","output":"left"}]}"#,
    );
    assert_eq!((turn.text.as_str(), turn.ordinal), ("Still?", 1));
    assert_eq!(turn.history.last().map(|latest| latest.text.as_str()), Some("On its way."));
    assert_eq!(turn.conversation.as_deref(), Some("conv_1"));
}

#[test]
fn requests_that_forbid_an_edit_say_why() {
    for (body, reason) in [
        (r#"{"input":"Hi","text":{"format":{"type":"json_schema"}}}"#, HandsOff::JsonMode),
        (r#"{"input":"Hi","background":true}"#, HandsOff::Background),
        (r#"{"input":"Hi","top_logprobs":3}"#, HandsOff::Logprobs),
        (r#"{"input":" "}"#, HandsOff::NoTurn),
        (r#"{"previous_response_id":"r","input":[{"type":"function_call_output","output":"x"}]}"#, HandsOff::NoTurn),
        (
            r#"{"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Let me look."}]}"#,
            HandsOff::Continuation,
        ),
    ] {
        match read(body) {
            Recognition::HandsOff(why) => assert_eq!(why, reason, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    turn(r#"{"input":"Hi","text":{"format":{"type":"text"}},"background":false,"conversation":null}"#);
}

#[test]
fn a_whole_response_has_its_text_in_the_first_message() {
    let body = r#"{"object":"response","status":"completed","error":null,"output":[
        {"type":"reasoning","summary":[]},
        {"type":"message","content":[{"type":"output_text","text":"One","annotations":[
            {"type":"url_citation","start_index":0,"end_index":3},{"type":"file_citation","index":1}]}]},
        {"type":"message","content":[{"type":"output_text","text":"Two","annotations":[]}]}]}"#;
    assert_eq!(
        pieces(&mut ResponsesReply::default(), body).unwrap(),
        [
            (PieceKind::Copy, "One".to_owned()),
            (PieceKind::Offset(Unit::Chars), "0".to_owned()),
            (PieceKind::Offset(Unit::Chars), "3".to_owned())
        ]
    );
}

#[test]
fn a_stream_tells_one_text_and_then_its_copies() {
    let mut reply = ResponsesReply::default();
    let mut told = Vec::new();
    for event in [
        r#"{"type":"response.created","response":{"output":[],"error":null}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","content":[]}}"#,
        r#"{"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"","logprobs":[]}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"On"}"#,
        r#"{"type":"response.output_text.delta","output_index":2,"content_index":0,"delta":"Tw"}"#,
        r#"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"One"}"#,
        r#"{"type":"response.content_part.done","output_index":1,"content_index":0,"part":{"type":"output_text","text":"One"}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"One"}]}}"#,
    ] {
        told.extend(pieces(&mut reply, event).unwrap());
        assert!(reply.expects_copies(), "{event}");
    }
    let end = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"reasoning"},
        {"type":"message","content":[{"type":"output_text","text":"One"}]},
        {"type":"message","content":[{"type":"output_text","text":"Two"}]}]}}"#;
    told.extend(pieces(&mut reply, end).unwrap());
    assert!(!reply.expects_copies());
    let told: Vec<_> = told.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    use PieceKind::{Copy, Delta, End};
    assert_eq!(told, [(Delta, "On"), (Copy, "One"), (End, ""), (Copy, "One"), (Copy, "One"), (Copy, "One")]);
}

#[test]
fn what_is_no_text_says_what_it_is() {
    for (data, expected) in [
        (r#"{"type":"error","code":"overloaded"}"#, Err(HandsOff::Error)),
        (r#"{"object":"response","status":"failed","error":{"code":"x"}}"#, Err(HandsOff::Error)),
        (r#"{"object":"response","status":"queued","output":[]}"#, Err(HandsOff::Background)),
        (
            r#"{"type":"response.created","response":{"text":{"format":{"type":"json_object"}}}}"#,
            Err(HandsOff::JsonMode),
        ),
        (r#"{"type":"response.output_text.delta","delta":"O","logprobs":[{}]}"#, Err(HandsOff::Logprobs)),
        (r#"{"type":"response.output_text.delta","delta":"O"#, Err(HandsOff::Unreadable)),
        (r#"{"object":"response","output":[{"type":"function_call"}]}"#, Ok(HandsOff::ToolCall)),
        (
            r#"{"object":"response","output":[{"type":"message","content":[{"type":"refusal"}]}]}"#,
            Ok(HandsOff::Refusal),
        ),
        (r#"{"object":"response","output":[]}"#, Ok(HandsOff::Empty)),
        (r#"{"detail":"no such model"}"#, Ok(HandsOff::Unreadable)),
        ("words", Ok(HandsOff::Unreadable)),
    ] {
        let mut reply = ResponsesReply::default();
        assert_eq!(pieces(&mut reply, data).map(|_| reply.absence()), expected, "{data}");
    }
}

#[test]
fn a_server_that_does_not_number_its_events_is_followed() {
    let mut reply = ResponsesReply::default();
    let mut told = Vec::new();
    for event in [
        r#"{"type":"response.output_text.delta","item_id":"m","delta":"One"}"#,
        r#"{"type":"response.output_text.done","item_id":"m","text":"One"}"#,
        r#"{"type":"response.content_part.done","item_id":"m","part":{"type":"output_text","text":"One"}}"#,
        r#"{"type":"response.output_item.done","item":{"type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"type":"output_text","text":"One"}]}}"#,
        r#"{"type":"response.completed","response":{"output":[{"type":"reasoning"},
            {"type":"message","content":[{"type":"output_text","text":"One"}]}]}}"#,
    ] {
        told.extend(pieces(&mut reply, event).unwrap().into_iter().filter(|(kind, _)| *kind != PieceKind::End));
    }
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().all(|(_, text)| text == "One"), "{told:?}");
}
