use http::Request as HttpRequest;

use super::*;
use crate::protocol::Chat;

fn read(body: &str) -> Recognition {
    let (head, ()) = HttpRequest::post("/v1/chat/completions").body(()).unwrap().into_parts();
    OpenAiChat.read(&head, body.as_bytes())
}

fn turn(body: &str) -> Turn {
    match read(body) {
        Recognition::Chat(Chat { turn, .. }) => turn,
        other => panic!("{body}: {other:?}"),
    }
}

fn reply(request: &str) -> Box<dyn ReplyReader> {
    match read(request) {
        Recognition::Chat(Chat { reply, .. }) => reply,
        other => panic!("{request}: {other:?}"),
    }
}

/// The pieces in one frame: which text, and its bytes.
fn texts(reply: &mut dyn ReplyReader, data: &str) -> Result<Vec<(usize, String)>, HandsOff> {
    let mut pieces = Vec::new();
    reply.read(&Frame::whole(data.to_owned().into()), &mut pieces)?;
    let deltas = pieces.into_iter().filter(|piece| piece.kind == PieceKind::Delta);
    Ok(deltas.map(|piece| (piece.text, data[piece.span].to_owned())).collect())
}

const ONE: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
const TWO: &str = r#"{"model":"m","n":2,"messages":[{"role":"user","content":"Hi"}]}"#;

#[test]
fn the_address_decides_whether_a_body_is_looked_at() {
    for (method, uri, expected) in [
        ("POST", "/v1/chat/completions", true),
        ("POST", "/openai/deployments/gpt/chat/completions?api-version=1", true),
        ("GET", "/v1/chat/completions", false),
        ("POST", "/v1/chat/completions/abc", false),
        ("POST", "/v1/completions", false),
        ("POST", "/v1/models", false),
    ] {
        let (head, ()) = HttpRequest::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        assert_eq!(OpenAiChat.claims(&head), Claim::sure(expected), "{method} {uri}");
    }
}

