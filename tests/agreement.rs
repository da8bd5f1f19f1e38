//! What tells a text again, or points into it, agrees with what was done to it, whatever happens in between.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Seen, Step, chunks, exchange, json, layer, script, sse, within};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json as value};
use undertone::protocol::{CustomProtocol, CustomSpec, Protocols};

const FURIOUS: &str = "I am furious, where is my order?";

fn post(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Full::new(Bytes::from(body.to_string()))).unwrap()
}

fn activity(kind: &str, text: &str) -> String {
    let entities = value!([{"type": "streaminfo", "streamType": "streaming"}]);
    let activity = value!({"type": kind, "text": text, "entities": entities});
    format!("event: activity\r\ndata: {activity}\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_grows_agrees_even_where_half_an_event_is_long_in_coming() {
    let request = value!({"type": "message", "text": FURIOUS, "channelId": "msteams", "deliveryMode": "stream",
        "conversation": {"id": "c"}, "from": {"id": "u"}});
    let updates = ["Your order left", "Your order left today.", "Your order left today. It arrives on Friday."];
    let events: Vec<_> = updates.iter().map(|text| activity("typing", text)).collect();
    let (half, rest) = events[1].split_at(40);
    let steps = [
        Step::Data(events[0].clone().into()),
        Step::Wait(Duration::from_millis(200)),
        Step::Data(Bytes::copy_from_slice(half.as_bytes())),
        Step::Wait(Duration::from_secs(30)),
        Step::Data(Bytes::copy_from_slice(rest.as_bytes())),
        Step::Data(events[2].clone().into()),
        Step::Data(activity("message", updates[2]).into()),
    ];
    let seen = within(exchange(layer(), post("/api/messages", &request), sse(script(steps)))).await;
    let texts: Vec<String> = seen
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    let put = texts[0].strip_suffix(updates[0]).unwrap();
    assert!(!put.is_empty());
    let expected: Vec<_> = updates.iter().chain([&updates[2]]).map(|text| format!("{put}{text}")).collect();
    assert_eq!(texts, expected);
}

fn segment(part: Option<usize>, of: &str, text: &str) -> Value {
    let start = of.find(text).unwrap();
    let mut segment = value!({"endIndex": start + text.len(), "text": text});
    // What is zero is left out.
    if start > 0 {
        segment["startIndex"] = start.into();
    }
    if let Some(part) = part.filter(|part| *part > 0) {
        segment["partIndex"] = part.into();
    }
    value!({"segment": segment})
}

/// Whether each segment that does not begin at the beginning is where its text is.
fn is_grounded(candidate: &Value) -> bool {
    let supports = candidate["groundingMetadata"]["groundingSupports"].as_array().unwrap();
    supports.iter().map(|support| &support["segment"]).all(|segment| {
        let number = |name: &str| segment.get(name).map(|number| usize::try_from(number.as_u64().unwrap()).unwrap());
        let part = number("partIndex").unwrap_or(0);
        let of = candidate["content"]["parts"][part]["text"].as_str().unwrap();
        let (start, end) = (number("startIndex").unwrap_or(0), number("endIndex").unwrap());
        of.get(start..end).is_some_and(|found| found.ends_with(segment["text"].as_str().unwrap()))
    })
}

async fn ask_gemini(path: &str, reply: http::Response<common::Script>) -> Seen {
    let request = value!({"contents": [{"role": "user", "parts": [{"text": FURIOUS}]}]});
    within(exchange(layer(), post(path, &request), reply)).await
}

#[tokio::test]
async fn offsets_in_bytes_move_with_the_part_that_they_point_into() {
    let (first, second) = ("Le colis — é — est parti. ", "Il arrive vendredi.");
    let supports = [
        segment(Some(0), first, "Le colis"),
        segment(Some(0), first, "est parti."),
        segment(Some(1), second, "Il arrive"),
        segment(Some(1), second, "vendredi."),
    ];
    let candidate = value!({"content": {"parts": [{"text": first}, {"text": second}]}, "finishReason": "STOP",
        "groundingMetadata": {"groundingSupports": supports}});
    assert!(is_grounded(&candidate));
    let body = value!({"candidates": [candidate]}).to_string();
    let seen = ask_gemini("/v1beta/models/m:generateContent", json(chunks([body.as_bytes()]))).await;
    assert!(seen.outcome().starts_with("prepend"), "{}", seen.outcome());
    let edited: Value = serde_json::from_str(&seen.text()).unwrap();
    assert!(is_grounded(&edited["candidates"][0]), "{edited}");
}

#[tokio::test(start_paused = true)]
async fn offsets_that_the_end_of_a_stream_tells_move_too() {
    let text = "Le colis — é — est parti. Il arrive vendredi.";
    let supports = [segment(None, text, "est parti."), segment(None, text, "vendredi.")];
    let event = |value: Value| format!("data: {value}\n\n");
    let body = [
        event(value!({"candidates": [{"content": {"parts": [{"text": &text[..20]}]}}]})),
        event(value!({"candidates": [{"content": {"parts": [{"text": &text[20..]}]}}]})),
        event(value!({"candidates": [{"content": {"parts": []}, "finishReason": "STOP",
            "groundingMetadata": {"groundingSupports": supports}}]})),
    ]
    .concat();
    let seen = ask_gemini("/v1beta/models/m:streamGenerateContent?alt=sse", sse(chunks([body.as_bytes()]))).await;
    let events = seen.text();
    let events: Vec<Value> = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let told: String =
        events.iter().filter_map(|event| event["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
    assert!(told.len() > text.len());
    let mut candidate = events[2]["candidates"][0].clone();
    candidate["content"]["parts"] = value!([{"text": told}]);
    assert!(is_grounded(&candidate), "{candidate}");
}

#[tokio::test]
async fn white_space_of_another_part_is_not_the_texts_beginning() {
    let request = value!({"id": "c", "trigger": "submit-message",
        "messages": [{"role": "user", "parts": [{"type": "text", "text": FURIOUS}]}]});
    let event =
        |kind: &str, id: &str, delta: &str| format!("data: {}\n\n", value!({"type": kind, "id": id, "delta": delta}));
    let body = [
        event("text-delta", "0", "\n\n"),
        event("text-end", "0", ""),
        event("text-delta", "1", "Your order left today."),
        event("text-end", "1", ""),
    ]
    .concat();
    let seen = within(exchange(layer(), post("/api/chat", &request), sse(chunks([body.as_bytes()])))).await;
    let text = seen.text();
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).nth(2).unwrap();
    let told: Value = serde_json::from_str(last).unwrap();
    let told = told["delta"].as_str().unwrap();
    assert!(told.ends_with(". Your order left today.") && !told.contains('\n'), "{told:?}");
}

/// The data of each event, as the WHATWG's grammar has it.
fn events(body: &str) -> Vec<String> {
    let of_event = |event: &str| {
        let lines: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        lines.join("\n")
    };
    body.split("\n\n").map(of_event).filter(|data| !data.is_empty()).collect()
}

#[tokio::test]
async fn a_sentence_that_stands_apart_from_bare_words_stays_in_their_event() {
    let spec = "path = '/bare'\nuser = '/q'\nreply = '/a'\ndelta = ''";
    let protocol = CustomProtocol::new(&toml::from_str::<CustomSpec>(spec).unwrap()).unwrap();
    let layer = layer().protocols(Protocols::none().with(protocol));
    let body = "data: - Open My orders.\n\ndata: - Choose the parcel.\n\ndata: [DONE]\n\n";
    let request = post("/bare", &value!({"q": FURIOUS}));
    let seen = within(exchange(layer, request, sse(chunks([body.as_bytes()])))).await;
    let told = events(&seen.text());
    assert_eq!(told.len(), 3, "{}", seen.text());
    let sentence = told[0].strip_suffix("\n\n- Open My orders.").unwrap();
    assert!(!sentence.is_empty() && told[1..] == ["- Choose the parcel.", "[DONE]"], "{told:?}");
}
