//! What the tests of the layer share: a classifier that goes by single words, and bodies that follow a script.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    layer::{EmpathyLayer, Limits},
    outcome::{Outcome, Settled},
    sentiment::{Classify, Emotion, Emotions, Pending, Sentiment},
};

/// What a turn with these words expresses.
pub(crate) fn sentiment_of(turn: &str) -> Sentiment {
    let (emotion, valence, affect) = match turn {
        turn if turn.contains("furious") => (Emotion::Anger, -0.9, 0.95),
        turn if turn.contains("annoying") => (Emotion::Frustration, -0.6, 0.6),
        turn if turn.contains("bit late") => (Emotion::Frustration, -0.2, 0.35),
        turn if turn.contains("thank you so much") => (Emotion::Gratitude, 0.9, 0.8),
        _ => (Emotion::None, 0.0, 0.02),
    };
    Sentiment { valence, affect, emotions: Emotions::certain(emotion), ..Sentiment::default() }
}

/// Answers at once, by [`sentiment_of`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByWords;

impl Classify for ByWords {
    fn submit(&self, turn: &str) -> Pending {
        Pending::ready(Ok(sentiment_of(turn)))
    }
}

/// Answers after this long, with what the words express.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slow(pub(crate) Duration);

impl Classify for Slow {
    fn submit(&self, turn: &str) -> Pending {
        let (answer, pending) = Pending::new();
        let (wait, sentiment) = (self.0, sentiment_of(turn));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            answer.send(Ok(sentiment));
        });
        pending
    }
}

/// The default limits, but for this.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

pub(crate) fn layer() -> EmpathyLayer {
    EmpathyLayer::new(ByWords)
}

/// One step of a body: a frame, an error, or not ready yet.
#[derive(Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    Error(&'static str),
    /// Not ready once; ready when polled again.
    Yield,
    /// Not ready for this long.
    Wait(Duration),
    /// Never ready again.
    Stall,
}

/// A body that follows a script.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<Step>, Option<Pin<Box<tokio::time::Sleep>>>);

pub(crate) fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script(steps.into_iter().collect(), None)
}

pub(crate) fn chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Script {
    script(chunks.into_iter().map(|chunk| Step::Data(Bytes::copy_from_slice(chunk))))
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn is_end_stream(&self) -> bool {
        self.0.is_empty() && self.1.is_none()
    }

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if let Some(wait) = &mut self.1 {
            std::task::ready!(wait.as_mut().poll(cx));
            self.1 = None;
        }
        if let Some(Step::Wait(time)) = self.0.front() {
            self.1 = Some(Box::pin(tokio::time::sleep(*time)));
            self.0.pop_front();
            return self.poll_frame(cx);
        }
        Poll::Ready(match self.0.pop_front() {
            None => None,
            Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Step::Error(error)) => Some(Err(error)),
            Some(Step::Yield) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Wait(_)) => unreachable!("waited for above"),
            Some(Step::Stall) => {
                self.0.push_front(Step::Stall);
                return Poll::Pending;
            }
        })
    }
}

/// A chat request with this turn.
pub(crate) fn chat(turn: &str) -> String {
    serde_json::json!({"model": "m", "messages": [{"role": "user", "content": turn}]}).to_string()
}

/// A reply that comes whole.
pub(crate) fn completion(text: &str) -> String {
    serde_json::json!({"id": "c1", "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
        "finish_reason": "stop"}], "usage": {"total_tokens": 7}})
    .to_string()
}

/// A streamed reply: the role, these pieces, the end.
pub(crate) fn stream(pieces: &[&str]) -> String {
    let event = |delta: serde_json::Value, reason: Option<&str>| {
        let chunk = serde_json::json!({"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let mut body = event(serde_json::json!({"role": "assistant", "content": ""}), None);
    for piece in pieces {
        body += &event(serde_json::json!({"content": piece}), None);
    }
    body + &event(serde_json::json!({}), Some("stop")) + "data: [DONE]\n\n"
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/v1/chat/completions").body(Full::new(body.into())).unwrap()
}

pub(crate) fn json<B>(body: B) -> Response<B> {
    Response::builder().header("content-type", "application/json").body(body).unwrap()
}

pub(crate) fn sse<B>(body: B) -> Response<B> {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// What a future comes to; one that hangs fails the test instead of stopping it. With paused time this takes no time.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(3_600), future).await.unwrap()
}

/// A response as the client sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) frames: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<&'static str>,
    /// What was done in the end, for layers further out.
    pub(crate) settled: Option<Outcome>,
}

impl Seen {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn outcome(&self) -> &str {
        self.headers.get("undertone").map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends a request through a layer to a bot that answers with `response`.
pub(crate) async fn exchange(layer: EmpathyLayer, request: Request<Full<Bytes>>, response: Response<Script>) -> Seen {
    let response = Arc::new(Mutex::new(Some(response)));
    let bot = service_fn(move |_| {
        let response = response.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let response = layer.layer(bot).oneshot(request).await.unwrap();
    read(response).await
}

pub(crate) async fn read<B>(response: Response<B>) -> Seen
where
    B: Body<Data = Bytes, Error: std::fmt::Display>,
{
    let (head, body) = response.into_parts();
    let mut body = std::pin::pin!(body);
    let settled = head.extensions.get::<Settled>().cloned();
    let mut seen = Seen {
        status: head.status.as_u16(),
        headers: head.headers,
        frames: Vec::new(),
        trailers: None,
        error: None,
        settled: None,
    };
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => seen.frames.push(data),
            Ok(Err(frame)) => seen.trailers = frame.into_trailers().ok(),
            Err(error) => seen.error = Some(error.to_string().leak()),
        }
    }
    assert!(seen.error.is_some() || body.is_end_stream(), "a body that is over says so");
    seen.settled = settled.and_then(|settled| settled.get());
    seen
}
