//! What finding a turn and editing a reply costs in each wire format, against the cheapest thing that reads the same bytes
//! at all: `serde_json` going over a body once without building anything.
//!
//! ```text
//! cargo bench --bench wire
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails and prints what it finds")]

use std::{
    convert::Infallible,
    future::ready,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json, value::RawValue};
use tokio::{runtime::Runtime, time::Instant};
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    conversation::{ConversationKey, Memory, Past, Recall, Store},
    layer::{EmpathyLayer, Limits},
    protocol::{Protocols, Recognition},
    sentiment::{Classify, Emotion, Emotions, Pending, Sentiment},
};

const PAIRS: usize = 100;
const TURN: &str = "This is the third time I ask. Where is my order?!";
const MEGABYTE: usize = 1 << 20;

/// Answers at once: the model is no part of this.
struct Furious;

impl Classify for Furious {
    fn submit(&self, _: &str) -> Pending {
        let emotions = Emotions::certain(Emotion::Anger);
        Pending::ready(Ok(Sentiment { affect: 0.9, valence: -0.9, emotions, ..Sentiment::default() }))
    }
}

/// Has never heard of anyone: each exchange is the first of its conversation.
struct Forgetful;

impl Store for Forgetful {
    fn recall(&self, _: ConversationKey) -> Recall {
        Recall::ready(Memory::default())
    }

    fn record(&self, _: ConversationKey, _: Past) {}
}

/// One wire format: where it is spoken, a request and a reply of about this many bytes.
struct Format {
    name: &'static str,
    path: &'static str,
    request: fn(usize) -> Value,
    reply: fn(String) -> Value,
}

/// Messages of about this many bytes in all, the user's turn last.
fn history(bytes: usize, message: impl Fn(&str, String) -> Value) -> Vec<Value> {
    let said = "It left on Tuesday.\n\"Soon\" is no answer. ".repeat(25);
    let mut messages: Vec<_> = (0..bytes / (said.len() + 60))
        .map(|n| message(if n % 2 == 0 { "user" } else { "assistant" }, format!("{n}: {said}")))
        .collect();
    messages.truncate(messages.len() / 2 * 2);
    messages.push(message("user", TURN.to_owned()));
    messages
}

fn plain(role: &str, text: String) -> Value {
    json!({"role": role, "content": text})
}

fn parts(role: &str, text: String) -> Value {
    json!({"role": role, "parts": [{"type": "text", "text": text}]})
}

fn blocks(role: &str, text: String) -> Value {
    json!({"role": role, "content": [{"type": "text", "text": text}]})
}

/// A turn without a history, of about this many bytes.
fn long(bytes: usize) -> String {
    format!("{TURN} {}", "It left on Tuesday, they said. ".repeat(bytes / 31))
}

fn activity(text: &str) -> Value {
    json!({"type": "message", "id": "a1", "channelId": "webchat", "serviceUrl": "https://s.test", "text": text,
        "from": {"id": "u"}, "conversation": {"id": "c"}, "deliveryMode": "expectReplies"})
}

