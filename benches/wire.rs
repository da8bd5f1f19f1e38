//! What finding a turn and editing a reply costs, against the cheapest thing that reads the same bytes at all:
//! `serde_json` going over a body once without building anything.
//!
//! ```text
//! cargo bench --bench wire
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails and prints what it finds")]

use std::{convert::Infallible, future::ready, hint::black_box};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde_json::{json, value::RawValue};
use tokio::{runtime::Runtime, time::Instant};
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    layer::EmpathyLayer,
    protocol::{OpenAiChat, Protocol, Recognition},
    sentiment::{Classify, Emotion, Emotions, Pending, Sentiment},
};

const PAIRS: usize = 200;
const TURN: &str = "This is the third time I ask. Where is my order?!";

/// Answers at once: the model is no part of this.
struct Furious;

impl Classify for Furious {
    fn submit(&self, _: &str) -> Pending {
        let emotions = Emotions::certain(Emotion::Anger);
        Pending::ready(Ok(Sentiment { affect: 0.9, valence: -0.9, emotions, ..Sentiment::default() }))
    }
}

fn main() {
    let request = request();
    let head = Request::post("/v1/chat/completions").body(()).unwrap().into_parts().0;
    report(
        "finding the turn in a history of 1 MB",
        request.len(),
        || read(&request),
        || match OpenAiChat.read(&head, &request) {
            Recognition::Chat(chat) => drop(black_box(chat)),
            other => drop(black_box(other)),
        },
    );

    let reply = Bytes::from(
        json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "It left on Tuesday. ".repeat(50_000)}}]})
        .to_string(),
    );
    let runtime = Runtime::new().unwrap();
    let turn = Bytes::from(json!({"messages": [{"role": "user", "content": TURN}]}).to_string());
    let answer = reply.clone();
    let bot = service_fn(move |_: Request<_>| {
        let response = Response::builder().header(CONTENT_TYPE, "application/json");
        ready(Ok::<_, Infallible>(response.body(Full::new(answer.clone())).unwrap()))
    });
    let service = EmpathyLayer::new(Furious).layer(bot);
    report(
        "the whole exchange with a reply of 1 MB",
        reply.len(),
        || read(&reply),
        || {
            let request = Request::post("/v1/chat/completions").body(Full::new(turn.clone())).unwrap();
            runtime.block_on(async {
                let response = service.clone().oneshot(request).await.unwrap();
                assert!(response.headers()["undertone"].to_str().unwrap().starts_with("prepend"));
                let mut body = response.into_body();
                while let Some(frame) = body.frame().await {
                    drop(black_box(frame));
                }
            });
        },
    );
}

/// A conversation of a thousand messages, and the turn.
fn request() -> Vec<u8> {
    let mut messages = Vec::new();
    for n in 0..500 {
        let (asked, said) = ("Where is it? \"Soon\" is no answer. ".repeat(30), "It left on Tuesday.\n".repeat(50));
        messages.push(json!({"role": "user", "content": format!("{n}: {asked}")}));
        messages.push(json!({"role": "assistant", "content": said}));
    }
    messages.push(json!({"role": "user", "content": TURN}));
    json!({"model": "m", "messages": messages, "stream": true}).to_string().into_bytes()
}

fn read(body: &[u8]) {
    let raw: &RawValue = serde_json::from_slice(body).unwrap();
    black_box(raw);
}

/// Times both in pairs and prints the medians and their ratio.
fn report(what: &str, bytes: usize, rival: impl Fn(), ours: impl Fn()) {
    let (mut of_rival, mut of_ours) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        of_rival.push(seconds(&rival));
        of_ours.push(seconds(&ours));
    }
    let (rival, ours) = (median(of_rival), median(of_ours));
    println!(
        "{what} ({bytes} bytes): {:.3} ms; serde_json over the same bytes: {:.3} ms: x{:.2}",
        ours * 1e3,
        rival * 1e3,
        ours / rival,
    );
}

fn seconds(run: impl Fn()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