#[test]
fn the_turn_is_the_newest_user_message() {
    let turn = turn(
        r#"{"model":"m","seed":4944116822809979520,"messages":[
            {"role":"system","content":"Be brief."},
            {"role":"user","content":"Where is it?"},
            {"role":"assistant","content":"On its way."},
            {"role":"user","content":[{"type":"text","text":"Still?"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
    );
    let latest = turn.history.last().map(|latest| latest.text.as_str());
    assert_eq!((turn.text.as_str(), turn.ordinal, latest), ("Still?", 1, Some("On its way.")));
}

#[test]
fn a_tool_loop_belongs_to_the_user_message_before_it() {
    let loop_ = |words: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"Where?"}},
                {{"role":"assistant","content":{words},"tool_calls":[{{"id":"1"}}]}},
                {{"role":"tool","tool_call_id":"1","content":"left Tuesday"}}]}}"#
        )
    };
    assert_eq!(turn(&loop_("null")).text, "Where?");
    assert_eq!(turn(&loop_(r#""<think>Hm</think>""#)).text, "Where?", "the user has seen nothing yet");
    assert!(
        matches!(read(&loop_(r#""Let me look.""#)), Recognition::HandsOff(HandsOff::Continuation)),
        "the user has seen the beginning of the reply"
    );
}

#[test]
fn requests_that_forbid_an_edit_say_why() {
    let with = |field: &str| format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{field}}}"#);
    for (body, reason) in [
        (with(r#""response_format":{"type":"json_object"}"#), HandsOff::JsonMode),
        (with(r#""response_format":{"type":"json_schema","json_schema":{}}"#), HandsOff::JsonMode),
        (with(r#""modalities":["text","audio"]"#), HandsOff::NotText),
        (with(r#""logprobs":true"#), HandsOff::Logprobs),
        (with(r#""logprobs":5"#), HandsOff::Logprobs),
        (with(r#""response_format":"json""#), HandsOff::JsonMode),
        (with(r#""guided_choice":["a","b"]"#), HandsOff::JsonMode),
        (with(r#""structured_outputs":{"regex":"a"}"#), HandsOff::JsonMode),
        (with(r#""logit_bias":{"1":100}"#), HandsOff::JsonMode),
        (with(r#""max_tokens":1"#), HandsOff::JsonMode),
        (with(r#""web_search_options":{"search_context_size":"low"}"#), HandsOff::Offsets),
        (r#"{"messages":[]}"#.to_owned(), HandsOff::NoTurn),
        (r#"{"messages":[{"role":"user","content":""}]}"#.to_owned(), HandsOff::NoTurn),
        (r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#.to_owned(), HandsOff::NoTurn),
        (
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":""}]}"#.to_owned(),
            HandsOff::Continuation,
        ),
    ] {
        match read(&body) {
            Recognition::HandsOff(why) => assert_eq!(why, reason, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    for fields in [
        r#""response_format":{"type":"text"},"n":null,"modalities":null,"logprobs":null"#,
        r#""response_format":{},"n":1.0,"modalities":"text","logprobs":0,"max_tokens":400"#,
        r#""n":"1","n":-1,"logit_bias":{},"grammar":"""#,
    ] {
        turn(&with(fields));
    }
}

#[test]
fn what_is_no_chat_request_is_foreign() {
    for body in [
        "",
        "hello",
        "[1,2]",
        "{}",
        r#"{"prompt":"x"}"#,
        r#"{"messages":"x"}"#,
        "\u{feff}{}",
        "{\"messages\":[1]}",
        r#"{"messages":[{"content":"x"}]}"#,
    ] {
        assert!(matches!(read(body), Recognition::Foreign), "{body}");
    }
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(&deep), Recognition::Foreign), "deep nesting does not overflow the stack");
}

#[test]
fn the_text_of_every_choice_is_found_in_place() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"One"}},
        {"index":1,"message":{"content":"\u0054wo"}},{"index":2,"message":{"content":null,"tool_calls":[]}}]}"#;
    assert_eq!(
        texts(&mut *reply(TWO), body).unwrap(),
        [(0, "One".to_owned()), (1, "\\u0054wo".to_owned())],
        "escapes stay as they are"
    );
}

#[test]
fn replies_that_are_no_text_say_what_they_are() {
    let message = |inside: &str| format!(r#"{{"error":null,"choices":[{{"message":{{{inside}}}}}]}}"#);
    for (body, reason) in [
        (message(r#""content":null"#), Ok(HandsOff::Empty)),
        (message(r#""content":null,"tool_calls":[{}]"#), Ok(HandsOff::ToolCall)),
        (message(r#""content":null,"function_call":{"name":"f"}"#), Ok(HandsOff::ToolCall)),
        (message(r#""content":null,"refusal":"No.""#), Err(HandsOff::Refusal)),
        (message(r#""content":"Hi","annotations":[{"type":"url_citation"}]"#), Err(HandsOff::Offsets)),
        (message(r#""content":"Hi","annotations":{"type":"url_citation"}"#), Err(HandsOff::Offsets)),
        (message(r#""content":{"type":"text"}"#), Err(HandsOff::NotText)),
        (
            r#"{"choices":[{"finish_reason":"content_filter","message":{"content":"H"}}]}"#.to_owned(),
            Err(HandsOff::Refusal),
        ),
        (
            r#"{"choices":[{"logprobs":{"content":[{}]},"message":{"content":"H"}}]}"#.to_owned(),
            Err(HandsOff::Logprobs),
        ),
        (r#"{"choices":[{"content_filter_offsets":{"end_offset":4}}]}"#.to_owned(), Err(HandsOff::Offsets)),
        (r#"{"choices":[]}"#.to_owned(), Ok(HandsOff::Empty)),
        (r#"{"detail":"x"}"#.to_owned(), Ok(HandsOff::Unreadable)),
        (r#"{"error":{"message":"x"}}"#.to_owned(), Err(HandsOff::Error)),
        (r#"{"choices":[{"delta":{"content":NaN}}]}"#.to_owned(), Err(HandsOff::Unreadable)),
        (r#"{"choices":[]}{"choices":[]}"#.to_owned(), Err(HandsOff::Unreadable)),
        ("not json".to_owned(), Ok(HandsOff::Unreadable)),
    ] {
        let mut reply = reply(ONE);
        assert_eq!(texts(&mut *reply, &body).map(|_| reply.absence()), reason, "{body}");
    }
}

#[test]
fn oddities_of_real_servers_are_read() {
    for (data, expected) in [
        (r#"{"error":"","choices":[{"delta":{"content":"He","refusal":""}}]}"#, vec!["He"]),
        (r#"{"choices":[{"index":"0","delta":{"content":"He","annotations":[]}}]}"#, vec!["He"]),
        (r#"{"choices":[{"finish_reason":null,"finish_reason":"","delta":{"content":"He"}}]}"#, vec!["He"]),
        (r#"{"choices":[{"delta":{"content":"He","annotations":[{"type":"file"}]}}]}"#, vec!["He"]),
        (r#"{"choices":[{"logprobs":null,"delta":""}]}"#, vec![]),
        (r#"{"choices":[{"delta":{"content":"He"},"message":{"content":"Hello"}}]}"#, vec!["He"]),
        (r#"{"choices":[{"message":{"content":"He"}}]}"#, vec!["He"]),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"He"}]}}]}"#,
            vec!["He"],
        ),
    ] {
        let texts = texts(&mut *reply(ONE), data).unwrap();
        assert_eq!(texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected, "{data}");
    }
}

#[test]
fn deltas_are_told_apart_by_choice_only_where_several_were_asked_for() {
    let chunk = r#"{"choices":[{"index":7,"delta":{"content":"He"},"finish_reason":null}]}"#;
    assert_eq!(texts(&mut *reply(ONE), chunk).unwrap()[0].0, 0, "some servers raise the index per token");
    assert_eq!(texts(&mut *reply(TWO), chunk).unwrap()[0].0, 7);
}

#[test]
fn chunks_without_text_pass_and_errors_end_the_editing() {
    for chunk in [
        r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#,
        r#"{"choices":[{"finish_reason":"stop","delta":{}}]}"#,
        r#"{"choices":[{"index":0}]}"#,
        r#"{"choices":[],"usage":{"total_tokens":3}}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#,
        "[DONE]",
        "",
    ] {
        assert_eq!(texts(&mut *reply(ONE), chunk), Ok(Vec::new()), "{chunk}");
    }
    assert_eq!(texts(&mut *reply(ONE), r#"{"error":{"message":"x"}}"#), Err(HandsOff::Error));
    assert_eq!(texts(&mut *reply(ONE), r#"{"choices":[{"delta":{"refusal":"No"}}]}"#), Err(HandsOff::Refusal));
}