#[rustfmt::skip]
const FORMATS: [Format; 18] = [
    Format { name: "openai-chat", path: "/v1/chat/completions",
        request: |n| json!({"model": "m", "messages": history(n, plain)}),
        reply: |text| json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}) },
    Format { name: "openai-chat, parts", path: "/v1/chat/completions",
        request: |n| json!({"model": "m", "messages": history(n, blocks)}),
        reply: |text| json!({"choices": [{"index": 0, "message": {"content": [{"type": "text", "text": text}]}}]}) },
    Format { name: "openai-responses", path: "/v1/responses",
        request: |n| json!({"model": "m", "input": history(n, plain)}),
        reply: |text| json!({"object": "response", "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]}) },
    Format { name: "anthropic", path: "/v1/messages",
        request: |n| json!({"model": "m", "max_tokens": 9, "messages": history(n, blocks)}),
        reply: |text| json!({"type": "message", "content": [{"type": "text", "text": text}]}) },
    Format { name: "gemini", path: "/v1beta/models/m:generateContent",
        request: |n| json!({"contents": history(n, |role, text| {
            json!({"role": if role == "user" { "user" } else { "model" }, "parts": [{"text": text}]}) })}),
        reply: |text| json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}) },
    Format { name: "ollama", path: "/api/chat",
        request: |n| json!({"model": "m", "stream": false, "messages": history(n, plain)}),
        reply: |text| json!({"message": {"role": "assistant", "content": text}, "done": true}) },
    Format { name: "rasa", path: "/webhooks/rest/webhook",
        request: |n| json!({"sender": "u", "message": long(n)}),
        reply: |text| json!([{"recipient_id": "u", "text": text}]) },
    Format { name: "bot-framework", path: "/api/messages",
        request: |n| activity(&long(n)),
        reply: |text| json!({"activities": [{"type": "message", "text": text}]}) },
    Format { name: "dialogflow-es", path: "/webhook",
        request: |n| json!({"session": "s", "queryResult": {"queryText": long(n)}}),
        reply: |text| json!({"fulfillmentText": text}) },
    Format { name: "dialogflow-cx", path: "/webhook",
        request: |n| json!({"fulfillmentInfo": {"tag": "t"}, "sessionInfo": {"session": "s"}, "text": long(n)}),
        reply: |text| json!({"fulfillmentResponse": {"messages": [{"text": {"text": [text]}}]}}) },
    Format { name: "a2a", path: "/",
        request: |n| json!({"jsonrpc": "2.0", "id": 1, "method": "message/send",
            "params": {"message": {"role": "user", "parts": [{"kind": "text", "text": long(n)}]}}}),
        reply: |text| json!({"jsonrpc": "2.0", "id": 1, "result": {"kind": "message", "parts": [{"kind": "text", "text": text}]}}) },
    Format { name: "dify", path: "/v1/chat-messages",
        request: |n| json!({"inputs": {}, "user": "u", "query": long(n)}),
        reply: |text| json!({"event": "message", "answer": text}) },
    Format { name: "flowise", path: "/api/v1/prediction/f",
        request: |n| json!({"question": long(n)}),
        reply: |text| json!({"text": text}) },
    Format { name: "botpress", path: "/api/v1/bots/b/converse/u",
        request: |n| json!({"type": "text", "text": long(n)}),
        reply: |text| json!({"responses": [{"type": "text", "text": text}]}) },
    Format { name: "langserve", path: "/chain/invoke",
        request: |n| json!({"input": {"messages": history(n, |role, text| {
            json!({"type": if role == "user" { "human" } else { "ai" }, "content": text}) })}}),
        reply: |text| json!({"output": text}) },
    // These two answer with streams: only their requests are read here.
    Format { name: "vercel", path: "/api/chat",
        request: |n| json!({"id": "c", "messages": history(n, parts)}),
        reply: |_| Value::Null },
    Format { name: "ag-ui", path: "/agent",
        request: |n| json!({"threadId": "t", "runId": "r", "messages": history(n, plain)}),
        reply: |_| Value::Null },
    // Its replies are short by its own rules.
    Format { name: "lex", path: "/bots/b/botAliases/a/botLocales/en/sessions/s/text",
        request: |n| json!({"text": long(n)}),
        reply: |_| Value::Null },
];

fn main() {
    let runtime = Runtime::new().unwrap();
    println!("a body of 1 MB, against serde_json over the same bytes (medians of {PAIRS} pairs)\n");
    println!("| format | finding the turn | editing the reply, the whole exchange |\n| --- | --- | --- |");
    for format in &FORMATS {
        let request = (format.request)(MEGABYTE).to_string();
        let found = ratio(&request, || find(format.path, request.as_bytes()));
        let reply = (format.reply)("It left on Tuesday. ".repeat(MEGABYTE / 20));
        let edited = (!reply.is_null()).then(|| {
            let reply = reply.to_string();
            let exchange = Exchange::new(format, &reply);
            ratio(&reply, || exchange.run(&runtime))
        });
        let edited = edited.map_or_else(|| "–".to_owned(), |edited| format!("x{edited:.2}"));
        println!("| {} | x{found:.2} | {edited} |", format.name);
    }

    println!(
        "\nan exchange by the length of its reply (openai-chat)\n\n| bytes | µs | ns a byte |\n| --- | --- | --- |"
    );
    for bytes in [1 << 10, 10 << 10, 100 << 10, MEGABYTE, 10 * MEGABYTE] {
        let reply = (FORMATS[0].reply)("It left on Tuesday. ".repeat(bytes / 20)).to_string();
        let exchange = Exchange::new(&FORMATS[0], &reply);
        let taken = median((0..PAIRS).map(|_| seconds(&|| exchange.run(&runtime))).collect());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = taken * 1e9 / reply.len() as f64;
        println!("| {} | {:.1} | {each:.2} |", reply.len(), taken * 1e6);
    }
    pass_through(&runtime);
}

