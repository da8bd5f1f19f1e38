//! Words behind a reply that has several texts, or goes on with a tool's call.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json as value};
use undertone::{EmpathyLayer, rules::Rules};

const CALM: &str = "Where is my box?";
const MORE: &str = " Anything else?";

fn asking() -> EmpathyLayer {
    let rule = "[[rule]]\nname = 'more'\nlayer = 'procedural'\nwhen = '!reply.ends_with_question'\nplace = 'end'\n\
        say = 'Anything else?'\n";
    layer().rules(Rules::from_toml(rule).unwrap())
}

/// What comes of a reply.
async fn seen(path: &str, request: &Value, media_type: &str, reply: Script) -> Seen {
    let body = Full::new(Bytes::from(request.to_string()));
    let request = Request::post(path).header("content-type", "application/json").body(body).unwrap();
    let response = Response::builder().header("content-type", media_type).body(reply).unwrap();
    within(exchange(asking(), request, response)).await
}

/// What comes of events, however they are cut.
async fn of_events(path: &str, request: &Value, events: &[String]) -> String {
    let reply = events.concat();
    let mut all = Vec::new();
    for length in [1, 7, 64, usize::MAX] {
        let body = chunks(reply.as_bytes().chunks(length));
        all.push(seen(path, request, "text/event-stream", body).await.text());
    }
    let whole = all.pop().unwrap();
    // Where all of it is there at once its text still waits, and takes the words itself.
    assert_eq!(told(&whole), told(&all[0]));
    assert!(all.iter().all(|text| *text == all[0]), "{all:#?}");
    all.swap_remove(0)
}

/// The words of a stream, with a line for each of its texts.
fn told(stream: &str) -> String {
    let mut words = String::new();
    for line in stream.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line)) else { continue };
        let kind = event["type"].as_str().unwrap_or_default();
        let text = event.pointer("/delta/text").or_else(|| event.get("delta")).and_then(Value::as_str);
        words.push_str(text.filter(|_| kind != "TOOL_CALL_ARGS").unwrap_or_default());
        if ["text-end", "TEXT_MESSAGE_END", "content_block_stop"].contains(&kind) && !words.ends_with('\n') {
            words.push('\n');
        }
    }
    words
}

fn event(event: &Value) -> String {
    format!("data: {event}\n\n")
}

mod vercel {
    use super::*;

