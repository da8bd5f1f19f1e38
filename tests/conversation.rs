//! What passes between client and bot beside the acknowledgment: danger, own words in the history, openers toned down.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use common::*;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    empathy::{Adjustment, Policy, Toning},
    layer::{EmpathyLayer, RequestBody},
    outcome::Verdict,
};

/// What a bot gets of this request.
async fn passed_on(layer: EmpathyLayer, request: Request<Full<Bytes>>) -> (HeaderMap, String) {
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let bot = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| {
        let told = Arc::clone(&told);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            *told.lock().unwrap() = Some((head.headers, String::from_utf8(body.to_vec()).unwrap()));
            Ok::<_, Infallible>(json(chunks([completion("It left.").as_bytes()])))
        }
    });
    read(layer.layer(bot).oneshot(request).await.unwrap()).await;
    seen.lock().unwrap().take().unwrap()
}

mod danger {
    use super::*;

    const TURN: &str = "I don't want to be here any more. Nothing matters. I'm furious.";

    #[tokio::test]
    async fn a_reply_to_danger_passes_undecorated_and_says_so() {
        let reply = completion("I'm so sorry!! Samaritans: 116 123.");
        let seen = exchange(layer(), post(chat(TURN)), json(chunks([reply.as_bytes()]))).await;
        assert_eq!(seen.text(), reply);
        assert!(seen.outcome().starts_with("none, reason=danger"), "{}", seen.outcome());
    }

    #[tokio::test]
    async fn the_operators_own_text_goes_before_it_whole_and_streamed() {
        let layer = || layer().policy(Policy::default().with_danger("If you are in danger, call 999."));
        let whole = exchange(layer(), post(chat(TURN)), json(chunks([completion("It left.").as_bytes()]))).await;
        assert!(whole.text().contains(r#""content":"If you are in danger, call 999. It left.""#), "{}", whole.text());
        let streamed = exchange(layer(), post(chat(TURN)), sse(chunks([stream(&["It", " left."]).as_bytes()]))).await;
        assert!(streamed.text().contains(r#""content":"If you are in danger, call 999. It""#), "{}", streamed.text());
    }

    #[tokio::test]
    async fn the_bot_is_told_where_the_operator_wants_that_and_a_client_cannot_pretend() {
        let request = |turn: &str| {
            let mut request = post(chat(turn));
            request.headers_mut().insert("x-undertone-danger", HeaderValue::from_static("1"));
            request
        };
        let told = |turn: &'static str, tell: bool| async move {
            let (headers, _) = passed_on(layer().tell_danger(tell), request(turn)).await;
            headers.get("x-undertone-danger").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(told(TURN, true).await.as_deref(), Some("1"));
        assert_eq!(told("Where is my box?", true).await, None);
        assert_eq!(told("Where is my box?", false).await.as_deref(), Some("1"), "nobody's business here");
    }
}

mod memory {
    use super::*;

    /// A conversation as a client sends it back: what it showed, undertone's sentence with it.
    pub(crate) fn conversation(said: &str) -> String {
        serde_json::json!({"model": "m", "messages": [
            {"role": "user", "content": "this is annoying"},
            {"role": "assistant", "content": said},
            {"role": "user", "content": "Where is my box?"},
        ]})
        .to_string()
    }

    #[tokio::test]
    async fn the_bot_does_not_see_what_undertone_said_before() {
        for (shown, kept) in [
            ("That must be frustrating. It left.", "It left."),
            ("Hi Lena! That must be frustrating. It left.", "Hi Lena! It left."),
            ("It left. That must be frustrating.", "It left. That must be frustrating."),
            ("That must be frustrating.", "That must be frustrating."),
        ] {
            let (headers, body) = passed_on(layer(), post(conversation(shown))).await;
            assert_eq!(body, conversation(kept), "{shown}");
            let length = headers.get("content-length").map(|length| length.to_str().unwrap().parse().unwrap());
            assert!(length.is_none_or(|length: usize| length == body.len()));
            let (_, body) = passed_on(layer().hide_own_words(false), post(conversation(shown))).await;
            assert_eq!(body, conversation(shown));
        }
    }
}

mod late {
    use std::time::Duration;

    use undertone::layer::LateReply;

    use super::*;

    #[tokio::test]
    async fn nor_that_it_was_late() {
        let late = LateReply::new(Duration::from_secs(2), "Let me look.");
        let with_then = late.clone().with_then("Here it is.");
        for (late, shown, kept) in [
            (&late, "Let me look.\n\nIt left.", "It left."),
            (&late, "That must be frustrating. Let me look.\n\nIt left.", "It left."),
            (&with_then, "Let me look.\n\nHere it is. It left.", "It left."),
            (&with_then, "Let me look.\n\nIt left.", "It left."),
            (&late, "Let me look.\n\nHere it is. It left.", "Here it is. It left."),
            (&late, "Let me look.", "Let me look."),
            (&with_then, "Let me look.\n\nHere it is. ", "Let me look.\n\nHere it is. "),
            (&late, "Let me look..\n\nIt left.", "Let me look..\n\nIt left."),
            (&late, "It left. Let me look.\n\nIt left.", "It left. Let me look.\n\nIt left."),
        ] {
            let layer = layer().late(late.clone());
            let (_, body) = passed_on(layer.clone(), post(memory::conversation(shown))).await;
            assert_eq!(body, memory::conversation(kept), "{shown}");
            let (_, body) = passed_on(layer.hide_own_words(false), post(memory::conversation(shown))).await;
            assert_eq!(body, memory::conversation(shown));
        }
    }
}

mod softening {
    use super::*;

    const GUSHING: &str = "I'm so incredibly sorry to hear that, I completely understand how stressful this is!";

    #[tokio::test]
    async fn a_gushing_opener_goes_whole_and_streamed_and_the_rest_is_the_bots() {
        let turn = chat("Where is my box?");
        let reply = completion(&format!("{GUSHING} It left on Tuesday."));
        let whole = exchange(layer(), post(turn.clone()), json(chunks([reply.as_bytes()]))).await;
        assert_eq!(whole.text(), completion("It left on Tuesday."));
        assert!(whole.outcome().starts_with("soften"), "{}", whole.outcome());
        let words: Vec<_> = GUSHING.split_inclusive(' ').chain([" It", " left", " on Tuesday."]).collect();
        let streamed = exchange(layer(), post(turn), sse(chunks([stream(&words).as_bytes()]))).await;
        let events = streamed.text();
        let text: String = events
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter_map(|event| serde_json::from_str::<serde_json::Value>(event).ok())
            .filter_map(|event| Some(event.pointer("/choices/0/delta/content")?.as_str()?.to_owned()))
            .collect();
        assert_eq!(text.trim_start(), "It left on Tuesday.", "{events}");
        assert_eq!(streamed.settled.unwrap().verdict, Verdict::Adjusted(Adjustment::Soften));
    }

    #[tokio::test]
    async fn nothing_of_a_reply_goes_where_the_house_wants_it_left() {
        let reply = completion(&format!("{GUSHING} It left on Tuesday."));
        let layer = layer().policy(Policy::default().with_toning(Toning::Off));
        let seen = exchange(layer, post(chat("Where is my box?")), json(chunks([reply.as_bytes()]))).await;
        assert_eq!(seen.text(), reply);
    }
}
