//! Answers that are on their way: how the layer asks what may take time without ever blocking.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

/// The answer to come. Cancel-safe; it comes to nothing if whoever should give it is gone.
///
/// It may be polled again after it was ready, and then stays pending.
#[derive(Debug)]
pub struct Pending<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Ready(Option<T>),
    Waiting(oneshot::Receiver<T>),
}

/// Where to put the answer that somebody waits for.
#[derive(Debug)]
pub struct Answer<T>(oneshot::Sender<T>);

impl<T> Pending<T> {
    /// An answer to come, and where to put it.
    #[must_use]
    pub fn new() -> (Answer<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (Answer(sender), Self(State::Waiting(receiver)))
    }

    /// An answer that is there already.
    #[must_use]
    pub const fn ready(answer: T) -> Self {
        Self(State::Ready(Some(answer)))
    }
}

impl<T> Answer<T> {
    /// Hands over the answer; if nobody waits for it any more, it is dropped.
    pub fn send(self, answer: T) {
        let _ = self.0.send(answer);
    }

    /// Whether nobody waits for this answer any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.0 {
            State::Ready(Some(_)) => None,
            State::Ready(None) => return Poll::Pending,
            State::Waiting(receiver) => Some(std::task::ready!(Pin::new(receiver).poll(cx)).ok()),
        };
        match (answer, std::mem::replace(&mut self.0, State::Ready(None))) {
            (Some(answer), _) | (None, State::Ready(answer)) => Poll::Ready(answer),
            (None, State::Waiting(_)) => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_who_waits_for_it() {
        let (answer, pending) = Pending::new();
        answer.send(1);
        assert_eq!(pending.await, Some(1));
        assert_eq!(Pending::ready(2).await, Some(2));
    }

    #[tokio::test]
    async fn a_lost_worker_is_no_answer_and_not_a_hang() {
        let (answer, pending) = Pending::<u8>::new();
        drop(answer);
        assert_eq!(pending.await, None);
    }

    #[test]
    fn a_dropped_receiver_is_seen_by_the_worker() {
        let (answer, pending) = Pending::<u8>::new();
        drop(pending);
        assert!(answer.is_abandoned());
    }
}