    pub(crate) fn request() -> Value {
        value!({"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": CALM}]}]})
    }

    pub(crate) fn of(kind: &str) -> String {
        event(&value!({"type": kind, "toolCallId": "t"}))
    }

    pub(crate) fn delta(id: &str, text: &str) -> String {
        event(&value!({"type": "text-delta", "id": id, "delta": text}))
    }

    pub(crate) fn text(id: &str, text: &str) -> Vec<String> {
        let start = event(&value!({"type": "text-start", "id": id}));
        vec![start, delta(id, text), event(&value!({"type": "text-end", "id": id}))]
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_parts_of_an_agents_stream_the_last_has_words_behind_it() {
    let of = |kinds: &[&str]| kinds.iter().map(|kind| vercel::of(kind)).collect::<Vec<_>>();
    let call = of(&["tool-input-start", "tool-input-available", "tool-output-available", "finish-step", "start-step"]);
    let end = of(&["finish-step", "finish"]);
    let first = vercel::text("1", "Let me look that up.");
    let answer = vercel::text("2", "It left on Monday.");
    let asks = vercel::text("2", "Which box do you mean?");
    for (events, expected) in [
        ([&first[..], &end].concat(), "Let me look that up. Anything else?\n"),
        ([&first[..], &call, &answer, &end].concat(), "Let me look that up.\nIt left on Monday. Anything else?\n"),
        ([&first[..], &of(&["data-status"]), &end].concat(), "Let me look that up. Anything else?\n"),
        (
            [&first[..], &of(&["finish-step", "start-step"]), &answer, &end].concat(),
            "Let me look that up.\nIt left on Monday. Anything else?\n",
        ),
        // What the last of them asks is asked.
        ([&first[..], &call, &asks, &end].concat(), "Let me look that up.\nWhich box do you mean?\n"),
        // A call that begins before the text has ended, and what a tool finds after it has.
        ([&first[..2], &of(&["tool-input-start"]), &first[2..], &end].concat(), "Let me look that up.\n"),
        ([&call[..2], &first, &of(&["tool-output-available"]), &end].concat(), "Let me look that up. Anything else?\n"),
        // The same name once more, a text that is none, and one whose end nobody tells.
        (
            [&first[..], &call, &vercel::text("1", "It left on Monday."), &end].concat(),
            "Let me look that up.\nIt left on Monday. Anything else?\n",
        ),
        ([&first[..], &vercel::text("2", " "), &end].concat(), "Let me look that up. Anything else?\n \n"),
        ([&first[..2], &end].concat(), "Let me look that up. Anything else?"),
        // Behind a call comes what the client finds out.
        (
            [&first[..], &of(&["tool-input-start", "tool-input-available", "finish-step", "finish"])].concat(),
            "Let me look that up.\n",
        ),
    ] {
        let text = of_events("/api/chat", &vercel::request(), &events).await;
        assert_eq!(told(&text), expected);
        // But for one piece of its own, every byte is the bot's.
        let own = ["1", "2"].map(|id| vercel::delta(id, MORE)).into_iter().find(|piece| text.contains(piece));
        assert_eq!(text.replacen(own.as_deref().unwrap_or(MORE), "", 1), events.concat());
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_text_waits_half_a_second_for_what_shows_that_it_was_the_last() {
    let first = vercel::text("1", "Let me look that up.");
    let answer = vercel::text("2", "It left on Monday.");
    let end = ["finish-step", "finish"].map(vercel::of);
    let call = ["tool-input-start", "tool-output-available"].map(vercel::of);
    for (pause, rest, expected) in [
        (400, [&end[..]].concat(), "Let me look that up. Anything else?\n"),
        (600, [&end[..]].concat(), "Let me look that up.\n"),
        (600, [&call[..], &answer, &end].concat(), "Let me look that up.\nIt left on Monday. Anything else?\n"),
    ] {
        let (before, rest) = (first.concat(), rest.concat());
        let pause = Duration::from_millis(pause);
        let steps = [Step::Data(before.into()), Step::Wait(pause), Step::Data(rest.into())];
        let seen = seen("/api/chat", &vercel::request(), "text/event-stream", script(steps)).await;
        assert_eq!(told(&seen.text()), expected, "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_an_older_stream_are_one_text_that_may_end_with_a_call() {
    let (text, call, end) =
        ("0:\"Let me look\"\n0:\" that up.\"\n", "9:{\"toolCallId\":\"t\"}\n", "d:{\"finishReason\":\"stop\"}\n");
    for (reply, is_said) in [
        ([text, end].concat(), true),
        ([text, call, end].concat(), false),
        ([text, call, "a:{}\n", "0:\"It left\"\n0:\" today.\"\n", end].concat(), true),
        // What a program reads, behind the call.
        ([text, call, "a:{}\n", "0:\"{\\\"id\\\":1}\"\n", end].concat(), false),
    ] {
        let head = Response::builder().header("content-type", "text/plain").header("x-vercel-ai-data-stream", "v1");
        let response = head.body(chunks(reply.as_bytes().chunks(7))).unwrap();
        let request = Request::post("/api/chat").header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(vercel::request().to_string()))).unwrap();
        let seen = within(exchange(asking(), request, response)).await.text();
        let words = |stream: &str| {
            let pieces =
                stream.lines().filter_map(|line| serde_json::from_str::<String>(line.strip_prefix("0:")?).ok());
            pieces.collect::<String>()
        };
        assert_eq!(words(&seen), words(&reply) + if is_said { MORE } else { "" }, "{seen}");
        assert!(seen.ends_with(end), "{seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_messages_of_a_run_the_last_has_words_behind_it() {
    let request = value!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": CALM}]});
    let of = |kind: &str, id: &str| event(&value!({"type": kind, "messageId": id}));
    let say = |kind: &str, id: &str, text: &str| event(&value!({"type": kind, "messageId": id, "delta": text}));
    let message = |id: &str, text: &str| {
        vec![of("TEXT_MESSAGE_START", id), say("TEXT_MESSAGE_CONTENT", id, text), of("TEXT_MESSAGE_END", id)]
    };
    let call = ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"].map(|kind| of(kind, "t")).to_vec();
    let end = vec![of("STATE_DELTA", "s"), of("RUN_FINISHED", "r")];
    let snapshot = |first: &str, answer: &str| {
        let of_bot = |id: &str, text: &str| value!({"id": id, "role": "assistant", "content": text});
        let asked = value!({"id": "u", "role": "user"});
        let messages = [asked, of_bot("1", first), of_bot("2", answer)];
        vec![event(&value!({"type": "MESSAGES_SNAPSHOT", "messages": messages}))]
    };
    let (first, answer) = (message("1", "Let me look that up."), message("2", "It left on Monday."));
    let chunk = |id: &str, text: &str| vec![say("TEXT_MESSAGE_CHUNK", id, text)];
    let chunks = [chunk("1", "Let me look"), chunk("1", " that up."), chunk("2", "It left on"), chunk("2", " Monday.")];
    for (events, expected) in [
        ([&first[..], &end].concat(), "Let me look that up. Anything else?\n"),
        ([&first[..], &answer, &end].concat(), "Let me look that up.\nIt left on Monday. Anything else?\n"),
        ([&first[..], &call, &answer, &end].concat(), "Let me look that up.\nIt left on Monday. Anything else?\n"),
        ([&first[..], &call, &end].concat(), "Let me look that up.\n"),
        (
            [&first[..], &[of("REASONING_START", "x")], &answer, &end].concat(),
            "Let me look that up.\nIt left on Monday. Anything else?\n",
        ),
        (
            [&first[..], &answer, &snapshot("Let me look that up.", "It left on Monday."), &end].concat(),
            "Let me look that up.\nIt left on Monday. Anything else?\n",
        ),
        // A word that is said twice is said again by the last.
        (
            [
                &message("1", "One moment."),
                &message("2", "One moment."),
                &snapshot("One moment.", "One moment.")[..],
                &end,
            ]
            .concat(),
            "One moment.\nOne moment. Anything else?\n",
        ),
        ([&chunks.concat()[..], &end].concat(), "Let me look that up.It left on Monday. Anything else?"),
        ([&chunks.concat()[..], &call, &end].concat(), "Let me look that up.It left on Monday."),
        (
            [
                &chunk("1", "It left")[..],
                &[event(&value!({"type": "TEXT_MESSAGE_CHUNK", "delta": " on Monday."}))],
                &end,
            ]
            .concat(),
            "It left on Monday. Anything else?",
        ),
        ([&first[..], &[of("REASONING_ENCRYPTED_VALUE", "x")], &end].concat(), "Let me look that up. Anything else?\n"),
        ([&snapshot("Let me look that up.", "It left on Monday.")[..], &end].concat(), ""),
    ] {
        let text = of_events("/agent", &request, &events).await;
        assert_eq!(told(&text), expected);
        // Whatever is no chunk of a message's ends it, so that no other chunk of it can come behind.
        let state = text.find("STATE_DELTA").unwrap();
        assert!(text.find(MORE).is_none_or(|words| words < state), "{text}");
        // Where a snapshot tells all of it again, the last has the words there, too.
        let contents: Vec<_> = text.split("\"content\":").skip(1).filter_map(|rest| rest.split('"').nth(1)).collect();
        let by_snapshot = ["Let me look that up.", "It left on Monday. Anything else?"];
        let lines: Vec<_> = if expected.is_empty() { by_snapshot.to_vec() } else { expected.lines().collect() };
        assert!(contents.is_empty() || contents == lines, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_blocks_of_a_message_the_last_has_words_behind_it() {
    let request =
        value!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": CALM}]});
    let named = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    let block = |index: usize, kind: &str, delta: Value| {
        vec![
            named(value!({"type": "content_block_start", "index": index, "content_block": {"type": kind, "text": ""}})),
            named(value!({"type": "content_block_delta", "index": index, "delta": delta})),
            named(value!({"type": "content_block_stop", "index": index})),
        ]
    };
    let text = |index: usize, text: &str| block(index, "text", value!({"type": "text_delta", "text": text}));
    let call =
        |index: usize, kind: &str| block(index, kind, value!({"type": "input_json_delta", "partial_json": "{}"}));
    let ping = vec![named(value!({"type": "ping"}))];
    let end = |reason: &str| {
        let delta = named(value!({"type": "message_delta", "delta": {"stop_reason": reason}}));
        vec![delta, named(value!({"type": "message_stop"}))]
    };
    let first = text(0, "Let me look that up.");
    for (events, expected) in [
        ([&first[..], &ping, &end("end_turn")].concat(), "Let me look that up. Anything else?\n"),
        (
            [&first[..], &text(1, "It left on Monday."), &end("end_turn")].concat(),
            "Let me look that up.\nIt left on Monday. Anything else?\n",
        ),
        (
            [
                &first[..],
                &call(1, "server_tool_use"),
                &block(2, "web_search_tool_result", Value::Null),
                &text(3, "It left."),
                &end("end_turn"),
            ]
            .concat(),
            "Let me look that up.\nIt left. Anything else?\n",
        ),
        ([&first[..], &call(1, "tool_use"), &end("tool_use")].concat(), "Let me look that up.\n"),
        (
            [&first[..], &call(1, "tool_use"), &text(2, "It left."), &end("tool_use")].concat(),
            "Let me look that up.\nIt left.\n",
        ),
        ([&first[..], &end("pause_turn")].concat(), "Let me look that up.\n"),
    ] {
        let said = told(&of_events("/v1/messages", &request, &events).await);
        assert_eq!(said, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_stream_of_messages_comes_one_more() {
    let request = value!({"sender": "ada", "message": CALM});
    let message = |text: &str| format!("{}\n", value!({"recipient_id": "ada", "text": text}));
    let own = message("Anything else?");
    for texts in [&["It left on Monday."][..], &["One moment.", "It left on Monday."]] {
        let reply: String = texts.iter().map(|text| message(text)).collect();
        let body = chunks(reply.as_bytes().chunks(9));
        let seen = seen("/webhooks/rest/webhook?stream=true", &request, "text/event-stream", body).await;
        assert_eq!(seen.text(), [&*reply, &own].concat());
    }
    // A list that is labelled as events has no room behind it.
    let list = value!([{"recipient_id": "ada", "text": "It left on Monday."}]).to_string();
    let body = chunks(list.as_bytes().chunks(9));
    let seen_list = seen("/webhooks/rest/webhook?stream=true", &request, "text/event-stream", body).await.text();
    assert_eq!(seen_list, list.replace("Monday.", "Monday. Anything else?"));
    let reply = message("It left on Monday.") + &message("Which box do you mean?");
    let seen =
        seen("/webhooks/rest/webhook?stream=true", &request, "text/event-stream", chunks([reply.as_bytes()])).await;
    assert_eq!(seen.text(), reply);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "a list")]
async fn of_the_texts_of_a_whole_reply_the_last_has_words_behind_it() {
    let blocks = |second: &str, kind: &str| {
        value!({"type": "message", "role": "assistant", "content": [
            {"type": "text", "text": "Let me look."}, {"type": second, "id": "t"}, {"type": kind, "text": "It left."}]})
    };
    let anthropic = value!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": CALM}]});
    let rasa = value!({"sender": "ada", "message": CALM});
    let botpress = value!({"type": "text", "text": CALM});
    let lex = value!({"text": CALM});
    let lex_path = "/bots/B/botAliases/A/botLocales/en_US/sessions/s/text";
    let bot = value!({"type": "message", "deliveryMode": "expectReplies", "text": CALM, "from": {"id": "u"},
        "conversation": {"id": "c"}, "recipient": {"id": "b"}, "channelId": "x"});
    let activity = |text: &str| value!({"type": "message", "text": text});
    let cx = value!({"text": CALM, "sessionInfo": {"session": "s"}, "fulfillmentInfo": {"tag": "t"}});
    let es = value!({"queryResult": {"queryText": CALM}, "session": "s", "responseId": "r"});
    let of_cx = |texts: &[&str]| {
        let messages: Vec<_> = texts.iter().map(|text| value!({"text": {"text": [text]}})).collect();
        value!({"fulfillmentResponse": {"messages": messages}})
    };
    let responses = value!({"model": "m", "input": CALM});
    let item = |text: &str| value!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    let of_agent = |texts: &[&str]| {
        let parts: Vec<_> = texts.iter().map(|text| value!({"kind": "text", "text": text})).collect();
        value!({"kind": "message", "messageId": "a", "role": "agent", "parts": parts})
    };
    let message =
        value!({"kind": "message", "messageId": "u", "role": "user", "parts": [{"kind": "text", "text": CALM}]});
    let a2a = value!({"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}});
    let yes = "It left. Anything else?";
    for (path, request, reply, expected) in [
        ("/v1/messages", &anthropic, blocks("server_tool_use", "text"), yes),
        ("/v1/messages", &anthropic, blocks("thinking", "thinking"), "Let me look. Anything else?"),
        ("/v1/messages", &anthropic, blocks("tool_use", "thinking"), "Let me look.\""),
        ("/webhooks/rest/webhook", &rasa, value!([{"text": "One moment."}, {"image": "i"}, {"text": "It left."}]), yes),
        (
            "/api/v1/bots/b/converse/u",
            &botpress,
            value!({"responses": [{"type": "text", "text": "One moment."}, {"type": "text", "text": "It left."}]}),
            yes,
        ),
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "One moment."},
            {"contentType": "PlainText", "content": "It left."}]}),
            yes,
        ),
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "One moment."},
            {"contentType": "SSML", "content": "<speak>It left.</speak>"}]}),
            "<speak>It left. Anything else?</speak>",
        ),
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "One moment."},
            {"contentType": "SSML", "content": "It <left."}]}),
            "\"It <left.\"",
        ),
        ("/api/messages", &bot, value!({"activities": [activity("One moment."), activity("It left.")]}), yes),
        // What programs read, and what is said aloud, has nothing behind it.
        ("/webhooks/rest/webhook", &rasa, value!([{"text": "Here it is:"}, {"text": "{\"id\":1}"}]), "1}"),
        ("/webhooks/rest/webhook", &rasa, value!([{"text": "One moment."}, {"text": "42"}]), "\"42\""),
        ("/webhooks/rest/webhook", &rasa, value!([{"text": "{\"id\":1}"}, {"text": "It left."}]), yes),
        (
            "/api/messages",
            &bot,
            value!({"activities": [{"type": "message", "text": "One moment.", "speak": "Wait."},
            activity("It left.")]}),
            "\"It left.\"",
        ),
        (
            "/v1/messages",
            &anthropic,
            value!({"type": "message", "stop_reason": "tool_use", "content": [
            {"type": "tool_use"}, {"type": "text", "text": "It left."}]}),
            "\"It left.\"",
        ),
        // The limit of a message is its own.
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "It left. ".repeat(80)},
            {"contentType": "PlainText", "content": "It left."}]}),
            yes,
        ),
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "It left."},
            {"contentType": "PlainText", "content": "It left on Monday. ".repeat(54)}]}),
            "Monday. \"",
        ),
        (
            lex_path,
            &lex,
            value!({"messages": [{"contentType": "PlainText", "content": "One moment."},
                {"contentType": "PlainText", "content": "It left on Monday. ".repeat(45) + "It left."}]}),
            yes,
        ),
        // What else is told with it would have to agree, or is not known.
        ("/webhook", &cx, of_cx(&["It left."]), yes),
        ("/webhook", &cx, of_cx(&["One moment.", "It left."]), "\"It left.\""),
        ("/webhook", &es, value!({"fulfillmentMessages": [{"text": {"text": ["It left."]}}]}), yes),
        (
            "/webhook",
            &es,
            value!({"fulfillmentMessages": [{"text": {"text": ["One moment."]}}, {"text": {"text": ["It left."]}}]}),
            "\"It left.\"",
        ),
        ("/", &a2a, value!({"jsonrpc": "2.0", "result": of_agent(&["It left."])}), yes),
        ("/", &a2a, value!({"jsonrpc": "2.0", "result": of_agent(&["One moment.", "It left."])}), "\"It left.\""),
        ("/v1/responses", &responses, value!({"output": [item("It left.")]}), yes),
        ("/v1/responses", &responses, value!({"output": [item("One moment."), item("It left.")]}), "\"It left.\""),
    ] {
        let body = reply.to_string();
        let seen = seen(path, request, "application/json", chunks([body.as_bytes()])).await.text();
        assert!(seen.contains(expected), "{path}: {seen}");
        assert_eq!(
            seen.matches("Anything else?").count(),
            expected.matches("Anything else?").count(),
            "{path}: {seen}"
        );
        assert_eq!(seen.replacen(MORE, "", 1), body, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_shows_that_a_reply_goes_on_lets_the_end_of_its_text_go_at_once() {
    for kind in ["reasoning-start", "start-step", "tool-input-start"] {
        let bot = tower::service_fn(move |_: Request<_>| {
            let reply = [vercel::text("1", "Let me look that up.").concat(), vercel::of(kind)].concat();
            let steps = [Step::Data(reply.into()), Step::Wait(Duration::from_secs(5))];
            let head = Response::builder().header("content-type", "text/event-stream");
            async { Ok::<_, std::convert::Infallible>(head.body(script(steps)).unwrap()) }
        });
        let body = Full::new(Bytes::from(vercel::request().to_string()));
        let request = Request::post("/api/chat").header("content-type", "application/json").body(body).unwrap();
        let mut body =
            tower::ServiceExt::oneshot(tower::Layer::layer(&asking(), bot), request).await.unwrap().into_body();
        let sent = tokio::time::Instant::now();
        let mut seen = String::new();
        while !seen.contains(kind) {
            let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
            seen.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        assert!(sent.elapsed() < Duration::from_millis(100), "{kind}: {:?}", sent.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_read_every_piece_of_every_text() {
    let rule = "[[rule]]\nname = 'more'\nlayer = 'procedural'\nplace = 'end'\nsay = 'Anything else?'\n\
        when = \"reply.text == 'Let me look that up.\\\\n\\\\nIt left.\\\\n\\\\nOn Monday.'\"\n";
    let mut events = vercel::text("1", "Let me look that up.");
    let of = |kind: &str, id: &str| event(&value!({"type": kind, "id": id}));
    events.extend([
        of("text-start", "2"),
        vercel::delta("2", "It"),
        vercel::delta("2", " "),
        vercel::delta("2", "left."),
    ]);
    events.extend([of("text-end", "2"), vercel::text("3", "On Monday.").concat(), vercel::of("finish")]);
    let body = Full::new(Bytes::from(vercel::request().to_string()));
    let request = Request::post("/api/chat").header("content-type", "application/json").body(body).unwrap();
    let reply = events.concat();
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body(chunks(reply.as_bytes().chunks(40))).unwrap();
    let seen = within(exchange(layer().rules(Rules::from_toml(rule).unwrap()), request, response)).await.text();
    assert_eq!(seen.replacen(&vercel::delta("3", MORE), "", 1), reply);
    assert!(seen.contains(MORE), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_a_text_for_its_end_counts_for_all_exchanges() {
    let words = ["It left on Monday."; 10].join(" ");
    let mut events = vec![event(&value!({"type": "text-start", "id": "1"}))];
    events.extend(std::iter::repeat_n(vercel::delta("1", &words), 100));
    events.extend([event(&value!({"type": "text-end", "id": "1"})), vercel::of("finish")]);
    let reply = events.concat();
    for (max_total_bytes, is_said) in [(15_000, false), (150_000, true)] {
        let body = Full::new(Bytes::from(vercel::request().to_string()));
        let request = Request::post("/api/chat").header("content-type", "application/json").body(body).unwrap();
        let response = Response::builder().header("content-type", "text/event-stream");
        let response = response.body(chunks(reply.as_bytes().chunks(400))).unwrap();
        let layer = asking().limits(limits(|limits| limits.max_total_bytes = max_total_bytes));
        let seen = within(exchange(layer, request, response)).await;
        assert_eq!(seen.text().contains(MORE), is_said, "{max_total_bytes}");
        assert_eq!(seen.text().replacen(&vercel::delta("1", MORE), "", 1), reply);
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_activities_of_a_stream_the_last_has_words_behind_it() {
    let request = value!({"type": "message", "deliveryMode": "stream", "text": CALM, "from": {"id": "u"},
        "conversation": {"id": "c"}, "recipient": {"id": "b"}, "channelId": "x"});
    let message = |text: &str| format!("event: activity\ndata: {}\n\n", value!({"type": "message", "text": text}));
    let end = "event: end\ndata: end of stream\n\n";
    for texts in [&["It left on Monday."][..], &["One moment.", "It left on Monday."]] {
        let reply = texts.iter().map(|text| message(text)).collect::<String>() + end;
        let body = chunks(reply.as_bytes().chunks(9));
        let seen = seen("/api/messages", &request, "text/event-stream", body).await.text();
        assert_eq!(seen, reply.replace("It left on Monday.", "It left on Monday. Anything else?"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_held_goes_where_what_comes_behind_it_takes_more_room_than_there_is() {
    let of = |kind: &str, id: &str| event(&value!({"type": kind, "messageId": id}));
    let say = event(&value!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "It left on Monday."}));
    let long = event(&value!({"type": "STATE_SNAPSHOT", "snapshot": "x".repeat(1_500)})).repeat(3);
    let again = value!([{"id": "m", "role": "assistant", "content": "It left on Monday."}]);
    let again = event(&value!({"type": "MESSAGES_SNAPSHOT", "messages": again}));
    let text = [of("TEXT_MESSAGE_START", "m"), say, of("TEXT_MESSAGE_END", "m")].concat();
    let reply = [&text, &long, &again, &of("RUN_FINISHED", "r")].map(String::as_str).concat();
    let turn = "I am furious, where is my box?";
    let request = value!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": turn}]});
    let body = Full::new(Bytes::from(request.to_string()));
    let request = Request::post("/agent").header("content-type", "application/json").body(body).unwrap();
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body(chunks(reply.as_bytes().chunks(400))).unwrap();
    let layer = asking().limits(limits(|limits| limits.max_held_bytes = 4_000));
    let seen = within(exchange(layer, request, response)).await.text();
    let told = told(&seen);
    let acknowledged = told.strip_suffix('\n').unwrap();
    assert!(acknowledged.len() > 30 && acknowledged.ends_with("It left on Monday."), "{acknowledged}");
    assert!(seen.contains(&format!("\"content\":{}", value!(acknowledged))), "the snapshot agrees: {seen}");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_decision_is_read_as_well() {
    let rule = "[[rule]]\nname = 'more'\nlayer = 'procedural'\nwhen = 'reply.words == 4'\nplace = 'end'\n\
        say = 'Anything else?'\n";
    let pieces = ["Your box", " left Monday."].map(|text| vercel::delta("1", text));
    let ends = [event(&value!({"type": "text-start", "id": "1"})), event(&value!({"type": "text-end", "id": "1"}))];
    let [start, end] = ends;
    let reply = [&start, &pieces[0], &pieces[1], &end, &vercel::of("finish")].map(String::as_str).concat();
    let wait = || Step::Wait(Duration::from_millis(20));
    let steps = [wait(), Step::Data([start, pieces[0].clone()].concat().into()), wait(), wait()];
    let rest = Step::Data([&pieces[1], &end, &vercel::of("finish")].map(String::as_str).concat().into());
    let body = Full::new(Bytes::from(vercel::request().to_string()));
    let request = Request::post("/api/chat").header("content-type", "application/json").body(body).unwrap();
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body(script(steps.into_iter().chain([rest]))).unwrap();
    let slow = EmpathyLayer::new(Slow(Duration::from_millis(50))).rules(Rules::from_toml(rule).unwrap());
    let slow = slow.limits(limits(|limits| limits.budget_ms = 1_000));
    let seen = within(exchange(slow, request, response)).await.text();
    assert_eq!(told(&seen), "Your box left Monday. Anything else?\n");
    assert_eq!(seen.replacen(&vercel::delta("1", MORE), "", 1), reply);
}
