//! The invariants of the design, each with tests that fail without it. The sixth, "never silent", is in a file of its
//! own: its test listens to the whole process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use common::*;
use http::{HeaderMap, Request, Response, request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    layer::{EmpathyLayer, RequestBody},
    protocol::{Chat, Claim, Frame, HandsOff, Piece, Protocol, Protocols, Recognition, ReplyReader, Turn},
    sentiment::{Classify, ClassifyError, Pending},
};

const ANNOYED: &str = "this is annoying";

fn trailers(name: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(name.parse().unwrap(), "yes".parse().unwrap())])
}

mod transparent {
    use super::*;

    #[tokio::test]
    async fn what_is_no_exchange_passes_at_once_and_untouched() {
        // A request body that never ends: anything that collected it would wait forever.
        let request = Request::post("/upload").body(script([Step::Data("part".into()), Step::Stall])).unwrap();
        let bot = service_fn(|request: Request<RequestBody<Script>>| async move {
            let mut body = std::pin::pin!(request.into_body());
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "part");
            let steps =
                [Step::Data("a".into()), Step::Yield, Step::Data("b".into()), Step::Trailers(trailers("x-sum"))];
            Ok::<_, Infallible>(
                Response::builder().header("etag", "\"1\"").header("content-length", "2").body(script(steps)).unwrap(),
            )
        });
        let seen = read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert_eq!(seen.frames, ["a", "b"], "frame by frame");
        assert_eq!(seen.trailers, Some(trailers("x-sum")));
        let names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["etag", "content-length"]);
    }

    #[tokio::test]
    async fn a_request_that_only_looks_like_an_exchange_passes_untouched() {
        for body in ["", "{", "hello", r#"{"prompt":"x"}"#] {
            let seen = exchange(layer(), post(body), json(chunks([b"{}".as_slice()]))).await;
            assert_eq!((seen.text().as_str(), seen.outcome()), ("{}", ""), "{body}");
        }
    }

    #[tokio::test]
    async fn the_bot_gets_the_request_byte_for_byte() {
        let steps = [
            Step::Data(chat(ANNOYED)[..9].to_owned().into()),
            Step::Yield,
            Step::Data(chat(ANNOYED)[9..].to_owned().into()),
            Step::Trailers(trailers("x-sum")),
        ];
        let request = Request::post("/v1/chat/completions").body(script(steps)).unwrap();
        let bot = service_fn(|request: Request<RequestBody<Script>>| async move {
            let body = request.into_body().collect().await.unwrap();
            assert_eq!(body.trailers(), Some(&trailers("x-sum")));
            assert_eq!(body.to_bytes(), chat(ANNOYED));
            Ok::<_, Infallible>(json(chunks([completion("It left.").as_bytes()])))
        });
        let seen = read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert!(seen.outcome().starts_with("prepend"));
    }
}

mod fail_open {
    use super::*;

    /// Fails in its own way.
    #[derive(Debug, Clone)]
    struct Failing(Option<ClassifyError>);

    impl Classify for Failing {
        fn submit(&self, _: &str) -> Pending {
            match &self.0 {
                Some(error) => Pending::ready(Err(error.clone())),
                None => Pending::new().1, // the worker is gone
            }
        }
    }

    /// Panics over every body.
    #[derive(Debug)]
    struct Panicking;

    impl Protocol for Panicking {
        fn name(&self) -> &str {
            "panicking"
        }

        fn claims(&self, _: &request::Parts) -> Claim {
            Claim::Yes
        }

        fn read(&self, _: &request::Parts, _: &[u8]) -> Recognition {
            panic!("a bug")
        }
    }

