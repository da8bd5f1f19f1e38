//! Whatever a bot answers: what passes untouched is untouched, what is edited comes out the same however it is cut, and words
//! behind a reply take nothing of it away.
#![no_main]

use std::{
    convert::Infallible,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    conversation::LocalStore,
    empathy::Adjustment,
    layer::EmpathyLayer,
    outcome::{Settled, Verdict},
    rules::Rules,
    sentiment::{Classify, Emotion, Emotions, Pending, Sentiment},
};
use undertone_fuzz::{EXCHANGES, Exchange, PROTOCOLS};

struct Furious;

impl Classify for Furious {
    fn submit(&self, turn: &str) -> Pending {
        let (affect, emotion) = if turn.contains("furious") { (0.95, Emotion::Anger) } else { (0.02, Emotion::None) };
        let emotions = Emotions::certain(emotion);
        Pending::ready(Ok(Sentiment { affect, valence: -affect, emotions, ..Sentiment::default() }))
    }
}

struct Chunks(std::vec::IntoIter<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(Frame::data(chunk))))
    }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().start_paused(true).build().unwrap());
static LAYER: LazyLock<EmpathyLayer> = LazyLock::new(|| EmpathyLayer::new(Furious).protocols(PROTOCOLS.clone()));

/// The same, with a rule that has words for the end of every reply.
static ASKING: LazyLock<EmpathyLayer> = LazyLock::new(|| {
    let rule = "[[rule]]\nname = 'more'\nlayer = 'procedural'\nwhen = 'reply.words > 0'\nplace = 'end'\nsay = 'Anything else?'\n";
    LAYER.clone().rules(Rules::from_toml(rule).unwrap())
});

/// What comes out, and what was done; nothing if the body broke off, as a compressed one can.
fn run(layer: &EmpathyLayer, exchange: &Exchange, body: &[u8], length: usize) -> Option<(Vec<u8>, Option<Adjustment>)> {
    let chunks: Vec<_> = body.chunks(length.max(1)).map(Bytes::copy_from_slice).collect();
    let head = exchange.head.clone();
    let bot = service_fn(move |_: Request<_>| {
        let response = Response::from_parts(head.clone(), Chunks(chunks.clone().into_iter()));
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let service = layer.clone().store(LocalStore::default()).layer(bot);
    RUNTIME.block_on(async {
        let response = service.oneshot(exchange.request.clone().map(Full::new)).await.unwrap();
        let settled = response.extensions().get::<Settled>().cloned();
        let body = response.into_body().collect().await.ok()?.to_bytes().to_vec();
        let verdict = settled.and_then(|settled| settled.get()).map(|outcome| outcome.verdict);
        let adjustment = match verdict {
            Some(Verdict::Adjusted(adjustment)) => Some(adjustment),
            _ => None,
        };
        Some((body, adjustment))
    })
}

fuzz_target!(|input: &[u8]| {
    let [low, high, length, body @ ..] = input else { return };
    let exchange = &EXCHANGES[usize::from(u16::from_le_bytes([*low, *high])) % EXCHANGES.len()];
    let is_coded = exchange.head.headers.contains_key("content-encoding");
    let whole = run(&LAYER, exchange, body, usize::MAX);
    let cut = run(&LAYER, exchange, body, usize::from(*length));
    let asking = [usize::MAX, usize::from(*length)].map(|length| run(&ASKING, exchange, body, length));
    for (seen, _) in asking.iter().flatten().filter(|(_, adjustment)| *adjustment == Some(Adjustment::Append)) {
        let mut left = seen.iter();
        assert!(is_coded || body.iter().all(|byte| left.any(|seen| seen == byte)), "words behind a reply took of it");
    }
    for (seen, adjustment) in [&whole, &cut].into_iter().chain(&asking).flatten() {
        assert!(adjustment.is_some() || is_coded || seen == body, "an untouched reply was touched");
        // What was valid stays so: nothing is cut in half.
        // A message of its own may come behind one that is a line of a stream.
        let is_json = |bytes: &[u8]| {
            serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>().all(|value| value.is_ok())
        };
        assert!(is_coded || !is_json(body) || is_json(seen), "an edit broke the JSON");
        let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        assert!(is_coded || !is_text(body) || is_text(seen), "an edit broke a character");
    }
    // What there is of a plain text when it is decided upon depends on how it comes.
    let is_text =
        exchange.head.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    if let (Some(whole), Some(cut)) = (whole, cut)
        && !is_text
    {
        assert!(whole == cut, "chunk borders changed the reply");
    }
});
