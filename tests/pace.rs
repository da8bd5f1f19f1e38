//! What a chat widget tells of a user who is writing, and what rules make of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::convert::Infallible;

use bytes::Bytes;
use common::*;
use http::{Method, Request};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{EmpathyLayer, rules::Rules};

const RULE: &str = "[[rule]]\nname = 'compare'\nlayer = 'cognitive'\nwhen = 'pace.cleared >= 2 && pace.options > 1'\nplace = \
                    'end'\nsay = 'Would it help if I compared the {{ pace.options }} of them on price?'\n";

fn paced() -> EmpathyLayer {
    layer().rules(Rules::from_toml(RULE).unwrap()).pace("/undertone/pace")
}

/// Sends a request to a bot that answers in Rasa's way, and echoes its path in a header.
async fn send(layer: &EmpathyLayer, method: Method, path: &str, body: &str) -> Seen {
    let bot = service_fn(|_: Request<_>| async {
        let body = r#"[{"recipient_id":"ada","text":"There are A and B."}]"#;
        let mut response = json(chunks([body.as_bytes()]));
        response.headers_mut().insert("x-bot", http::HeaderValue::from_static("1"));
        Ok::<_, Infallible>(response)
    });
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    read(within(layer.clone().layer(bot).oneshot(request)).await.unwrap()).await
}

async fn tell(layer: &EmpathyLayer, event: &str) -> Seen {
    send(layer, Method::POST, "/undertone/pace", event).await
}

async fn ask(layer: &EmpathyLayer) -> String {
    let body = r#"{"sender":"ada","message":"Which one should I take?"}"#;
    send(layer, Method::POST, "/webhooks/rest/webhook", body).await.text()
}

#[tokio::test(start_paused = true)]
async fn rules_know_how_a_user_came_to_a_turn_and_forget_it_after() {
    let layer = paced();
    for event in [
        r#"{"conversation":"ada","event":"options","options":2}"#,
        r#"{"conversation":"ada","event":"cleared"}"#,
        r#"{"conversation":"bob","event":"cleared"}"#,
        r#"{"conversation":"ada","event":"cleared"}"#,
    ] {
        let seen = tell(&layer, event).await;
        assert_eq!((seen.status, seen.text().as_str()), (204, ""));
        assert!(!seen.headers.contains_key("x-bot"), "the bot does not hear of it");
    }
    assert!(ask(&layer).await.contains("There are A and B. Would it help if I compared the 2 of them on price?"));
    assert!(ask(&layer).await.contains("There are A and B.\""));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_is_refused_in_one_line() {
    let layer = paced();
    let long = format!("{{\"conversation\":\"{}\",\"event\":\"paused\"}}", "a".repeat(2_000));
    for (body, status, why) in [
        ("", 400, "no event of a chat widget's: EOF while parsing a value at line 1 column 0\n"),
        ("{\"conversation\":\"ada\"}", 400, "no event of a chat widget's: missing field `event` at line 1 column 22\n"),
        (long.as_str(), 413, "an event has 1024 bytes at most\n"),
    ] {
        let seen = tell(&layer, body).await;
        assert_eq!((seen.status, seen.text().as_str()), (status, why));
    }
    assert_eq!(send(&layer, Method::OPTIONS, "/undertone/pace", "").await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_the_address_is_the_bots() {
    let layer = layer();
    for method in [Method::POST, Method::GET] {
        assert!(send(&layer, method, "/undertone/pace", "{}").await.headers.contains_key("x-bot"));
    }
    assert!(send(&paced(), Method::GET, "/undertone/pace", "").await.headers.contains_key("x-bot"));
}
