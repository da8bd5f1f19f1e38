//! The seam between the layer, which must not block, and whatever classifies.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::Sentiment;

/// Classifies turns without blocking the caller.
///
/// [`Classifier`](super::Classifier) is the implementation that ships; tests and services with a model of their own
/// bring another.
pub trait Classify: Send + Sync + 'static {
    /// Takes a turn and returns at once; the answer comes through [`Pending`].
    ///
    /// Dropping the [`Pending`] cancels work that has not begun.
    fn submit(&self, turn: &str) -> Pending;
}

/// Why a turn was not classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// Every place in the queue is taken.
    #[error("the classifier's queue is full")]
    QueueFull,
    /// The classifier was shut down, or lost its workers.
    #[error("the classifier has stopped")]
    Stopped,
    /// The engine refused the turn or gave numbers that are none.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// The answer to come for one turn. Cancel-safe.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Sentiment, ClassifyError>>);

/// Where the classifier puts its answer for one turn.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Result<Sentiment, ClassifyError>>);

impl Pending {
    /// An answer to come, and where to put it.
    #[must_use]
    pub fn new() -> (Answer, Self) {
        let (sender, receiver) = oneshot::channel();
        (Answer(sender), Self(receiver))
    }

    /// An answer that is there already.
    #[must_use]
    pub fn ready(result: Result<Sentiment, ClassifyError>) -> Self {
        let (answer, pending) = Self::new();
        answer.send(result);
        pending
    }
}

impl Answer {
    /// Hands over the answer; if nobody waits for it any more, it is dropped.
    pub fn send(self, result: Result<Sentiment, ClassifyError>) {
        let _ = self.0.send(result);
    }

    /// Whether nobody waits for this answer any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

impl Future for Pending {
    type Output = Result<Sentiment, ClassifyError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|received| received.unwrap_or(Err(ClassifyError::Stopped)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_who_waits_for_it() {
        let (answer, pending) = Pending::new();
        answer.send(Ok(Sentiment::default()));
        assert_eq!(pending.await, Ok(Sentiment::default()));
    }

    #[tokio::test]
    async fn a_lost_worker_is_an_error_and_not_a_hang() {
        let (answer, pending) = Pending::new();
        drop(answer);
        assert_eq!(pending.await, Err(ClassifyError::Stopped));
    }

    #[test]
    fn a_dropped_receiver_is_seen_by_the_worker() {
        let (answer, pending) = Pending::new();
        drop(pending);
        assert!(answer.is_abandoned());
    }
}
