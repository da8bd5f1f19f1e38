//! Posted JSON that is no chat, at addresses where it might have been: it reaches the bot as it came, and nothing is said of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use common::{Script, Seen, Step, chunks, json, layer, limits, read, script, within};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use metrics_util::debugging::DebuggingRecorder;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    layer::{EmpathyLayer, RequestBody},
    outcome::DANGER,
};

const ORDER: &str = r#"{"order":4711,"note":"I am furious, where is it?"}"#;
const REPLY: &str = r#"{"text":"It left."}"#;

/// What the bot gets: the bytes, the trailers, whether it broke off, and when.
#[derive(Debug, Default)]
struct Got {
    bytes: Vec<u8>,
    trailers: Option<HeaderMap>,
    is_broken: bool,
    after: Duration,
    headers: HeaderMap,
}

async fn send(layer: EmpathyLayer, request: Request<Script>) -> (Got, Seen) {
    let (got, start) = (Arc::new(Mutex::new(Got::default())), Instant::now());
    let at_bot = Arc::clone(&got);
    let bot = service_fn(move |request: Request<RequestBody<Script>>| {
        let at_bot = Arc::clone(&at_bot);
        async move {
            at_bot.lock().unwrap().after = start.elapsed();
            at_bot.lock().unwrap().headers = request.headers().clone();
            let mut body = std::pin::pin!(request.into_body());
            while let Some(frame) = body.frame().await {
                let mut got = at_bot.lock().unwrap();
                match frame.map(http_body::Frame::into_data) {
                    Ok(Ok(data)) => got.bytes.extend(data),
                    Ok(Err(frame)) => got.trailers = frame.into_trailers().ok(),
                    Err(_) => got.is_broken = true,
                }
            }
            Ok::<_, Infallible>(json(chunks([REPLY.as_bytes()])))
        }
    });
    let response: Response<_> = layer.layer(bot).oneshot(request).await.unwrap();
    let seen = read(response).await;
    let got = std::mem::take(&mut *got.lock().unwrap());
    (got, seen)
}

fn post(path: &str, body: Script) -> Request<Script> {
    Request::post(path).header("content-type", "application/json").body(body).unwrap()
}

fn is_silent(seen: &Seen) {
    assert_eq!((seen.text().as_str(), seen.outcome(), seen.settled.clone()), (REPLY, "", None));
}

#[tokio::test(start_paused = true)]
async fn what_turns_out_to_be_no_chat_goes_on_as_it_came() {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))]);
    for body in [ORDER, "{\"a\":", "[1,2]", "  [1]", "\"text\"", "", "   "] {
        let steps = body.as_bytes().chunks(3).map(|chunk| Step::Data(Bytes::copy_from_slice(chunk)));
        let steps = steps.chain([Step::Trailers(trailers.clone())]);
        let (got, seen) = within(send(layer(), post("/orders", script(steps)))).await;
        assert_eq!((got.bytes.as_slice(), got.trailers), (body.as_bytes(), Some(trailers.clone())), "{body}");
        is_silent(&seen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_begins_no_object_is_not_waited_for() {
    let body =
        script([Step::Data(Bytes::from_static(b"[1,")), Step::Wait(Duration::from_secs(5)), Step::Data("2]".into())]);
    let (got, seen) = within(send(layer(), post("/orders", body))).await;
    assert_eq!((got.bytes.as_slice(), got.after), (&b"[1,2]"[..], Duration::ZERO));
    is_silent(&seen);
}

#[tokio::test(start_paused = true)]
async fn one_half_of_a_dialogue_goes_on_after_a_second() {
    let body = script([Step::Data(ORDER.into()), Step::Wait(Duration::from_secs(60)), Step::Data(ORDER.into())]);
    let (got, seen) = within(send(layer(), post("/orders", body))).await;
    assert_eq!(got.bytes, [ORDER, ORDER].concat().as_bytes());
    assert!(got.after <= Duration::from_millis(1_001), "{:?}", got.after);
    is_silent(&seen);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_bots_leave_gets_it_from_the_bot() {
    let body = script([Step::Wait(Duration::from_secs(5)), Step::Data(ORDER.into())]);
    let mut request = post("/orders", body);
    request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
    let (got, _) = within(send(layer(), request)).await;
    assert_eq!((got.bytes.as_slice(), got.after), (ORDER.as_bytes(), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_before_it_is_known_is_not_told_of() {
    let layer = || layer().limits(limits(|limits| limits.max_request_bytes = 10));
    let (got, seen) = within(send(layer(), post("/orders", chunks([ORDER.as_bytes()])))).await;
    assert_eq!(got.bytes, ORDER.as_bytes());
    is_silent(&seen);
    let body = script([Step::Data("{".into()), Step::Error("reset")]);
    let (got, seen) = within(send(layer(), post("/orders", body))).await;
    assert!(got.is_broken && got.bytes == b"{");
    is_silent(&seen);
}

#[tokio::test]
async fn no_client_can_speak_of_danger_in_undertones_name() {
    let turn = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
    for (path, body, off) in [("/orders", ORDER, false), ("/v1/chat/completions", turn, true), ("/other", "[1]", false)]
    {
        let mut request = post(path, chunks([body.as_bytes()]));
        request.headers_mut().insert(DANGER, HeaderValue::from_static("1"));
        if off {
            request.headers_mut().insert("undertone", HeaderValue::from_static("off"));
        }
        let (got, _) = send(layer().tell_danger(true), request).await;
        assert!(!got.headers.contains_key(DANGER), "{path}");
    }
}

#[test]
fn nothing_is_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(send(layer(), post("/orders", chunks([ORDER.as_bytes()]))));
    });
    let counted: Vec<_> = snapshotter.snapshot().into_vec();
    assert!(counted.is_empty(), "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_chat_at_such_an_address_is_one() {
    let turn = r#"{"threadId":"t","runId":"r","messages":[{"role":"user","content":"I am furious"}]}"#;
    let (got, seen) = within(send(layer(), post("/orders", chunks([turn.as_bytes()])))).await;
    assert_eq!(got.bytes, turn.as_bytes());
    assert!(seen.outcome().starts_with("none, reason="), "{}", seen.outcome());
}
