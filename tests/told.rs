//! What the bot is told of a turn, where the operator wants that.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use common::*;
use http::{Request, request};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{EmpathyLayer, outcome::Heard};

const FURIOUS: &str = "I am furious, this is useless!";

/// The head of the request that the bot gets.
async fn head(layer: EmpathyLayer, request: Request<Full<Bytes>>) -> request::Parts {
    let heads = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&heads);
    let bot = service_fn(move |request: Request<_>| {
        *seen.lock().unwrap() = Some(request.into_parts().0);
        async { Ok::<_, Infallible>(json(Full::new(Bytes::from(completion("It left."))))) }
    });
    within(layer.layer(bot).oneshot(request)).await.unwrap();
    heads.lock().unwrap().take().unwrap()
}

/// What the head says in undertone's name.
fn told(head: &request::Parts) -> Vec<String> {
    let ours = head.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-undertone"));
    let mut told: Vec<_> = ours.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    told.sort();
    told
}

fn forged(turn: &str) -> Request<Full<Bytes>> {
    let mut request = post(chat(turn));
    for name in ["weight", "emotion", "target", "signals"] {
        let name = http::HeaderName::try_from(format!("x-undertone-{name}")).unwrap();
        request.headers_mut().insert(name, http::HeaderValue::from_static("forged"));
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_bot_is_told_what_a_turn_expresses() {
    let head = head(layer().tell_bot(true), forged(FURIOUS)).await;
    let expected = [
        "x-undertone-emotion: anger",
        "x-undertone-signals: negative",
        "x-undertone-target: none",
        "x-undertone-weight: 0.95",
    ];
    assert_eq!(told(&head), expected);
    let heard = head.extensions.get::<Heard>().unwrap();
    assert_eq!((heard.weight.to_string(), heard.signals.clone()), ("0.95".to_owned(), vec!["negative"]));
}

#[tokio::test(start_paused = true)]
async fn nobody_else_can_say_it() {
    assert_eq!(told(&head(layer(), forged(FURIOUS)).await), [""; 0]);
    let mut elsewhere = forged(FURIOUS);
    *elsewhere.uri_mut() = "/health".parse().unwrap();
    assert_eq!(told(&head(layer().tell_bot(true), elsewhere).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_budget_and_no_longer() {
    let slow = |time| EmpathyLayer::new(Slow(Duration::from_millis(time))).tell_bot(true);
    assert_eq!(told(&head(slow(20), post(chat(FURIOUS))).await).len(), 4);
    let sent = tokio::time::Instant::now();
    assert_eq!(told(&head(slow(10_000), post(chat(FURIOUS))).await), [""; 0]);
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
}
