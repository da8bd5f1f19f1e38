//! The seams: where one part hands bytes, time or a verdict to the next, nothing is lost and nothing made up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    future::ready,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use common::*;
use http::{HeaderMap, Request, Response, request};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    conversation::{ConversationKey, Memory, Past, Recall, Store},
    empathy::Adjustment,
    layer::{EmpathyLayer, ReplyError},
    outcome::{FailOpen, Family, Outcome, Reason, Settled, Verdict},
    protocol::{Claim, CustomProtocol, CustomSpec, Protocol, Protocols, Recognition},
};

const ANNOYED: &str = "this is annoying";

fn trailers(names: &[&'static str]) -> HeaderMap {
    names.iter().map(|name| (name.parse().unwrap(), "yes".parse().unwrap())).collect()
}

/// The response of a bot that answers so, with its body still to be read.
async fn begin(
    layer: EmpathyLayer,
    response: Response<Script>,
) -> Response<impl Body<Data = Bytes, Error = ReplyError>> {
    let response = Arc::new(std::sync::Mutex::new(Some(response)));
    let bot = service_fn(move |_| ready(Ok::<_, Infallible>(response.lock().unwrap().take().unwrap())));
    within(layer.layer(bot).oneshot(post(chat(ANNOYED)))).await.unwrap()
}

fn settled<B>(response: &Response<B>) -> Settled {
    response.extensions().get::<Settled>().unwrap().clone()
}

/// Polls a body once.
async fn poll<B: Body<Data = Bytes, Error = ReplyError>>(body: Pin<&mut B>) -> Poll<Option<Result<Bytes, ReplyError>>> {
    let mut body = body;
    std::future::poll_fn(|cx| {
        let frame = body.as_mut().poll_frame(cx);
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default()))))
    })
    .await
}

mod bytes_and_lengths {
    use super::*;

    #[tokio::test]
    async fn a_collected_reply_that_breaks_off_does_not_know_its_length() {
        let response = begin(layer(), json(script([Step::Data("{\"choices\":[".into()), Step::Error("reset")]))).await;
        assert_eq!(response.body().size_hint().upper(), None, "a server would take it for complete");
        assert!(!response.body().is_end_stream());
        let seen = read(response).await;
        assert_eq!((seen.text().as_str(), seen.error), ("{\"choices\":[", Some("reset")));
    }

    #[tokio::test]
    async fn a_request_that_breaks_off_does_not_reach_the_bot_as_a_whole_one() {
        let steps = [Step::Data(chat(ANNOYED).into()), Step::Error("reset")];
        let request = Request::post("/v1/chat/completions").body(script(steps)).unwrap();
        let bot = service_fn(|request: Request<_>| async move {
            assert_eq!(Body::size_hint(request.body()).upper(), None);
            assert_eq!(read(Response::new(request.into_body())).await.error, Some("reset"));
            Ok::<_, Infallible>(json(chunks([b"{}".as_slice()])))
        });
        let seen = read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert_eq!(seen.outcome(), "none, reason=request-broken");
    }

    #[tokio::test]
    async fn a_body_with_trailers_does_not_know_its_length_and_keeps_them() {
        let steps = [Step::Data(completion("It left.").into()), Step::Trailers(trailers(&["x-sum", "content-digest"]))];
        let response = begin(layer(), json(script(steps))).await;
        assert_eq!(response.body().size_hint().upper(), None, "a server would leave the trailers out");
        let seen = read(response).await;
        assert_eq!(seen.trailers, Some(trailers(&["x-sum"])), "all but what was true of other bytes");
    }

    #[tokio::test]
    async fn a_whole_reply_knows_its_length_and_when_it_is_over() {
        let response = begin(layer(), json(chunks([completion("It left.").as_bytes()]))).await;
        let length = response.body().size_hint().exact().unwrap();
        let seen = read(response).await;
        assert_eq!(seen.body().len() as u64, length);
    }

