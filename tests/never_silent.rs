//! The sixth invariant: every exchange says what was done to it, once in each place, and nothing of the user's.
//!
//! Alone in its process, because what listens to events is known process-wide.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use http::Response;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

const SECRET: &str = "annoying card 4111-1111";

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs one exchange; gives the header, the log and the counters.
fn observe(turn: &str, response: Response<Script>) -> (String, String, Vec<(String, u64)>) {
    let (log, recorder) = (Log::default(), DebuggingRecorder::new());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = metrics::with_local_recorder(&recorder, || {
        tracing::subscriber::with_default(subscriber, || {
            runtime.block_on(exchange(layer(), post(chat(turn)), response))
        })
    });
    let counters = recorder.snapshotter().snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
        let DebugValue::Counter(count) = value else { return None };
        let labels: Vec<_> = key.key().labels().map(|label| label.value()).collect();
        Some((format!("{} {}", key.key().name(), labels.join(" ")).trim_end().to_owned(), count))
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (seen.outcome().to_owned(), log, counters.collect())
}

#[test]
fn every_exchange_says_what_was_done_once_in_each_place_and_nothing_of_the_users() {
    let whole = || json(chunks([completion("It left.").as_bytes()]));
    let streamed = |pieces: &[&str]| sse(chunks([stream(pieces).as_bytes()]));
    let calm = "Where is card 4111-1111?";
    for (turn, response, header, counter) in [
        (SECRET, whole(), "prepend,", "openai-chat prepend"),
        (SECRET, streamed(&["It left."]), "prepend;planned,", "openai-chat prepend"),
        (SECRET, streamed(&["I'm so sorry."]), "prepend;planned,", "openai-chat none silence acknowledged"),
        (SECRET, streamed(&[]), "prepend;planned,", "openai-chat none hands-off empty"),
        (calm, whole(), "none, reason=below-floor,", "openai-chat none silence below-floor"),
    ] {
        let (outcome, log, counters) = observe(turn, response);
        assert!(outcome.starts_with(header), "{outcome}");
        assert_eq!(counters, [(format!("undertone_exchanges_total {counter}"), 1)]);
        assert_eq!(log.matches(" exchange ").count(), 1, "{log}");
        let reason = counter.rsplit(' ').next().unwrap();
        assert!(log.contains(reason), "{log}");
        assert!(!log.contains("4111") && !outcome.contains("4111"), "{log}");
    }
}
