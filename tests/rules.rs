//! What rules say, where it stands on the wire, and what is told of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::*;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use serde_json::{Value, json as value};
use undertone::{EmpathyLayer, rules::Rules};

const CALM: &str = "Where is my box?";
const FURIOUS: &str = "I am furious, where is my box?";

fn rules(text: &str) -> EmpathyLayer {
    layer().rules(Rules::from_toml(text).unwrap())
}

/// A rule that always holds.
fn always(place: &str, say: &str) -> String {
    format!("[[rule]]\nname = 'always'\nlayer = 'procedural'\nwhen = 'true'\nplace = '{place}'\nsay = '{say}'\n")
}

fn post_to(path: &str, body: &Value) -> Request<Full<Bytes>> {
    Request::post(path).header("content-type", "application/json").body(Full::new(body.to_string().into())).unwrap()
}

fn content(seen: &Seen) -> String {
    let reply: Value = serde_json::from_slice(&seen.body()).unwrap();
    reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

async fn said(layer: EmpathyLayer, turn: &str, reply: &str) -> (String, String) {
    let body = completion(reply);
    let seen = within(exchange(layer, post(chat(turn)), json(chunks([body.as_bytes()])))).await;
    (content(&seen), seen.outcome().to_owned())
}

#[tokio::test(start_paused = true)]
async fn each_place_is_where_it_says() {
    let (silent, weight) = ("It left on Monday.", "weight=0.02, emotion=none, rule=always");
    for (place, expected, outcome) in [
        ("front", "Late it is. It left on Monday.", "prepend"),
        ("after", "Late it is. It left on Monday.", "prepend"),
        ("end", "It left on Monday. Late it is.", "append"),
        ("instead", "Late it is.", "replace"),
    ] {
        let seen = said(rules(&always(place, "Late it is.")), CALM, silent).await;
        assert_eq!(seen, (expected.to_owned(), format!("{outcome}, {weight}")), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_stand_around_the_acknowledgment() {
    let (plain, _) = said(layer(), FURIOUS, "It left on Monday.").await;
    let acknowledgment = plain.strip_suffix(" It left on Monday.").unwrap();
    for (place, expected) in [
        ("front", format!("Late it is. {acknowledgment} It left on Monday.")),
        ("after", format!("{acknowledgment} Late it is. It left on Monday.")),
        ("end", format!("{acknowledgment} It left on Monday. Late it is.")),
    ] {
        let (seen, outcome) = said(rules(&always(place, "Late it is.")), FURIOUS, "It left on Monday.").await;
        assert_eq!(seen, expected, "{place}");
        assert_eq!(outcome, "prepend, weight=0.95, emotion=anger, rule=always");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_acknowledges_by_itself_is_not_contradicted() {
    let reply = "Sorry about that. It left on Monday.";
    let (front, _) = said(rules(&always("front", "Late it is.")), FURIOUS, reply).await;
    let (after, outcome) = said(rules(&always("after", "Late it is.")), FURIOUS, reply).await;
    assert_eq!(front, "Late it is. Sorry about that. It left on Monday.");
    assert_eq!(after, "Sorry about that. Late it is. It left on Monday.");
    assert!(outcome.starts_with("prepend, ") && outcome.ends_with("rule=always"), "{outcome}");
    let (greeted, _) = said(rules(&always("front", "Late it is.")), CALM, "Hello! It left on Monday.").await;
    assert_eq!(greeted, "Hello! Late it is. It left on Monday.");
}

#[tokio::test(start_paused = true)]
async fn what_a_program_reads_stays_as_it_is() {
    for place in ["front", "after", "end", "instead"] {
        for reply in ["{\"status\": \"late\"}", "```\ncode\n```", "true"] {
            let (seen, outcome) = said(rules(&always(place, "Late it is.")), CALM, reply).await;
            assert_eq!(seen, reply, "{place}");
            assert!(outcome.starts_with("none, ") && !outcome.contains("rule"), "{outcome}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_danger_or_in_another_language_gets_no_rule() {
    for turn in [
        "I want to kill myself",
        "Wo bleibt denn meine Bestellung? Ich warte jetzt seit drei Wochen auf das Paket und niemand antwortet mir.",
    ] {
        let (seen, outcome) = said(rules(&always("end", "Late it is.")), turn, "It left on Monday.").await;
        assert_eq!(seen, "It left on Monday.", "{outcome}");
    }
    let (seen, _) = said(rules(&always("end", "Late it is.")), "?", "It left on Monday.").await;
    assert_eq!(seen, "It left on Monday. Late it is.", "a turn without words is no other language");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_fails_is_told_and_harms_nothing() {
    let broken = always("front", "Late it is.").replace("'true'", "'turn.words / (turn.words - 4) > 0'");
    let (seen, outcome) = said(rules(&broken), CALM, "It left on Monday.").await;
    assert_eq!(seen, "It left on Monday.");
    assert_eq!(outcome, "none, reason=below-floor, weight=0.02, emotion=none, failed-rule=always");
}

#[tokio::test(start_paused = true)]
async fn facts_are_found_in_headers_and_bodies_of_requests_and_replies() {
    let text = "[facts]\nplan = { request = '/metadata/plan', type = 'text' }\nscore = { request_header = 'x-score', type = \
                'number' }\ndue = { reply = '/due', type = 'date' }\ndesk = { reply_header = 'x-desk', type = 'text' }\n"
        .to_owned()
        + &always("end", "{{ facts.plan }}, {{ facts.score }}, {{ facts.due | date }}, {{ facts.desk }}.")
            .replace("'true'", "'facts.score < 0.5 && facts.due < now'");
    let mut body: Value = serde_json::from_str(&chat(CALM)).unwrap();
    body["metadata"] = value!({"plan": "basic"});
    let mut request = post_to("/v1/chat/completions", &body);
    request.headers_mut().insert("x-score", HeaderValue::from_static("0.25"));
    let mut reply: Value = serde_json::from_str(&completion("It left.")).unwrap();
    reply["due"] = value!("2026-11-20");
    let reply = reply.to_string();
    let mut response = json(chunks([reply.as_bytes()]));
    response.headers_mut().insert("x-desk", HeaderValue::from_static("desk 4"));
    let seen = within(exchange(rules(&text), request, response)).await;
    assert_eq!(content(&seen), "It left. basic, 0.25, 20 November, desk 4.");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_a_name_remembers_which_rules_spoke() {
    let layer = rules(&always("end", "Anything else?").replace("place", "once = true\nplace"));
    let ask = |layer: &EmpathyLayer| {
        let request = post_to("/webhooks/rest/webhook", &value!({"sender": "ada", "message": CALM}));
        let body = r#"[{"recipient_id":"ada","text":"It left."}]"#;
        within(exchange(layer.clone(), request, json(chunks([body.as_bytes()]))))
    };
    let (first, second) = (ask(&layer).await, ask(&layer).await);
    assert_eq!(first.text(), r#"[{"recipient_id":"ada","text":"It left. Anything else?"}]"#);
    assert_eq!(second.text(), r#"[{"recipient_id":"ada","text":"It left."}]"#);
}

/// A streamed reply in some protocol: where it is asked, what is asked, how the bot answers, and the same with
/// ` Anything else?` behind it.
struct Streamed {
    path: &'static str,
    request: Value,
    media_type: &'static str,
    reply: String,
    expected: String,
}

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn named(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The streams of each protocol that takes words behind its text.
#[expect(clippy::too_many_lines, reason = "a list")]
fn streams() -> Vec<Streamed> {
    let chunk =
        |text: &str| value!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    let stop = value!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let done = "data: [DONE]\n\n";
    let block =
        |text: &str| value!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let open = value!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let [close, end] = [value!({"type": "content_block_stop", "index": 0}), value!({"type": "message_stop"})];
    let line = |text: &str, done: bool| value!({"message": {"role": "assistant", "content": text}, "done": done});
    let part = |text: &str, finish: Value| value!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": finish}]});
    let ui = |text: &str| value!({"type": "text-delta", "id": "0", "delta": text});
    let [ui_open, ui_close, finish] = [
        value!({"type": "text-start", "id": "0"}),
        value!({"type": "text-end", "id": "0"}),
        value!({"type": "finish"}),
    ];
    let ag = |text: &str| value!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": text});
    let ag_open = value!({"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"});
    let ag_close = value!({"type": "TEXT_MESSAGE_END", "messageId": "m"});
    let run = value!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r"});
    let dify = |text: &str| value!({"event": "message", "answer": text});
    let dify_end = value!({"event": "message_end", "metadata": {}});
    let token = |text: &str| value!({"event": "token", "data": text});
    let token_end = value!({"event": "end", "data": "[DONE]"});
    let more = " Anything else?";
    let messages = value!([{"role": "user", "content": CALM}]);
    vec![
        Streamed {
            path: "/v1/chat/completions",
            request: value!({"model": "m", "stream": true, "messages": messages}),
            media_type: "text/event-stream",
            reply: events(&[chunk("It left on Monday."), chunk(" The rest is on its way."), stop.clone()]) + done,
            expected: events(&[chunk("It left on Monday."), chunk(" The rest is on its way."), chunk(more), stop])
                + done,
        },
        Streamed {
            path: "/v1/messages",
            request: value!({"model": "m", "max_tokens": 9, "stream": true, "messages": messages}),
            media_type: "text/event-stream",
            reply: named(&[
                open.clone(),
                block("It left on Monday."),
                block(" The rest is on its way."),
                close.clone(),
                end.clone(),
            ]),
            expected: named(&[
                open,
                block("It left on Monday."),
                block(" The rest is on its way."),
                block(more),
                close,
                end,
            ]),
        },
        Streamed {
            path: "/api/chat",
            request: value!({"model": "m", "messages": messages}),
            media_type: "application/x-ndjson",
            reply: lines(&[line("It left on Monday.", false), line(" The rest is on its way.", false), line("", true)]),
            expected: lines(&[
                line("It left on Monday.", false),
                line(" The rest is on its way.", false),
                line(" Anything else?", true),
            ]),
        },
        Streamed {
            path: "/v1beta/models/m:streamGenerateContent?alt=sse",
            request: value!({"contents": [{"role": "user", "parts": [{"text": CALM}]}]}),
            media_type: "text/event-stream",
            reply: events(&[part("It left on Monday.", Value::Null), part(" The rest is on its way.", value!("STOP"))]),
            expected: events(&[
                part("It left on Monday.", Value::Null),
                part(" The rest is on its way.", value!("STOP")),
                part(more, value!("STOP")),
            ]),
        },
        Streamed {
            path: "/api/chat",
            request: value!({"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": CALM}]}]}),
            media_type: "text/event-stream",
            reply: events(&[
                ui_open.clone(),
                ui("It left on Monday."),
                ui(" The rest is on its way."),
                ui_close.clone(),
                finish.clone(),
            ]),
            expected: events(&[
                ui_open,
                ui("It left on Monday."),
                ui(" The rest is on its way."),
                ui(more),
                ui_close,
                finish,
            ]),
        },
        Streamed {
            path: "/agent",
            request: value!({"threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {},
                "messages": [{"id": "u", "role": "user", "content": CALM}]}),
            media_type: "text/event-stream",
            reply: events(&[
                ag_open.clone(),
                ag("It left on Monday."),
                ag(" The rest is on its way."),
                ag_close.clone(),
                run.clone(),
            ]),
            expected: events(&[
                ag_open,
                ag("It left on Monday."),
                ag(" The rest is on its way."),
                ag(more),
                ag_close,
                run,
            ]),
        },
        Streamed {
            path: "/v1/chat-messages",
            request: value!({"inputs": {}, "user": "u", "query": CALM, "response_mode": "streaming"}),
            media_type: "text/event-stream",
            reply: events(&[dify("It left on Monday."), dify(" The rest is on its way."), dify_end.clone()]),
            expected: events(&[dify("It left on Monday."), dify(" The rest is on its way."), dify(more), dify_end]),
        },
        Streamed {
            path: "/api/v1/prediction/f",
            request: value!({"question": CALM, "streaming": true}),
            media_type: "text/event-stream",
            reply: events(&[token("It left on Monday."), token(" The rest is on its way."), token_end.clone()]),
            expected: events(&[token("It left on Monday."), token(" The rest is on its way."), token(more), token_end]),
        },
    ]
}

fn streaming(media_type: &'static str, body: Script) -> Response<Script> {
    Response::builder().header("content-type", media_type).body(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn words_behind_a_stream_come_before_its_end_however_it_is_cut() {
    let by_turn = always("end", "Anything else?");
    let by_reply = by_turn.replace("'true'", "'reply.words == 10 && !reply.ends_with_question'");
    for text in [by_turn, by_reply] {
        for Streamed { path, request, media_type, reply, expected } in streams() {
            for length in [1, 7, 64, usize::MAX] {
                let response = streaming(media_type, chunks(reply.as_bytes().chunks(length)));
                let seen = within(exchange(rules(&text), post_to(path, &request), response)).await;
                let settled = seen.settled.as_ref().unwrap().header();
                assert!(path != "/v1/chat/completions" || !seen.text().contains("role"), "a role twice is none");
                // A chunk of OpenAI's is made anew.
                if length < usize::MAX && path != "/v1/chat/completions" {
                    assert_eq!(seen.text(), expected, "{path}, {length}");
                }
                assert_eq!(told(&seen.text()), told(&expected), "{path}, {length}");
                assert_eq!(settled, "append, weight=0.02, emotion=none, rule=always", "{path}, {length}");
            }
        }
    }
}

/// The words of a stream, whichever of its members they are in.
fn told(stream: &str) -> String {
    let text = |event: Value| {
        let places = [
            "/choices/0/delta/content",
            "/delta/text",
            "/message/content",
            "/candidates/0/content/parts/0/text",
            "/delta",
            "/answer",
            "/data",
        ];
        places.iter().find_map(|place| Some(event.pointer(place)?.as_str()?.to_owned())).unwrap_or_default()
    };
    let lines = stream.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    lines.filter_map(|line| serde_json::from_str(line).ok()).map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_no_words_behind_it_passes_as_it_came() {
    // OpenAI Responses numbers its events.
    let request = value!({"model": "m", "stream": true, "input": CALM});
    let piece = |number: u8, text: &str| {
        value!({"type": "response.output_text.delta", "sequence_number": number, "item_id": "i", "output_index": 0,
            "content_index": 0, "delta": text})
    };
    let reply = named(&[
        piece(1, "It left on Monday."),
        piece(2, " The rest is on its way."),
        piece(3, " It comes tomorrow."),
        value!({"type": "response.output_text.done", "sequence_number": 4, "item_id": "i", "output_index": 0,
            "content_index": 0, "text": "It left on Monday. The rest is on its way. It comes tomorrow."}),
    ]);
    let response = streaming("text/event-stream", chunks(reply.as_bytes().chunks(40)));
    let seen =
        within(exchange(rules(&always("end", "Anything else?")), post_to("/v1/responses", &request), response)).await;
    assert_eq!(seen.text(), reply);
    assert_eq!(seen.settled.unwrap().header(), "none, reason=below-floor, weight=0.02, emotion=none");
}

#[tokio::test(start_paused = true)]
async fn both_ends_of_a_stream_are_edited() {
    let reply = stream(&["It", " left."]);
    let seen = within(exchange(
        rules(&always("end", "Anything else?")),
        post(chat(FURIOUS)),
        sse(chunks(reply.as_bytes().chunks(9))),
    ))
    .await;
    let words = told(&seen.text());
    assert!(words.ends_with(" It left. Anything else?") && words.len() > 40, "{words}");
    assert_eq!(seen.settled.unwrap().header(), "prepend, weight=0.95, emotion=anger, rule=always");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_changed_as_a_whole() {
    for place in ["instead", "front"] {
        let text = always(place, "Late it is.").replace("'true'", "'reply.words > 0'");
        let reply = stream(&["It", " left."]);
        let seen = within(exchange(rules(&text), post(chat(CALM)), sse(chunks([reply.as_bytes()])))).await;
        assert_eq!(seen.text(), reply, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_of_the_operators_against_danger_is_nobody_elses() {
    for place in ["front", "after", "end", "instead"] {
        let rule = Rules::from_toml(&always(place, "Late it is.")).unwrap();
        let policy = undertone::empathy::Policy::default().with_danger("Call 112 now.");
        let (seen, outcome) =
            said(layer().policy(policy).rules(rule), "I want to kill myself", "It left on Monday.").await;
        assert_eq!(seen, "Call 112 now. It left on Monday.", "{place}");
        assert!(!outcome.contains("rule"), "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_tells_again_has_the_words_too() {
    let request = value!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": CALM}]});
    let say = |text: &str| value!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": text});
    let whole = "It left on Monday. The rest is on its way.";
    let again = |whole: &str| {
        events(&[
            value!({"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"}),
            say("It left on Monday."),
            say(" The rest is on its way."),
            value!({"type": "TEXT_MESSAGE_END", "messageId": "m"}),
            value!({"type": "MESSAGES_SNAPSHOT", "messages": [{"id": "u", "role": "user", "content": CALM}, {"id": "m", "role": "assistant", "content": whole}]}),
            value!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}),
        ])
    };
    let other = "It left on Monday. And that is all.";
    for (length, again_, expected) in [
        (9, whole, "The rest is on its way. Anything else?"),
        (usize::MAX, whole, "The rest is on its way. Anything else?"),
        // What is not the same stays what the bot makes of it.
        (9, other, "And that is all."),
        (usize::MAX, other, "And that is all."),
    ] {
        let reply = again(again_);
        let response = streaming("text/event-stream", chunks(reply.as_bytes().chunks(length)));
        let layer = rules(&always("end", "Anything else?"));
        let text = within(exchange(layer, post_to("/agent", &request), response)).await.text();
        assert!(text.contains(&format!("\"content\":\"It left on Monday. {expected}\"")), "{text}");
        assert!(told(&text).ends_with("way. Anything else?"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_copy_of_a_short_reply_has_the_words() {
    let request = value!({"model": "m", "stream": true, "input": CALM});
    let text = "It left.";
    let reply = named(&[
        value!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "i", "output_index": 0, "content_index": 0, "delta": text}),
        value!({"type": "response.output_text.done", "sequence_number": 2, "item_id": "i", "output_index": 0, "content_index": 0, "text": text}),
        value!({"type": "response.content_part.done", "sequence_number": 3, "item_id": "i", "output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": text}}),
        value!({"type": "response.output_item.done", "sequence_number": 4, "output_index": 0, "item": {"type": "message", "id": "i", "content": [{"type": "output_text", "text": text}]}}),
    ]);
    let response = streaming("text/event-stream", chunks(reply.as_bytes().chunks(40)));
    let layer = rules(&always("end", "Anything else?"));
    let seen = within(exchange(layer, post_to("/v1/responses", &request), response)).await.text();
    assert_eq!(seen, reply.replace(text, "It left. Anything else?"));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_format_is_kept() {
    let path = "/bots/B/botAliases/A/botLocales/en_US/sessions/s/text";
    let request = value!({"text": CALM});
    let long = "It left on Monday. ".repeat(40);
    for (text, is_said) in [("It left on Monday.", true), (long.trim(), false)] {
        let reply = value!({"sessionState": {"dialogAction": {"type": "Close"}},
            "messages": [{"contentType": "PlainText", "content": text}]})
        .to_string();
        let layer = rules(&always("end", &"Late it is. ".repeat(20)));
        let seen = within(exchange(layer, post_to(path, &request), json(chunks([reply.as_bytes()])))).await;
        assert_eq!(seen.text().contains("Late it is."), is_said, "{}", seen.text());
    }
}

#[tokio::test(start_paused = true)]
async fn facts_of_a_reply_count_for_signals() {
    let text = "[facts]\nprofile = { reply = '/slots', type = 'slots' }\n".to_owned()
        + &always("end", "So it is {{ facts.profile.values.a }}.").replace("'true'", "'signals.three_slots'");
    let mut reply: Value = serde_json::from_str(&completion("It left.")).unwrap();
    reply["slots"] = value!({"a": "x", "b": "y", "c": "z", "d": null});
    let reply = reply.to_string();
    let seen = within(exchange(rules(&text), post(chat(CALM)), json(chunks([reply.as_bytes()])))).await;
    assert_eq!(content(&seen), "It left. So it is x.");
}

#[tokio::test(start_paused = true)]
async fn a_stream_says_in_its_head_which_rule_will_speak() {
    let reply = stream(&["It left on Monday.", " It comes tomorrow."]);
    let seen =
        within(exchange(rules(&always("end", "Anything else?")), post(chat(CALM)), sse(chunks([reply.as_bytes()]))))
            .await;
    assert_eq!(seen.outcome(), "append;planned, weight=0.02, emotion=none, rule=always");
}