/// The turn in a body, as the layer looks for it: by each protocol that claims the address.
fn find(path: &str, body: &[u8]) {
    thread_local! {
        static PROTOCOLS: Protocols = Protocols::default();
    }
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    let head = request.body(()).unwrap().into_parts().0;
    PROTOCOLS.with(|protocols| {
        let found = protocols.read(&head, body);
        assert!(matches!(found, Some((_, Recognition::Chat(_)))), "{path}");
        drop(black_box(found));
    });
}

/// A furious turn, and this reply to it.
struct Exchange {
    path: &'static str,
    turn: Bytes,
    reply: Bytes,
    layer: EmpathyLayer,
}

impl Exchange {
    fn new(format: &Format, reply: &str) -> Self {
        let mut limits = Limits::default();
        limits.max_reply_bytes = 16 * MEGABYTE;
        Self {
            path: format.path,
            turn: (format.request)(0).to_string().into(),
            reply: reply.to_owned().into(),
            layer: EmpathyLayer::new(Furious).store(Forgetful).limits(limits),
        }
    }

    fn run(&self, runtime: &Runtime) {
        let answer = self.reply.clone();
        let bot = service_fn(move |_: Request<_>| {
            let response = Response::builder().header(CONTENT_TYPE, "application/json");
            ready(Ok::<_, Infallible>(response.body(Full::new(answer.clone())).unwrap()))
        });
        let request = Request::post(self.path).header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(self.turn.clone())).unwrap();
        runtime.block_on(async {
            let response = self.layer.layer(bot).oneshot(request).await.unwrap();
            let said = response.headers()["undertone"].to_str().unwrap();
            assert!(said.starts_with("prepend"), "{}: {said}", self.path);
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                drop(black_box(frame));
            }
        });
    }
}

/// An event, and then another one over and over.
struct Chunks {
    first: Option<Bytes>,
    chunk: Bytes,
    left: u32,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.left = self.left.saturating_sub(1);
        Poll::Ready((self.left > 0).then(|| Ok(Frame::data(self.chunk.clone()))))
    }
}

/// What a chunk of a stream costs after the last edit, and whether it is the same memory.
fn pass_through(runtime: &Runtime) {
    const CHUNKS: u32 = 200_000;
    let event = |text: &str| {
        Bytes::from(format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"))
    };
    let (first, chunk) = (event("It left today."), event(" Or was it on Tuesday?"));
    let bot = {
        let (first, chunk) = (first, chunk.clone());
        service_fn(move |_: Request<_>| {
            let body = Chunks { first: Some(first.clone()), chunk: chunk.clone(), left: CHUNKS };
            let response = Response::builder().header(CONTENT_TYPE, "text/event-stream");
            ready(Ok::<_, Infallible>(response.body(body).unwrap()))
        })
    };
    let run = |path: &str| {
        let turn = json!({"messages": [plain("user", TURN.to_owned())]}).to_string();
        let request = Request::post(path).body(Full::new(Bytes::from(turn))).unwrap();
        runtime.block_on(async {
            let mut body = EmpathyLayer::new(Furious).layer(bot.clone()).oneshot(request).await.unwrap().into_body();
            let (mut copied, start) = (0, Instant::now());
            while let Some(frame) = body.frame().await {
                copied += u32::from(frame.unwrap().into_data().unwrap().as_ptr() != chunk.as_ptr());
            }
            (start.elapsed().as_secs_f64() * 1e9 / f64::from(CHUNKS), copied)
        })
    };
    let ((edited, copied), (untouched, _)) = (run("/v1/chat/completions"), run("/other"));
    println!(
        "\na chunk after the last edit: {edited:.0} ns ({copied} of {CHUNKS} pieces were not the bot's own memory); of a \
         reply that is not recognised: {untouched:.0} ns"
    );
}

/// How many times as long as `serde_json` needs to go over the body.
fn ratio(body: &str, ours: impl Fn()) -> f64 {
    let (mut of_rival, mut of_ours) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        of_rival.push(seconds(&|| {
            let raw: &RawValue = serde_json::from_slice(body.as_bytes()).unwrap();
            black_box(raw);
        }));
        of_ours.push(seconds(&ours));
    }
    median(of_ours) / median(of_rival)
}

fn seconds(run: &impl Fn()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