    #[tokio::test]
    async fn an_edited_stream_does_not_tell_the_length_it_had_and_keeps_its_trailers() {
        let steps = [Step::Data(stream(&["It", " left."]).into()), Step::Trailers(trailers(&["x-sum", "repr-digest"]))];
        let response = begin(layer(), sse(script(steps))).await;
        assert_eq!((response.body().size_hint().lower(), response.body().size_hint().upper()), (0, None));
        assert!(!response.body().is_end_stream());
        let seen = read(response).await;
        assert!(seen.text().contains("It"));
        assert_eq!(seen.trailers, Some(trailers(&["x-sum"])));
    }

    #[tokio::test]
    async fn a_stream_that_keeps_its_bytes_keeps_all_its_trailers() {
        let steps =
            [Step::Data(stream(&["I'm so sorry."]).into()), Step::Trailers(trailers(&["x-sum", "repr-digest"]))];
        let seen = read(begin(layer(), sse(script(steps))).await).await;
        assert_eq!(seen.trailers, Some(trailers(&["x-sum", "repr-digest"])));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_when_the_bot_broke_off_has_time_to_leave_before_the_error() {
        let events = stream(&["I"]);
        let held = events.split_inclusive("\n\n").take(2).collect::<String>();
        let response = begin(layer(), sse(script([Step::Data(held.clone().into()), Step::Error("reset")]))).await;
        let mut body = std::pin::pin!(response.into_body());
        let mut passed = Vec::new();
        while passed.len() < held.len() {
            passed.extend(within(body.frame()).await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(String::from_utf8(passed).unwrap(), held);
        assert!(
            poll(body.as_mut()).await.is_pending(),
            "a server that is told of the error drops what it has not sent"
        );
        assert_eq!(within(body.frame()).await.unwrap().unwrap_err().to_string(), "reset");
    }

    #[tokio::test]
    async fn a_request_in_tiny_chunks_is_put_together() {
        let text = chat(ANNOYED);
        let steps: Vec<_> = text.bytes().map(|byte| Step::Data(vec![byte].into())).collect();
        let request = Request::post("/v1/chat/completions").body(script(steps)).unwrap();
        let frames = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&frames);
        let bot = service_fn(move |request: Request<_>| {
            let (text, counted) = (text.clone(), Arc::clone(&counted));
            async move {
                let seen = read(Response::new(request.into_body())).await;
                assert_eq!(seen.text(), text);
                counted.store(seen.frames.len(), Ordering::Relaxed);
                Ok::<_, Infallible>(json(chunks([completion("It left.").as_bytes()])))
            }
        });
        read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert_eq!(frames.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn all_exchanges_together_hold_no_more_than_their_limit() {
        let narrow = || layer().limits(limits(|limits| limits.max_total_bytes = 150));
        let long = completion(&"It left. ".repeat(30));
        let seen = exchange(narrow(), post(chat(ANNOYED)), json(chunks(long.as_bytes().chunks(50)))).await;
        assert_eq!(seen.text(), long);
        assert!(seen.outcome().starts_with("none, reason=memory"), "{}", seen.outcome());
        let seen = exchange(narrow(), post(chat(&ANNOYED.repeat(20))), json(chunks([long.as_bytes()]))).await;
        assert_eq!(seen.outcome(), "none, reason=memory");
    }
}

mod time {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn white_space_that_keeps_a_connection_alive_passes_at_once() {
        let steps = [
            Step::Data("\n".into()),
            Step::Wait(Duration::from_secs(5)),
            Step::Data(" ".into()),
            Step::Wait(Duration::from_secs(5)),
            Step::Data(completion("It left.").into()),
        ];
        let start = Instant::now();
        let response = begin(layer(), json(script(steps))).await;
        assert_eq!(response.headers()["undertone"], "prepend;planned, weight=0.6, emotion=frustration");
        let mut body = std::pin::pin!(response.into_body());
        assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "\n");
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
        let rest = within(body.collect()).await.unwrap().to_bytes();
        assert!(rest.starts_with(b" {") && rest.len() > completion("It left.").len() + 1, "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_labelled_as_json_is_not_collected() {
        for start in ["data: {\"choices\":[]}\n\n", "{\"choices\":[]}\n"] {
            let steps =
                [Step::Data(start.into()), Step::Wait(Duration::from_secs(5)), Step::Data("data: x\n\n".into())];
            let begun = Instant::now();
            let response = begin(layer(), json(script(steps))).await;
            let mut body = std::pin::pin!(response.into_body());
            assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), start);
            assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_reply_whose_end_comes_a_moment_later_is_still_whole() {
        let text = completion("It left.");
        let (first, last) = text.split_at(40);
        let pieces = [first, last].map(|piece| Step::Data(piece.to_owned().into()));
        let [first, last] = pieces;
        let seen = read(begin(layer(), json(script([first, Step::Yield, last, Step::Yield]))).await).await;
        assert_eq!(seen.outcome(), "prepend, weight=0.6, emotion=frustration");
        let start = Instant::now();
        let response =
            begin(layer(), json(script([Step::Data(text.into()), Step::Wait(Duration::from_secs(9))]))).await;
        assert_eq!(response.headers()["undertone"], "prepend;planned, weight=0.6, emotion=frustration");
        assert!(start.elapsed() < Duration::from_millis(30), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_copies_of_a_text_that_was_changed_are_waited_for() {
        let delta = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"It left.\"}\n\n";
        let done = "data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"It left.\"}]}]}}\n\n";
        let (begun, rest) = done.split_at(60);
        let steps = [
            Step::Data(delta.into()),
            Step::Data(begun.to_owned().into()),
            Step::Wait(Duration::from_secs(3)),
            Step::Data(rest.to_owned().into()),
        ];
        let mut request = post(format!("{{\"input\":\"{ANNOYED}\"}}"));
        *request.uri_mut() = "/v1/responses".parse().unwrap();
        let seen = within(exchange(layer(), request, sse(script(steps)))).await;
        assert_eq!(seen.text().matches(". It left.").count(), 2, "{}", seen.text());
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_a_stream_begins_with_its_text_and_not_with_its_head() {
        let layer = EmpathyLayer::new(Slow(Duration::from_millis(400)));
        let reply = stream(&["Tracking", " says"]);
        let steps =
            [Step::Data(": ping\n\n".into()), Step::Wait(Duration::from_secs(2)), Step::Data(reply.clone().into())];
        let start = Instant::now();
        let response = begin(layer, sse(script(steps))).await;
        assert_eq!(response.headers()["undertone"], "pending");
        assert!(start.elapsed() < Duration::from_millis(40), "{:?}", start.elapsed());
        let seen = read(response).await;
        assert!(seen.text().len() > reply.len() + 8, "{}", seen.text());
        assert_eq!(seen.settled.unwrap().verdict, Verdict::Adjusted(Adjustment::Prepend));
    }

    #[tokio::test(start_paused = true)]
    async fn text_that_comes_with_the_head_waits_for_the_budget_once() {
        let layer = EmpathyLayer::new(Slow(Duration::from_secs(5)));
        let reply = stream(&["Tracking", " says"]);
        let start = Instant::now();
        let steps = [Step::Data(reply.clone().into()), Step::Wait(Duration::from_secs(1))];
        let response = begin(layer, sse(script(steps))).await;
        let mut settled = settled(&response);
        let mut body = std::pin::pin!(response.into_body());
        let mut passed = Vec::new();
        while passed.len() < reply.len() {
            passed.extend(within(body.frame()).await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(String::from_utf8(passed).unwrap(), reply);
        assert!(start.elapsed() < Duration::from_millis(35), "{:?}", start.elapsed());
        assert_eq!(settled.wait().await.unwrap().verdict, Verdict::Untouched(FailOpen::Budget.into()));
    }

    #[tokio::test(start_paused = true)]
    async fn text_that_comes_later_waits_for_the_budget_and_no_longer() {
        let layer = EmpathyLayer::new(Slow(Duration::from_secs(5)));
        let steps = [Step::Wait(Duration::from_secs(1)), Step::Data(stream(&["Tracking", " says"]).into())];
        let start = Instant::now();
        let seen = read(begin(layer, sse(script(steps))).await).await;
        assert_eq!(seen.text(), stream(&["Tracking", " says"]));
        assert!(start.elapsed() < Duration::from_millis(1_070), "{:?}", start.elapsed());
    }
}

mod verdicts {
    use super::*;

    #[tokio::test]
    async fn what_came_of_a_stream_is_there_once_it_is_known() {
        let response = begin(layer(), sse(chunks([stream(&["I'm so", " sorry."]).as_bytes()]))).await;
        assert!(matches!(response.extensions().get::<Outcome>().unwrap().verdict, Verdict::Planned(_)));
        let mut settled = settled(&response);
        assert_eq!(settled.get(), None);
        read(response).await;
        let outcome = settled.wait().await.unwrap();
        let Verdict::Untouched(reason) = outcome.verdict else { panic!("{outcome:?}") };
        assert_eq!((reason.as_str(), reason.family()), ("acknowledged", Family::Silence));
    }

    #[tokio::test]
    async fn a_client_that_leaves_has_cancelled_and_nothing_is_broken() {
        let response = begin(layer(), sse(script([Step::Data(": ping\n\n".into()), Step::Stall]))).await;
        let mut settled = settled(&response);
        drop(response);
        assert_eq!(settled.wait().await.unwrap().verdict, Verdict::Untouched(Reason::Cancelled));
    }
}

mod others_code {
    use super::*;

    /// Panics where it is told to.
    #[derive(Debug, Clone, Copy)]
    struct Panicking {
        over_head: bool,
    }

    impl Protocol for Panicking {
        fn name(&self) -> &str {
            panic!("a bug")
        }

        fn claims(&self, _: &request::Parts) -> Claim {
            assert!(!self.over_head, "a bug");
            Claim::Yes
        }

        fn read(&self, _: &request::Parts, _: &[u8]) -> Recognition {
            Recognition::Foreign
        }
    }

    #[tokio::test]
    async fn a_protocol_that_panics_over_a_head_recognises_nothing() {
        for over_head in [true, false] {
            let layer = layer().protocols(Protocols::none().with(Panicking { over_head }));
            let seen = exchange(layer, post(chat(ANNOYED)), json(chunks([completion("It left.").as_bytes()]))).await;
            assert_eq!((seen.text(), seen.outcome()), (completion("It left."), ""));
        }
    }

    /// Never remembers anything, in its own way.
    #[derive(Debug, Clone, Copy)]
    enum Forgetful {
        Silent,
        Gone,
        Panicking,
    }

    impl Store for Forgetful {
        fn recall(&self, _: ConversationKey) -> Recall {
            match self {
                Self::Silent => {
                    let (answer, recall) = Recall::new();
                    std::mem::forget(answer);
                    recall
                }
                Self::Gone => Recall::new().1,
                Self::Panicking => Recall::ready(Memory::default()),
            }
        }

        fn record(&self, _: ConversationKey, _: Past) {
            assert!(!matches!(self, Self::Panicking), "a bug");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_costs_the_memory_and_not_the_reply() {
        let spec: CustomSpec =
            toml::from_str("path = '/chat'\nuser = '/message'\nconversation = '/session'\nreply = '/reply'").unwrap();
        for store in [Forgetful::Silent, Forgetful::Gone, Forgetful::Panicking] {
            let layer = layer().store(store).protocols(Protocols::none().with(CustomProtocol::new(&spec).unwrap()));
            let mut request = post(format!(r#"{{"session":"s","message":"{ANNOYED}"}}"#));
            *request.uri_mut() = "/chat".parse().unwrap();
            let seen = exchange(layer, request, json(chunks([br#"{"reply":"It left."}"#.as_slice()]))).await;
            assert!(seen.outcome().starts_with("prepend"), "{store:?}: {}", seen.outcome());
        }
    }
}
