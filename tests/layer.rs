//! How the layer behaves, seen from outside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use common::*;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use undertone::outcome::Outcome;

const ANNOYED: &str = "this is annoying";

fn content(body: &[u8]) -> String {
    let reply: serde_json::Value = serde_json::from_slice(body).unwrap();
    reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_annoyed_turn_gets_a_sentence_before_the_bots_words() {
    let reply = completion("Your order left on Tuesday.");
    let seen = exchange(layer(), post(chat(ANNOYED)), json(chunks([reply.as_bytes()]))).await;
    let said = content(&seen.body());
    let sentence = said.strip_suffix(" Your order left on Tuesday.").unwrap_or_else(|| panic!("{said}"));
    assert!(sentence.contains("frustrating"), "{sentence}");
    assert_eq!(seen.outcome(), "prepend, weight=0.6, emotion=frustration");
}

#[tokio::test]
async fn a_light_hint_gets_a_light_touch_that_names_no_feeling() {
    let reply = completion("It left on Tuesday.");
    let seen = exchange(layer(), post(chat("it is a bit late")), json(chunks([reply.as_bytes()]))).await;
    let said = content(&seen.body());
    let touch = said.strip_suffix(" It left on Tuesday.").unwrap_or_else(|| panic!("{said}"));
    assert!(!["frustrat", "worr", "disappoint", "sorry"].iter().any(|feeling| touch.contains(feeling)), "{touch}");
}

#[tokio::test]
async fn calm_and_pleasant_turns_get_the_bots_bytes_and_the_reason() {
    let reply = completion("It left on Tuesday.");
    for (turn, outcome) in [
        ("Where is my order?", "none, reason=below-floor, weight=0.02, emotion=none"),
        ("It came, thank you so much!", "none, reason=pleasant, weight=0.8, emotion=gratitude"),
    ] {
        let seen = exchange(layer(), post(chat(turn)), json(chunks([reply.as_bytes()]))).await;
        assert_eq!((seen.text(), seen.outcome()), (reply.clone(), outcome));
    }
}

#[tokio::test]
async fn a_streamed_reply_gets_the_sentence_in_its_own_first_piece() {
    let reply = stream(&["Your order", " left", " on Tuesday."]);
    let seen = exchange(layer(), post(chat(ANNOYED)), sse(chunks(reply.as_bytes().chunks(7)))).await;
    assert_eq!(seen.outcome(), "prepend;planned, weight=0.6, emotion=frustration");
    let edited = seen.text();
    let (at, _) = reply.match_indices("Your order").next().unwrap();
    assert_eq!(&edited[..at], &reply[..at]);
    assert!(edited.ends_with(&reply[at..]), "{edited}");
    assert_eq!(edited.matches("data: ").count(), reply.matches("data: ").count(), "no event is added");
}

#[tokio::test]
async fn a_markdown_list_stays_a_list() {
    let seen = exchange(layer(), post(chat(ANNOYED)), json(chunks([completion("- one\n- two").as_bytes()]))).await;
    assert!(content(&seen.body()).ends_with(".\n\n- one\n- two"));
}

#[tokio::test]
async fn what_must_not_be_edited_keeps_its_bytes_and_says_why() {
    let request = |extra: &str| chat(ANNOYED).replace("\"model\"", &format!("{extra},\"model\""));
    let plain = || chat(ANNOYED);
    let reply = completion("It left.");
    for (request, reply, reason) in [
        (request(r#""response_format":{"type":"json_object"}"#), reply.clone(), "json-mode"),
        (plain(), completion("{\"status\":\"late\"}"), "structured"),
        (plain(), completion("```sh\nls\n```"), "structured"),
        (plain(), completion("I'm so sorry to hear that."), "acknowledged"),
        (plain(), completion(""), "empty"),
        (plain(), r#"{"choices":[{"message":{"content":null,"tool_calls":[{}]}}]}"#.to_owned(), "tool-call"),
        (plain(), r#"{"choices":[{"message":{"content":null,"refusal":"No."}}]}"#.to_owned(), "refusal"),
        (plain(), r#"{"error":{"message":"overloaded"}}"#.to_owned(), "error"),
        (plain(), "not json at all".to_owned(), "unreadable"),
    ] {
        let seen = exchange(layer(), post(request), json(chunks([reply.as_bytes()]))).await;
        assert_eq!(seen.text(), reply);
        assert!(seen.outcome().starts_with(&format!("none, reason={reason}")), "{reply}: {}", seen.outcome());
        assert!(!seen.headers.contains_key("content-length"), "the bot sent none");
    }
}

#[tokio::test]
async fn responses_that_http_forbids_to_edit_keep_their_bytes_and_say_why() {
    let reply = completion("It left.");
    for (status, header, reason) in [
        (500, ("x-a", "b"), "status"),
        (206, ("x-a", "b"), "partial"),
        (200, ("content-range", "bytes 0-9/99"), "partial"),
        (200, ("content-encoding", "compress"), "encoding"),
        (200, ("content-type", "text/html"), "media-type"),
    ] {
        let mut response = json(chunks([reply.as_bytes()]));
        *response.status_mut() = status.try_into().unwrap();
        response.headers_mut().insert(header.0, header.1.parse().unwrap());
        let seen = exchange(layer(), post(chat(ANNOYED)), response).await;
        assert_eq!((seen.text(), seen.status), (reply.clone(), status));
        assert_eq!(seen.outcome(), format!("none, reason={reason}"));
    }
}

#[tokio::test]
async fn a_client_that_wants_to_be_left_alone_is_and_its_bot_is_not_told() {
    let bot = service_fn(|request: Request<_>| {
        assert!(!request.headers().contains_key("undertone"));
        drop(request);
        ready(Ok::<_, Infallible>(json(chunks([completion("It left.").as_bytes()]))))
    });
    for (value, outcome) in [("off", "none, reason=off"), ("OFF, x", "none, reason=off"), ("on", "prepend,")] {
        let mut request = post(chat(ANNOYED));
        request.headers_mut().insert("undertone", value.parse().unwrap());
        let seen = read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert!(seen.outcome().starts_with(outcome), "{value}: {}", seen.outcome());
    }
}

#[tokio::test]
async fn a_second_undertone_leaves_what_the_first_one_did() {
    let reply = completion("It left.");
    let bot = service_fn(move |_| {
        let reply = reply.clone();
        async move { Ok::<_, Infallible>(json(chunks([reply.as_bytes()]))) }
    });
    let seen = read(
        ServiceBuilder::new().layer(layer()).layer(layer()).service(bot).oneshot(post(chat(ANNOYED))).await.unwrap(),
    )
    .await;
    assert_eq!(seen.outcome(), "prepend, weight=0.6, emotion=frustration");
    assert_eq!(content(&seen.body()).matches("frustrating").count(), 1);
}

#[tokio::test]
async fn the_bot_is_asked_not_to_compress_what_will_be_read() {
    let accepted = |turn: &'static str, uri: &'static str| async move {
        let bot = service_fn(|request: Request<_>| {
            let accepts = request.headers()["accept-encoding"].to_str().unwrap().to_owned();
            drop(request);
            ready(Ok::<_, Infallible>(
                Response::builder().header("x-accepts", accepts).body(Full::new(bytes::Bytes::new())).unwrap(),
            ))
        });
        let mut request = post(chat(turn));
        *request.uri_mut() = uri.parse().unwrap();
        request.headers_mut().insert("accept-encoding", "gzip, br".parse().unwrap());
        layer().layer(bot).oneshot(request).await.unwrap().headers()["x-accepts"].to_str().unwrap().to_owned()
    };
    assert_eq!(accepted(ANNOYED, "/v1/chat/completions").await, "identity");
    assert_eq!(accepted(ANNOYED, "/v1/models").await, "gzip, br");
}

#[tokio::test]
async fn the_outcome_is_there_for_layers_further_out() {
    let reply = completion("It left.");
    let bot = service_fn(move |_| {
        let reply = reply.clone();
        async move { Ok::<_, Infallible>(json(chunks([reply.as_bytes()]))) }
    });
    let response = layer().layer(bot).oneshot(post(chat(ANNOYED))).await.unwrap();
    let outcome = response.extensions().get::<Outcome>().unwrap();
    assert_eq!(response.headers()["undertone"], outcome.header());
}

/// Refuses to be called before it was polled ready; each clone starts unready.
#[derive(Debug, Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        ready(Ok(json(chunks([completion("It left.").as_bytes()]))))
    }
}

#[tokio::test]
async fn the_instance_that_became_ready_is_the_one_that_is_called() {
    let mut service = layer().layer(Strict::default());
    for uri in ["/v1/chat/completions", "/elsewhere", "/v1/chat/completions"] {
        let mut request = post(chat(ANNOYED));
        *request.uri_mut() = uri.parse().unwrap();
        let response =
            ServiceExt::<Request<Full<bytes::Bytes>>>::ready(&mut service).await.unwrap().call(request).await.unwrap();
        assert_eq!(response.headers().contains_key("undertone"), uri != "/elsewhere");
    }
}

#[tokio::test]
async fn it_works_in_an_axum_router_and_around_a_hyper_service() {
    async fn bot() -> axum::Json<serde_json::Value> {
        axum::Json(serde_json::from_str(&completion("It left.")).unwrap())
    }
    let app = axum::Router::new().route("/v1/chat/completions", axum::routing::post(bot)).layer(layer());
    let request = post(chat(ANNOYED)).map(axum::body::Body::new);
    let response = app.oneshot(request).await.unwrap();
    assert!(response.headers()["undertone"].to_str().unwrap().starts_with("prepend"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(content(&body).ends_with(" It left."));
}

#[test]
fn the_public_types_can_be_shared_between_threads() {
    fn is<T: Send + Sync + Clone>() {}
    is::<undertone::layer::EmpathyLayer>();
    is::<undertone::layer::EmpathyService<Strict>>();
    is::<undertone::empathy::Policy>();
    fn is_send<T: Send>() {}
    is_send::<undertone::layer::ResponseFuture<Strict, Full<bytes::Bytes>, Full<bytes::Bytes>>>();
    is_send::<undertone::layer::ReplyBody<Full<bytes::Bytes>>>();
}
