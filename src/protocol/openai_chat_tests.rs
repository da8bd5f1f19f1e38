use http::Request as HttpRequest;

use super::*;

fn read(body: &str) -> Recognition {
    let (head, ()) = HttpRequest::post("/v1/chat/completions").body(()).unwrap().into_parts();
    OpenAiChat.read(&head, body.as_bytes())
}

fn turn(body: &str) -> Turn {
    match read(body) {
        Recognition::Exchange { turn, .. } => turn,
        other => panic!("{body}: {other:?}"),
    }
}

fn reply(request: &str) -> Box<dyn ReplyFormat> {
    match read(request) {
        Recognition::Exchange { reply, .. } => reply,
        other => panic!("{request}: {other:?}"),
    }
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
        assert_eq!(OpenAiChat.matches(&head), expected, "{method} {uri}");
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
    assert_eq!((turn.text.as_str(), turn.ordinal, turn.last_reply.as_deref()), ("Still?", 1, Some("On its way.")));
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
    assert!(
        matches!(read(&loop_(r#""Let me look.""#)), Recognition::LeftAlone(LeftAlone::Continuation)),
        "the user has seen the beginning of the reply"
    );
}

#[test]
fn requests_that_forbid_an_edit_say_why() {
    let with = |field: &str| format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{field}}}"#);
    for (body, reason) in [
        (with(r#""response_format":{"type":"json_object"}"#), LeftAlone::JsonMode),
        (with(r#""response_format":{"type":"json_schema","json_schema":{}}"#), LeftAlone::JsonMode),
        (with(r#""modalities":["text","audio"]"#), LeftAlone::NotText),
        (with(r#""logprobs":true"#), LeftAlone::Logprobs),
        (r#"{"messages":[]}"#.to_owned(), LeftAlone::NoTurn),
        (r#"{"messages":[{"role":"user","content":""}]}"#.to_owned(), LeftAlone::NoTurn),
        (r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#.to_owned(), LeftAlone::NoTurn),
        (
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":""}]}"#.to_owned(),
            LeftAlone::Continuation,
        ),
    ] {
        match read(&body) {
            Recognition::LeftAlone(why) => assert_eq!(why, reason, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    turn(&with(r#""response_format":{"type":"text"},"n":null,"modalities":null,"logprobs":null"#));
}

#[test]
fn what_is_no_chat_request_is_foreign() {
    for body in
        ["", "hello", "[1,2]", "{}", r#"{"prompt":"x"}"#, r#"{"messages":"x"}"#, "\u{feff}{}", "{\"messages\":[1]}"]
    {
        assert!(matches!(read(body), Recognition::Foreign), "{body}");
    }
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(&deep), Recognition::Foreign), "deep nesting does not overflow the stack");
}

#[test]
fn the_text_of_every_choice_is_found_in_place() {
    let body = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"One"}},
        {"index":1,"message":{"content":"\u0054wo"}},{"index":2,"message":{"content":null,"tool_calls":[]}}]}"#;
    let texts = reply(TWO).texts(body).unwrap();
    assert_eq!(texts.iter().map(|t| (t.place, t.text.as_str())).collect::<Vec<_>>(), [(0, "One"), (1, "Two")]);
    assert!(body[texts[0].at..].starts_with(b"One"));
    assert!(body[texts[1].at..].starts_with(b"\\u0054wo"), "escapes stay as they are");
}

#[test]
fn replies_that_are_no_text_say_what_they_are() {
    let message = |inside: &str| format!(r#"{{"error":null,"choices":[{{"message":{{{inside}}}}}]}}"#);
    for (body, reason) in [
        (message(r#""content":null"#), LeftAlone::Empty),
        (message(r#""content":"  ""#), LeftAlone::Empty),
        (message(r#""content":null,"tool_calls":[{}]"#), LeftAlone::ToolCall),
        (message(r#""content":null,"function_call":{}"#), LeftAlone::ToolCall),
        (message(r#""content":null,"refusal":"No.""#), LeftAlone::Refusal),
        (message(r#""content":"Hi","annotations":[{"type":"url_citation"}]"#), LeftAlone::Offsets),
        (message(r#""content":[{"type":"text"}]"#), LeftAlone::NotText),
        (message(r#""content":"\ud800""#), LeftAlone::Unreadable),
        (
            r#"{"choices":[{"finish_reason":"content_filter","message":{"content":"H"}}]}"#.to_owned(),
            LeftAlone::Refusal,
        ),
        (r#"{"choices":[]}"#.to_owned(), LeftAlone::Empty),
        (r#"{"error":{"message":"x"}}"#.to_owned(), LeftAlone::Error),
        ("[]".to_owned(), LeftAlone::Unreadable),
        ("not json".to_owned(), LeftAlone::Unreadable),
    ] {
        assert_eq!(reply(ONE).texts(body.as_bytes()), Err(reason), "{body}");
    }
}

#[test]
fn deltas_are_told_apart_by_choice_only_where_several_were_asked_for() {
    let chunk = br#"{"choices":[{"index":7,"delta":{"content":"He"},"finish_reason":null}]}"#;
    assert_eq!(reply(ONE).deltas(chunk).unwrap()[0].place, 0, "some servers raise the index per token");
    assert_eq!(reply(TWO).deltas(chunk).unwrap()[0].place, 7);
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
        assert_eq!(reply(ONE).deltas(chunk.as_bytes()), Ok(Vec::new()), "{chunk}");
    }
    assert_eq!(reply(ONE).deltas(br#"{"error":{"message":"x"}}"#), Err(LeftAlone::Error));
    assert_eq!(reply(ONE).deltas(br#"{"choices":[{"delta":{"refusal":"No"}}]}"#), Err(LeftAlone::Refusal));
}
