//! Exchanges recorded from real servers (`tests/fixtures/*.har`), replayed through the layer and held, whole, to what
//! is checked in beside them (`tests/fixtures/expected/*.json`).
//!
//! After a change that is meant to change replies, `UPDATE_EXPECTED=1 cargo test --test recordings` writes the
//! expectations again; read the difference before you commit it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use bytes::Bytes;
use common::{Script, Seen, chunks, exchange};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use undertone::{
    empathy::Policy,
    layer::EmpathyLayer,
    protocol::{CustomProtocol, CustomSpec, Protocols},
    sentiment::{Classify, Emotion, Emotions, Pending, Sentiment},
};

/// What comes of one recorded exchange.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Expected {
    /// The `undertone` header; empty where there is none.
    undertone: String,
    /// What came of it in the end, where that is more than the header says: of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<String>,
    /// Other headers that are not as recorded: `- name` is gone, `~ name: value` has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    /// The body, unless it is as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Says of a turn what its author meant it to express.
#[derive(Debug, Clone)]
struct AsMeant(String);

impl Classify for AsMeant {
    fn submit(&self, _: &str) -> Pending {
        let (emotion, valence, affect) = match self.0.as_str() {
            "furious" => (Emotion::Anger, -0.9, 0.95),
            "frustrated" => (Emotion::Frustration, -0.6, 0.7),
            "mildly-annoyed" => (Emotion::Frustration, -0.3, 0.35),
            "worried" => (Emotion::Worry, -0.5, 0.6),
            "sad" => (Emotion::Sadness, -0.7, 0.7),
            "pleased" => (Emotion::Gratitude, 0.8, 0.7),
            "factual-problem" => (Emotion::None, -0.3, 0.1),
            "calm" | "none" => (Emotion::None, 0.0, 0.02),
            other => panic!("no such affect: {other}"),
        };
        Pending::ready(Ok(Sentiment { valence, affect, emotions: Emotions::certain(emotion), ..Sentiment::default() }))
    }
}

/// The empathy engine compiles its patterns once for all the exchanges.
fn layer(affect: &str) -> EmpathyLayer {
    static CUSTOM: LazyLock<CustomProtocol> = LazyLock::new(|| {
        let spec: CustomSpec = toml::from_str(
            "path = '/chat'\nuser = '/message'\nconversation = '/session'\nreply = '/reply'\ndelta = '/delta'",
        )
        .unwrap();
        CustomProtocol::new(&spec).unwrap()
    });
    static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);
    EmpathyLayer::new(AsMeant(affect.to_owned()))
        .policy(POLICY.clone())
        .protocols(Protocols::default().with(CUSTOM.clone()))
}

fn request(entry: &Value) -> Request<Full<Bytes>> {
    let recorded = &entry["request"];
    let mut request =
        Request::builder().method(recorded["method"].as_str().unwrap()).uri(recorded["url"].as_str().unwrap());
    for header in recorded["headers"].as_array().unwrap() {
        request = request.header(header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
    }
    let body = recorded["postData"]["text"].as_str().unwrap_or_default().to_owned();
    request.body(Full::new(Bytes::from(body))).unwrap()
}

fn response(entry: &Value, lengths: impl Iterator<Item = usize>) -> Response<Script> {
    let recorded = &entry["response"];
    let mut response = Response::builder().status(u16::try_from(recorded["status"].as_u64().unwrap()).unwrap());
    for header in recorded["headers"].as_array().unwrap() {
        response = response.header(header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
    }
    let mut rest = body(entry).as_bytes();
    let mut pieces = Vec::new();
    for length in lengths {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    response.body(chunks(pieces.into_iter().chain([rest]).filter(|piece| !piece.is_empty()))).unwrap()
}

fn body(entry: &Value) -> &str {
    let content = &entry["response"]["content"];
    assert!(content.get("encoding").is_none(), "the recordings are UTF-8 so far");
    content["text"].as_str().unwrap_or_default()
}

fn changed_headers(recorded: &HeaderMap, seen: &HeaderMap) -> Vec<String> {
    let mut changes = Vec::new();
    for name in recorded.keys() {
        let (before, after): (Vec<_>, Vec<_>) =
            (recorded.get_all(name).iter().collect(), seen.get_all(name).iter().collect());
        match after.first() {
            None => changes.push(format!("- {name}")),
            Some(value) if before != after => changes.push(format!("~ {name}: {}", value.to_str().unwrap())),
            Some(_) => {}
        }
    }
    let added: Vec<_> = seen.keys().filter(|name| !recorded.contains_key(*name) && *name != "undertone").collect();
    assert!(added.is_empty(), "{added:?}");
    changes
}

fn expected(entry: &Value, seen: &Seen) -> Expected {
    let text = seen.text();
    let recorded = response(entry, std::iter::empty());
    Expected {
        undertone: seen.outcome().to_owned(),
        settled: seen
            .settled
            .as_ref()
            .map(|outcome| outcome.header().to_str().unwrap().to_owned())
            .filter(|settled| settled != seen.outcome()),
        headers: changed_headers(recorded.headers(), &seen.headers),
        body: (text != body(entry)).then_some(text),
    }
}

async fn replay(har: &Path) {
    let archive: Value = serde_json::from_str(&fs::read_to_string(har).unwrap()).unwrap();
    let mut results = BTreeMap::new();
    for entry in archive["log"]["entries"].as_array().unwrap() {
        let name = format!("{}: {}", har.display(), entry["_name"]);
        let affect = entry["_affect"].as_str().unwrap();
        let recorded = entry["response"]["_chunks"].as_array().into_iter().flatten();
        let recorded: Vec<_> = recorded.map(|length| usize::try_from(length.as_u64().unwrap()).unwrap()).collect();
        let as_recorded = exchange(layer(affect), request(entry), response(entry, recorded.into_iter())).await;
        let by_bytes = exchange(layer(affect), request(entry), response(entry, std::iter::repeat(1))).await;
        let result = expected(entry, &as_recorded);
        assert_eq!(expected(entry, &by_bytes), result, "{name}: chunk borders changed the reply");
        results.insert(entry["_name"].as_str().unwrap().to_owned(), result);
    }
    let golden = har.parent().unwrap().join("expected").join(har.with_extension("json").file_name().unwrap());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, serde_json::to_string_pretty(&results).unwrap() + "\n").unwrap();
    }
    let golden: BTreeMap<String, Expected> = serde_json::from_str(&fs::read_to_string(&golden).unwrap()).unwrap();
    assert_eq!(results.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>(), "{}", har.display());
    for (name, result) in &results {
        assert_eq!(result, &golden[name], "{}: {name}", har.display());
    }
}

#[tokio::test]
async fn every_recorded_exchange_comes_out_as_expected() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut replayed = 0;
    for file in fs::read_dir(fixtures).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "har") {
            replay(&path).await;
            replayed += 1;
        }
    }
    assert!(replayed >= 8, "only {replayed} recordings were found");
}