    async fn passes(layer: EmpathyLayer, request: Request<Full<Bytes>>, reason: &str) {
        let reply = completion("It left on Tuesday.");
        let seen = exchange(layer, request, json(chunks(reply.as_bytes().chunks(50)))).await;
        assert_eq!((seen.status, seen.text()), (200, reply), "{reason}");
        assert!(seen.outcome().starts_with(&format!("none, reason={reason}")), "{}", seen.outcome());
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_goes_wrong_on_our_side_ends_in_the_bots_own_bytes() {
        let failing = |error| EmpathyLayer::new(Failing(error));
        passes(failing(Some(ClassifyError::QueueFull)), post(chat(ANNOYED)), "queue-full").await;
        passes(failing(Some(ClassifyError::Engine("NaN".into()))), post(chat(ANNOYED)), "classifier").await;
        passes(failing(None), post(chat(ANNOYED)), "classifier").await;
        passes(layer().protocols(Protocols::none().with(Panicking)), post(chat(ANNOYED)), "panic").await;
        passes(EmpathyLayer::new(Slow(Duration::from_secs(9))), post(chat(ANNOYED)), "budget").await;
        passes(layer().limits(limits(|l| l.max_reply_bytes = 20)), post(chat(ANNOYED)), "reply-too-long").await;
        passes(layer().limits(limits(|l| l.max_request_bytes = 20)), post(chat(ANNOYED)), "request-too-long").await;
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_passed_on_as_far_as_it_came_with_its_error() {
        let broken = || script([Step::Data("{\"choi".into()), Step::Yield, Step::Error("reset")]);
        let seen = exchange(layer(), post(chat(ANNOYED)), json(broken())).await;
        assert_eq!((seen.text().as_str(), seen.error), ("{\"choi", Some("reset")));
        assert!(seen.outcome().contains("reply-broken"));

        let seen = exchange(
            layer(),
            post(chat(ANNOYED)),
            sse(script([Step::Data("data: half".into()), Step::Error("reset")])),
        )
        .await;
        assert_eq!((seen.text().as_str(), seen.error), ("data: half", Some("reset")));

        let request = Request::post("/v1/chat/completions").body(broken()).unwrap();
        let bot = service_fn(|request: Request<_>| async move {
            let seen = read(Response::new(request.into_body())).await;
            assert_eq!((seen.text().as_str(), seen.error), ("{\"choi", Some("reset")));
            Ok::<_, Infallible>(json(chunks([b"{}".as_slice()])))
        });
        let seen = read(layer().layer(bot).oneshot(request).await.unwrap()).await;
        assert!(seen.outcome().contains("request-broken"));
    }

    /// Reads every turn; panics over every reply.
    #[derive(Debug, Clone, Copy)]
    struct PanickingReply;

    impl Protocol for PanickingReply {
        fn name(&self) -> &str {
            "panicking-reply"
        }

        fn claims(&self, _: &request::Parts) -> Claim {
            Claim::Yes
        }

        fn read(&self, _: &request::Parts, _: &[u8]) -> Recognition {
            let turn = Turn { text: ANNOYED.to_owned(), ..Turn::default() };
            Recognition::Chat(Chat { turn, reply: Box::new(*self) })
        }
    }

    impl ReplyReader for PanickingReply {
        fn read(&mut self, _: &Frame, _: &mut Vec<Piece>) -> Result<(), HandsOff> {
            panic!("a bug")
        }
    }

    /// Panics over every turn.
    #[derive(Debug)]
    struct PanickingClassifier;

    impl Classify for PanickingClassifier {
        fn submit(&self, _: &str) -> Pending {
            panic!("a bug")
        }
    }

    #[tokio::test]
    async fn a_panic_anywhere_in_a_decision_leaves_the_reply_as_it_is() {
        passes(layer().protocols(Protocols::none().with(PanickingReply)), post(chat(ANNOYED)), "panic").await;
        passes(EmpathyLayer::new(PanickingClassifier), post(chat(ANNOYED)), "panic").await;
        let reply = stream(&["It", " left."]);
        let layer = layer().protocols(Protocols::none().with(PanickingReply));
        let seen = exchange(layer, post(chat(ANNOYED)), sse(chunks(reply.as_bytes().chunks(9)))).await;
        assert_eq!(seen.text(), reply);
    }

    #[tokio::test]
    async fn the_bots_own_failure_stays_the_bots() {
        let bot = service_fn(|_: Request<_>| ready(Err::<Response<Script>, _>("down")));
        assert_eq!(layer().layer(bot).oneshot(post(chat(ANNOYED))).await.unwrap_err(), "down");
    }
}

mod lossless {
    use super::*;

    #[tokio::test]
    async fn only_bytes_inside_the_reply_text_change() {
        let reply = "{ \"seed\": 4944116822809979520, \"x\":1.50, \"x\": 2,\n \"choices\" : [ {\"message\":{\"content\" :\"\\u0049t left \\ud83d\\ude00 \\/.\" , \"z\": [ ] } } ]\t}\r\n ".to_owned();
        let seen = exchange(layer(), post(chat(ANNOYED)), json(chunks(reply.as_bytes().chunks(11)))).await;
        let edited = seen.text();
        let (at, _) = reply.match_indices("\\u0049t").next().unwrap();
        assert!(edited.len() > reply.len());
        assert_eq!((&edited[..at], &edited[at + edited.len() - reply.len()..]), (&reply[..at], &reply[at..]));
    }

    #[tokio::test]
    async fn headers_that_describe_the_bytes_are_corrected_or_dropped_and_nothing_else() {
        let reply = completion("It left.");
        let with_headers = |turn: &'static str| {
            let mut response = json(script([
                Step::Data(reply.clone().into()),
                Step::Trailers({
                    let mut trailers = trailers("x-sum");
                    trailers.insert("repr-digest", "sha-256=:x:".parse().unwrap());
                    trailers
                }),
            ]));
            for name in [
                "etag",
                "content-digest",
                "repr-digest",
                "digest",
                "content-md5",
                "accept-ranges",
                "signature",
                "signature-input",
                "cache-control",
                "x-request-id",
                "vary",
            ] {
                response.headers_mut().insert(name, "\"v\"".parse().unwrap());
            }
            response.headers_mut().append("set-cookie", "a=1".parse().unwrap());
            response.headers_mut().append("set-cookie", "b=2".parse().unwrap());
            response.headers_mut().insert("content-length", reply.len().into());
            exchange(layer(), post(chat(turn)), response)
        };
        let seen = with_headers(ANNOYED).await;
        let mut names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["cache-control", "content-length", "content-type", "set-cookie", "undertone", "vary", "x-request-id"]
        );
        assert_eq!(seen.headers["content-length"], seen.body().len().to_string());
        assert_eq!(seen.headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(seen.trailers, Some(trailers("x-sum")));

        let untouched = with_headers("Where is it?").await;
        assert_eq!(untouched.headers.len(), 11 + 2 + 1 + 1 + 1);
        assert!(untouched.trailers.unwrap().contains_key("repr-digest"));
    }
}

mod no_added_wait {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_bot_works_while_the_turn_is_classified() {
        let layer = EmpathyLayer::new(Slow(Duration::from_millis(80)));
        let bot = service_fn(|_: Request<_>| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, Infallible>(json(chunks([completion("It left.").as_bytes()])))
        });
        let start = Instant::now();
        let response = layer.layer(bot).oneshot(post(chat(ANNOYED))).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert!(response.headers()["undertone"].to_str().unwrap().starts_with("prepend"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_classifier_costs_the_budget_and_no_more() {
        let layer = EmpathyLayer::new(Slow(Duration::from_secs(5)));
        let start = Instant::now();
        let seen =
            within(exchange(layer, post(chat(ANNOYED)), json(chunks([completion("It left.").as_bytes()])))).await;
        assert_eq!(seen.outcome(), "none, reason=budget");
        assert!(
            (Duration::from_millis(30)..Duration::from_millis(33)).contains(&start.elapsed()),
            "{:?}",
            start.elapsed()
        );
    }

    #[tokio::test]
    async fn a_reply_that_gets_nothing_is_not_collected() {
        let bot = service_fn(move |_: Request<_>| {
            ready(Ok::<_, Infallible>(json(script([Step::Data("{".into()), Step::Stall]))))
        });
        let response = layer().layer(bot).oneshot(post(chat("Where is it?"))).await.unwrap();
        let mut body = std::pin::pin!(response.into_body());
        assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "{");
    }

    #[tokio::test]
    async fn after_the_insertion_the_same_bytes_pass() {
        let (first, later) = (Bytes::from(stream(&["Tracking", " says"])), Bytes::from_static(b"data: anything"));
        let bytes = later.clone();
        let seen =
            exchange(layer(), post(chat(ANNOYED)), sse(script([Step::Data(first), Step::Yield, Step::Data(bytes)])))
                .await;
        assert_eq!(seen.frames.last().unwrap().as_ptr(), later.as_ptr());
    }

    #[tokio::test(start_paused = true)]
    async fn a_beginning_that_stays_undecided_is_held_for_a_bounded_time() {
        let reply = stream(&["I"]).replace("data: [DONE]\n\n", "");
        let bot = service_fn(move |_: Request<_>| {
            ready(Ok::<_, Infallible>(sse(script([Step::Data(reply.clone().into()), Step::Stall]))))
        });
        let response = within(layer().layer(bot).oneshot(post(chat(ANNOYED)))).await.unwrap();
        let start = Instant::now();
        let mut body = std::pin::pin!(response.into_body());
        let mut passed = Vec::new();
        let reply = stream(&["I"]).replace("data: [DONE]\n\n", "");
        while passed.len() < reply.len() {
            passed.extend(within(body.frame()).await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(String::from_utf8(passed).unwrap(), reply);
        assert!(start.elapsed() <= Duration::from_millis(502), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_does_not_end_is_held_for_a_bounded_time() {
        let bot = service_fn(|_: Request<_>| {
            ready(Ok::<_, Infallible>(sse(script([Step::Data("raw words, no events".into()), Step::Stall]))))
        });
        let response = within(layer().layer(bot).oneshot(post(chat(ANNOYED)))).await.unwrap();
        let start = Instant::now();
        let mut body = std::pin::pin!(response.into_body());
        assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "raw words, no events");
        assert!(start.elapsed() <= Duration::from_millis(502), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_bot_that_ends_each_event_with_the_next_one_has_all_the_time_it_wants() {
        let reply = stream(&["", "", "", "Tracking", " says"]);
        let mut steps = Vec::new();
        for event in reply.split_inclusive("\n\n") {
            let (event, end) = event.split_at(event.len() - 1);
            steps.extend([Step::Data(event.to_owned().into()), Step::Wait(Duration::from_millis(300))]);
            steps.push(Step::Data(end.to_owned().into()));
        }
        let seen = within(exchange(layer(), post(chat(ANNOYED)), sse(script(steps)))).await;
        assert!(seen.text().len() > reply.len(), "the edit was given up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_whose_rest_takes_too_long_goes_on_as_it_is() {
        let bot =
            service_fn(|_: Request<_>| ready(Ok::<_, Infallible>(json(script([Step::Data("{".into()), Step::Stall])))));
        let start = Instant::now();
        let response = within(layer().layer(bot).oneshot(post(chat(ANNOYED)))).await.unwrap();
        assert!(start.elapsed() <= Duration::from_millis(10_002), "{:?}", start.elapsed());
        assert!(response.headers()["undertone"].to_str().unwrap().contains("reply-too-slow"));
        let mut body = std::pin::pin!(response.into_body());
        assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "{");
    }
}

mod proportional {
    use super::*;

    proptest! {
        #[test]
        fn the_weight_never_falls_as_affect_rises_and_below_the_floor_nothing_is_said(low in 0.0_f32..1.0, more in 0.0_f32..1.0) {
            use undertone::{
                conversation::Memory,
                empathy::{Facts, Plan, Policy, Weight},
                protocol::Turn,
                sentiment::{Emotion, Emotions, Sentiment},
            };
            thread_local! { static POLICY: Policy = Policy::default(); }
            let sentiment = |affect| Sentiment { affect, valence: -0.5, emotions: Emotions::certain(Emotion::Worry), ..Sentiment::default() };
            let turn = Turn { text: "x".to_owned(), ..Turn::default() };
            prop_assert!(Weight::of(&sentiment(low)) <= Weight::of(&sentiment(low + more)));
            let memory = Memory::default();
            let plan = POLICY.with(|policy| policy.plan(&Facts::new(&turn, &sentiment(low), &memory)));
            let Plan::Review(intent) = plan else { panic!("{plan:?}") };
            prop_assert_eq!(intent.silence().is_none(), low >= 0.3);
            let said = intent.before(None).map_or("", |saying| &saying.sentence);
            prop_assert!(low >= 0.40 || !said.contains("worr"), "{}", said);
        }
    }
}

mod bounded {
    use super::*;

    #[tokio::test]
    async fn a_request_over_the_limit_goes_on_as_prefix_and_rest_before_it_has_ended() {
        let layer = layer().limits(limits(|limits| limits.max_request_bytes = 10));
        let steps = [Step::Data("123456".into()), Step::Data("789012".into()), Step::Yield, Step::Data("345".into())];
        let request = Request::post("/v1/chat/completions").body(script(steps)).unwrap();
        let bot = service_fn(|request: Request<_>| async move {
            let seen = read(Response::new(request.into_body())).await;
            assert_eq!(seen.frames, ["123456789012", "345"], "what was read, in one piece, and the rest as it comes");
            Ok::<_, Infallible>(json(chunks([b"{}".as_slice()])))
        });
        let seen = read(layer.layer(bot).oneshot(request).await.unwrap()).await;
        assert_eq!(seen.outcome(), "none, reason=request-too-long");
    }

    #[tokio::test]
    async fn a_request_that_announces_more_than_the_limit_is_not_read_at_all() {
        struct Announced(Arc<AtomicBool>);

        impl Body for Announced {
            type Data = Bytes;
            type Error = &'static str;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
                self.0.store(true, Ordering::Relaxed);
                std::task::Poll::Ready(None)
            }

            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(50 << 20)
            }
        }

        let was_read = Arc::new(AtomicBool::new(false));
        let seen_by_bot = Arc::clone(&was_read);
        let bot = service_fn(move |request: Request<_>| {
            assert!(!seen_by_bot.load(Ordering::Relaxed));
            assert_eq!(Body::size_hint(request.body()).exact(), Some(50 << 20));
            ready(Ok::<_, Infallible>(json(chunks([b"{}".as_slice()]))))
        });
        let request = Request::post("/v1/chat/completions").body(Announced(was_read)).unwrap();
        layer().layer(bot).oneshot(request).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_goes_on_without_us() {
        let start = Instant::now();
        let request =
            Request::post("/v1/chat/completions").body(script([Step::Data("{".into()), Step::Stall])).unwrap();
        let bot = service_fn(|_: Request<_>| ready(Ok::<_, Infallible>(json(chunks([b"{}".as_slice()])))));
        let seen = read(within(layer().layer(bot).oneshot(request)).await.unwrap()).await;
        assert_eq!(seen.outcome(), "none, reason=request-too-slow");
        assert!(start.elapsed() < Duration::from_millis(10_010));
    }

    #[tokio::test]
    async fn a_stream_holds_no_more_than_its_limit() {
        let layer = layer().limits(limits(|limits| limits.max_held_bytes = 300));
        let reply = stream(&["I"]) + &": ping\n\n".repeat(40);
        let seen = exchange(layer, post(chat(ANNOYED)), sse(chunks(reply.as_bytes().chunks(60)))).await;
        assert_eq!(seen.text(), reply);
    }

    #[tokio::test]
    async fn a_client_that_goes_away_takes_the_call_with_it() {
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let was_dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&was_dropped);
        let bot = service_fn(move |_: Request<_>| {
            let guard = Guard(Arc::clone(&flag));
            async move {
                let _guard = guard;
                pending::<Result<Response<Script>, Infallible>>().await
            }
        });
        let mut call = Box::pin(layer().layer(bot).oneshot(post(chat(ANNOYED))));
        assert!(futures_poll(&mut call).await.is_none());
        drop(call);
        assert!(was_dropped.load(Ordering::Relaxed));
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
