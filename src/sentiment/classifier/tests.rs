use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};

use super::*;
use crate::sentiment::{
    calibration::{self, Calibration},
    engine::{Batch, Heads, tests::heads},
    tokenizer::{self, Tokenizer},
};

/// An engine that answers with what its function says.
struct Fake<F>(F);

impl<F: FnMut(&Batch) -> Heads + Send> Engine for Fake<F> {
    fn run(&mut self, batch: &Batch) -> Result<Heads, EngineError> {
        Ok((self.0)(batch))
    }
}

fn classifier<F: FnMut(&Batch) -> Heads + Send + 'static>(fakes: Vec<F>, queue: usize) -> Classifier {
    let calibration = Calibration::parse(&calibration::tests::neutral().to_string()).unwrap();
    let tokenizer = Tokenizer::parse(tokenizer::tests::json().as_bytes(), calibration.max_tokens()).unwrap();
    let engines = fakes.into_iter().map(|fake| Box::new(Fake(fake)) as Box<dyn Engine>).collect();
    let info = EngineInfo { name: "fake", version: None, reason: "a test".to_owned() };
    Classifier::start(engines, info, Pipeline { tokenizer, calibration }, queue).unwrap()
}

/// Says of each row how full it is, which tells rows apart.
fn fullness(batch: &Batch) -> Heads {
    let [_, columns] = batch.shape();
    heads(batch.mask().chunks(columns).map(|row| row.iter().sum::<i64>() as f32 / 16.0).collect())
}

/// An engine that says when it has begun, and goes on when it is told to.
fn gated() -> (impl FnMut(&Batch) -> Heads + Send, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = crossbeam_channel::unbounded();
    let (go, may_go) = crossbeam_channel::unbounded();
    let engine = move |batch: &Batch| {
        begun.send(()).unwrap();
        may_go.recv().unwrap();
        fullness(batch)
    };
    (engine, has_begun, go)
}

#[tokio::test]
async fn a_full_queue_is_refused_at_once() {
    let (engine, has_begun, go) = gated();
    let classifier = classifier(vec![engine], 1);
    let running = classifier.submit("a");
    has_begun.recv().unwrap();
    let waiting = classifier.submit("a");
    assert_eq!(classifier.submit("a").await, Some(Err(ClassifyError::QueueFull)));
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(running.await.is_some_and(|answer| answer.is_ok()));
    assert!(waiting.await.is_some_and(|answer| answer.is_ok()));
}

#[tokio::test]
async fn abandoned_work_is_skipped() {
    let (engine, has_begun, go) = gated();
    let classifier = classifier(vec![engine], 8);
    let running = classifier.submit("a");
    has_begun.recv().unwrap();
    drop(classifier.submit("b"));
    let last = classifier.submit("c");
    go.send(()).unwrap();
    go.send(()).unwrap();
    running.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    assert_eq!(has_begun.try_iter().count(), 1, "only the last one ran after the first");
}

#[test]
fn a_panic_of_the_engine_is_an_error_and_the_worker_lives() {
    let mut calls = 0;
    let classifier = classifier(
        vec![move |batch: &Batch| {
            calls += 1;
            assert!(calls > 1, "the first batch of a bad day");
            fullness(batch)
        }],
        1,
    );
    assert_eq!(classifier.classify("a"), Err(ClassifyError::Engine("it panicked".to_owned())));
    assert!(classifier.classify("a").is_ok());
}

#[test]
fn a_number_that_is_none_is_an_error() {
    let classifier = classifier(vec![|batch: &Batch| heads(vec![f32::NAN; batch.shape()[0]])], 1);
    assert_eq!(classifier.classify("a"), Err(ClassifyError::Engine("`affect` is NaN".to_owned())));
}

#[test]
fn a_batch_answers_in_the_order_of_the_turns() {
    let classifier = classifier(vec![fullness, fullness, fullness], 2);
    for count in [0, 1, 2, 63, 64, 65, 1000] {
        let turns: Vec<_> = (0..count).map(|n| "a ".repeat(n * 7 % 12)).collect();
        let sentiments = classifier.classify_batch(&turns).unwrap();
        assert_eq!(sentiments.len(), count);
        for (turn, sentiment) in turns.iter().zip(sentiments) {
            let expected = if turn.is_empty() { 0.0 } else { (turn.len() / 2 + 2) as f32 / 16.0 };
            assert!((sentiment.affect - expected).abs() < 1e-6, "{turn:?} of {count}: {}", sentiment.affect);
        }
    }
}

#[test]
fn a_turn_without_words_expresses_nothing_and_the_engine_is_not_asked() {
    let classifier = classifier(vec![|_: &Batch| -> Heads { panic!("asked") }], 1);
    for turn in ["", " \n\t", "\u{200b}"] {
        let nothing = Sentiment { danger: Some(0.0), ..Sentiment::default() };
        assert_eq!(classifier.classify(turn), Ok(nothing), "{turn:?}");
    }
}

#[tokio::test]
async fn classify_may_be_called_from_async_code() {
    let classifier = classifier(vec![fullness], 1);
    assert!(classifier.classify("a b").is_ok());
}

#[test]
fn workers_end_with_the_last_clone() {
    struct Tells(Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (sender, gone) = crossbeam_channel::unbounded();
    let fakes = (0..2).map(|_| {
        let tells = Tells(sender.clone());
        move |batch: &Batch| {
            let _held = &tells;
            fullness(batch)
        }
    });
    let first = classifier(fakes.collect(), 1);
    let second = first.clone();
    drop(first);
    assert!(second.classify("a").is_ok());
    assert!(gone.is_empty());
    drop(second);
    for _ in 0..2 {
        gone.recv_timeout(Duration::from_secs(10)).expect("a worker went on");
    }
}

#[test]
fn a_batch_keeps_every_worker_busy() {
    static MET: AtomicUsize = AtomicUsize::new(0);
    // Each of the two waits until the other has begun: one alone would wait for ever.
    let (here, there) = crossbeam_channel::bounded::<()>(0);
    let meet = move |batch: &Batch| {
        if MET.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            there.recv_timeout(Duration::from_secs(10)).expect("nobody came");
        } else {
            here.send_timeout((), Duration::from_secs(10)).expect("nobody came");
        }
        fullness(batch)
    };
    let classifier = classifier(vec![meet.clone(), meet], 4);
    assert_eq!(classifier.classify_batch(&["a"; 2]).unwrap().len(), 2);
}

#[test]
fn debug_tells_of_the_engine_and_a_classifier_may_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let classifier = classifier(vec![fullness], 1);
    shared(&classifier);
    assert!(format!("{classifier:?}").contains(r#"name: "fake""#));
}
