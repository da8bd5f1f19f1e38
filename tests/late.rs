//! What is said when a streamed reply's first words do not come.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json as value};
use undertone::{EmpathyLayer, layer::LateReply};

const CALM: &str = "Where is my box?";
const FURIOUS: &str = "I am furious, where is my box?";
const LATE: &str = "Let me look that up.";

fn late() -> EmpathyLayer {
    layer().late(LateReply::new(Duration::from_secs(2), LATE))
}

/// A bot that takes its time after so many bytes of its reply.
fn paused(reply: &str, after: usize, pause: Duration) -> Script {
    let (before, rest) = reply.as_bytes().split_at(after);
    let before = (!before.is_empty()).then(|| Step::Data(Bytes::copy_from_slice(before)));
    script(before.into_iter().chain([Step::Wait(pause), Step::Data(Bytes::copy_from_slice(rest))]))
}

const FIVE: Duration = Duration::from_secs(5);

/// The words of a stream of chat completions.
fn told(stream: &str) -> String {
    let events = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    events.filter_map(|event| Some(event.pointer("/choices/0/delta/content")?.as_str()?.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_takes_five_seconds_says_so_once_and_then_answers() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    let role = reply.find("\n\n").unwrap() + 2;
    for after in [0, role] {
        let seen = within(exchange(late(), post(chat(CALM)), sse(paused(&reply, after, FIVE)))).await;
        assert_eq!(told(&seen.text()), "Let me look that up.\n\nIt left on Monday. It comes tomorrow.", "{after}");
        let settled = seen.settled.as_ref().unwrap().header();
        assert_eq!(settled, "prepend, weight=0.02, emotion=none, rule=late-reply");
        // But for the one piece, every byte is the bot's.
        let text = seen.text();
        let piece = text.split_inclusive("\n\n").find(|event| event.contains(LATE)).unwrap();
        assert_eq!(text.replacen(piece, "", 1), reply);
        assert!(!piece.contains("role"), "clients add a role to the role there is: {piece}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_says_comes_when_it_is_due_and_not_with_the_answer() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    let bot = tower::service_fn(move |_: Request<_>| {
        let body = paused(&reply, 0, FIVE);
        async { Ok::<_, std::convert::Infallible>(sse(body)) }
    });
    let response = tower::ServiceExt::oneshot(tower::Layer::layer(&late(), bot), post(chat(CALM))).await.unwrap();
    let sent = tokio::time::Instant::now();
    let mut body = response.into_body();
    let first = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap().into_data().unwrap();
    assert!(told(std::str::from_utf8(&first).unwrap()).starts_with(LATE));
    let elapsed = sent.elapsed();
    assert!((Duration::from_millis(1_900)..Duration::from_millis(2_200)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_answers_in_time_is_left_alone() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    for pause in [Duration::ZERO, Duration::from_millis(1_500)] {
        let seen = within(exchange(late(), post(chat(CALM)), sse(paused(&reply, 0, pause)))).await;
        assert_eq!(seen.text(), reply);
    }
}

#[tokio::test(start_paused = true)]
async fn the_acknowledgment_goes_with_it_and_not_before_the_answer_again() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    let then = late_then("Okay, here's what I found.");
    let seen = within(exchange(then, post(chat(FURIOUS)), sse(paused(&reply, 0, FIVE)))).await;
    let words = told(&seen.text());
    let (said, answer) = words.split_once("\n\n").unwrap();
    assert!(said.ends_with(" Let me look that up.") && said.len() > 30, "{said}");
    assert_eq!(answer, "Okay, here's what I found. It left on Monday. It comes tomorrow.");
}

fn late_then(then: &str) -> EmpathyLayer {
    layer().late(LateReply::new(Duration::from_secs(2), LATE).with_then(then))
}

#[tokio::test(start_paused = true)]
async fn danger_and_tasks_get_no_such_sentence() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    for turn in ["I want to kill myself", "Please write a poem about parcels"] {
        let seen = within(exchange(late(), post(chat(turn)), sse(paused(&reply, 0, FIVE)))).await;
        assert_eq!(seen.text(), reply, "{turn}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_late_is_still_the_bots() {
    let reply = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let seen = within(exchange(late(), post(chat(CALM)), sse(paused(reply, 0, FIVE)))).await;
    assert!(seen.text().ends_with(reply));
    assert_eq!(told(&seen.text()), "Let me look that up.\n\n");
}

#[tokio::test(start_paused = true)]
async fn each_protocol_has_it_in_a_piece_of_its_own_where_its_clients_take_one() {
    let messages = value!([{"role": "user", "content": CALM}]);
    let anthropic_start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let anthropic_open = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let ag_ui = value!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": CALM}]});
    let run = |kinds: &[&str]| {
        let kinds = ["RUN_STARTED"].iter().chain(kinds);
        kinds
            .map(|kind| format!("data: {{\"type\":\"{kind}\",\"threadId\":\"t\",\"runId\":\"r\"}}\n\n"))
            .collect::<String>()
    };
    let ag_ui_said = concat!(
        "data: {\"messageId\":\"undertone\",\"role\":\"assistant\",\"type\":\"TEXT_MESSAGE_START\"}\n\n",
        "data: {\"delta\":\"Let me look that up.\\n\\n\",\"messageId\":\"undertone\",\"type\":\"TEXT_MESSAGE_CONTENT\"}\n\n",
        "data: {\"messageId\":\"undertone\",\"type\":\"TEXT_MESSAGE_END\"}\n\n",
    );
    let vercel = value!({"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": CALM}]}]});
    for (path, request, media_type, before, expected) in [
        (
            "/api/chat",
            value!({"model": "m", "messages": messages}),
            "application/x-ndjson",
            "",
            "\"content\":\"Let me look that up.\\n\\n\",\"role\":\"assistant\"}",
        ),
        (
            "/api/generate",
            value!({"model": "m", "prompt": CALM}),
            "application/x-ndjson",
            "",
            "\"response\":\"Let me look that up.\\n\\n\"}",
        ),
        (
            "/v1/messages",
            value!({"model": "m", "max_tokens": 9, "messages": messages}),
            "text/event-stream",
            anthropic_start,
            "",
        ),
        (
            "/v1/messages",
            value!({"model": "m", "max_tokens": 9, "messages": messages}),
            "text/event-stream",
            anthropic_open,
            "event: content_block_delta\ndata: {\"delta\":{\"text\":\"Let me look that up.\\n\\n\",\"type\":\"text_delta\"},\"index\":0,\"type\":\"content_block_delta\"}",
        ),
        ("/agent", ag_ui.clone(), "text/event-stream", "", ""),
        ("/agent", ag_ui.clone(), "text/event-stream", &run(&[]), ag_ui_said),
        // Pieces of a tool's call, and of what the bot thinks, are not parted.
        ("/agent", ag_ui.clone(), "text/event-stream", &run(&["TOOL_CALL_START"]), ""),
        ("/agent", ag_ui.clone(), "text/event-stream", &run(&["REASONING_START"]), ""),
        ("/agent", ag_ui.clone(), "text/event-stream", &run(&["TOOL_CALL_START", "TOOL_CALL_END"]), ag_ui_said),
        ("/agent", ag_ui, "text/event-stream", &run(&["REASONING_START", "REASONING_END"]), ag_ui_said),
        ("/api/chat", vercel.clone(), "text/event-stream", "", ""),
        ("/api/chat", vercel, "text/event-stream", "data: {\"type\":\"start\"}\n\n", "\"type\":\"text-delta\""),
        (
            "/api/v1/prediction/f",
            value!({"question": CALM}),
            "text/event-stream",
            "",
            "message:\ndata:{\"data\":\"Let me look that up.\\n\\n\",\"event\":\"token\"}\n\n",
        ),
        (
            "/webhooks/rest/webhook?stream=true",
            value!({"sender": "ada", "message": CALM}),
            "text/event-stream",
            "",
            "{\"recipient_id\":\"ada\",\"text\":\"Let me look that up.\"}\n",
        ),
    ] {
        let body = Full::new(Bytes::from(request.to_string()));
        let request = Request::post(path).header("content-type", "application/json").body(body).unwrap();
        let response = http::Response::builder()
            .header("content-type", media_type)
            .body(paused(before, before.len(), FIVE))
            .unwrap();
        let seen = within(exchange(late(), request, response)).await;
        let text = seen.text();
        assert!(text.starts_with(before), "{path}");
        let said = text.get(before.len()..).unwrap();
        assert_eq!((said.contains(expected), said.contains(LATE)), (true, !expected.is_empty()), "{path}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn json_that_is_kept_alive_with_white_space_is_no_stream() {
    let reply = completion("It left on Monday.");
    let kept = format!("\n{reply}");
    let seen = within(exchange(late(), post(chat(CALM)), json(paused(&kept, 1, FIVE)))).await;
    assert_eq!(seen.text(), kept);
}

const OPEN: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const NAME: &str = "event: content_block_delta\n";
const DELTA: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"It left.\"}}\n\n";

/// A request in Anthropic's way.
fn message() -> Request<Full<Bytes>> {
    let request = value!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": CALM}]});
    Request::post("/v1/messages").body(Full::new(Bytes::from(request.to_string()))).unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_stands_between_events_where_the_blank_line_comes_with_the_next() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    // Behind the data of the first event, and before the line that ends it.
    let bot = paused(&reply, reply.find("\n\n").unwrap() + 1, FIVE);
    let text = within(exchange(late(), post(chat(CALM)), sse(bot))).await.text();
    let data = |event: &str| event.lines().filter(|line| line.starts_with("data:")).count();
    assert!(text.contains(LATE) && text.split("\n\n").all(|event| data(event) <= 1), "{text}");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_part_the_name_of_an_event_from_its_data() {
    let reply = [OPEN, NAME, DELTA].concat();
    let bot = paused(&reply, OPEN.len() + NAME.len(), FIVE);
    assert_eq!(within(exchange(late(), message(), sse(bot))).await.text(), reply);
}

#[tokio::test(start_paused = true)]
async fn it_is_not_said_right_before_the_answer() {
    for (pause, is_said) in [(20, false), (1_000, true)] {
        let delta = Step::Data(Bytes::from([NAME, DELTA].concat()));
        let open = Step::Data(Bytes::from_static(OPEN.as_bytes()));
        let bot = script([Step::Wait(FIVE), open, Step::Wait(Duration::from_millis(pause)), delta]);
        let seen = within(exchange(late(), message(), sse(bot))).await;
        assert_eq!(seen.text().contains(LATE), is_said, "{pause} ms: {}", seen.text());
    }
}
