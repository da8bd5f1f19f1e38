//! Replies on their way out: counted while they go, and sent as far as they came when they break off.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// How long an error waits behind the bytes before it. A server that is told of a broken body drops what it has not
/// sent yet, in HTTP/2 even the head; the client should see as much as the bot has said.
const FLUSH: Duration = Duration::from_millis(20);

/// How many exchanges a connection has at the moment, and how many it has had.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    ever: AtomicUsize,
}

/// One exchange of a connection; over when this is dropped.
#[derive(Debug)]
pub(super) struct Flight(Arc<Counts>);

impl InFlight {
    pub(super) fn begin(&self) -> Flight {
        self.0.now.fetch_add(1, SeqCst);
        self.0.ever.fetch_add(1, SeqCst);
        Flight(Arc::clone(&self.0))
    }

    /// Whether there are none.
    pub(super) fn is_idle(&self) -> bool {
        self.0.now.load(SeqCst) == 0
    }

    /// Waits until nothing has happened for this long, twice that at most.
    pub(super) async fn idle_for(&self, time: Duration) {
        loop {
            let before = self.0.ever.load(SeqCst);
            sleep(time).await;
            if self.is_idle() && self.0.ever.load(SeqCst) == before {
                return;
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, SeqCst);
    }
}

pin_project! {
    /// A reply's body on its way to the client.
    pub(super) struct Outgoing<B: Body> {
        #[pin]
        inner: B,
        // What has been handed over may not have been sent yet.
        is_fresh: bool,
        broken: Option<(B::Error, Pin<Box<Sleep>>)>,
        _flight: Flight,
    }
}

impl<B: Body> Outgoing<B> {
    pub(super) const fn new(inner: B, flight: Flight) -> Self {
        // The head is handed over together with the body.
        Self { inner, is_fresh: true, broken: None, _flight: flight }
    }
}

impl<B: Body> Body for Outgoing<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some((_, flush)) = this.broken {
            ready!(flush.as_mut().poll(cx));
            return Poll::Ready(this.broken.take().map(|(error, _)| Err(error)));
        }
        match this.inner.poll_frame(cx) {
            Poll::Pending => {
                *this.is_fresh = false;
                Poll::Pending
            }
            Poll::Ready(Some(Err(error))) if *this.is_fresh => {
                let mut flush = Box::pin(sleep(FLUSH));
                // Registers for the end of the wait, which has only just begun.
                let over = flush.as_mut().poll(cx);
                *this.broken = Some((error, flush));
                ready!(over);
                Poll::Ready(this.broken.take().map(|(error, _)| Err(error)))
            }
            Poll::Ready(frame) => {
                *this.is_fresh = true;
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    /// Gives these, one after another; nothing stands for not being ready once.
    struct Steps(VecDeque<Option<Result<&'static str, &'static str>>>);

    impl Body for Steps {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(None) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(Some(step)) => Poll::Ready(Some(step.map(|data| Frame::data(Bytes::from(data))))),
            }
        }
    }

    /// How long the error behind these steps took.
    async fn error_after(steps: impl IntoIterator<Item = Option<Result<&'static str, &'static str>>>) -> Duration {
        let in_flight = InFlight::default();
        let steps = Steps(steps.into_iter().chain([Some(Err("reset"))]).collect());
        let mut body = std::pin::pin!(Outgoing::new(steps, in_flight.begin()));
        let start = Instant::now();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return start.elapsed();
            }
        }
        panic!("the error was lost");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_waits_behind_what_may_not_have_been_sent_and_no_longer() {
        assert!(error_after([Some(Ok("half"))]).await >= FLUSH, "behind data");
        assert!(error_after([]).await >= FLUSH, "behind the head");
        assert_eq!(error_after([Some(Ok("half")), None]).await, Duration::ZERO, "the server has had its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_has_happened_for_long_enough() {
        let in_flight = InFlight::default();
        let flight = in_flight.begin();
        let idle = in_flight.idle_for(Duration::from_secs(75));
        assert!(tokio::time::timeout(Duration::from_secs(1_000), idle).await.is_err(), "an exchange is open");
        drop(flight);
        let start = Instant::now();
        in_flight.idle_for(Duration::from_secs(75)).await;
        assert!(start.elapsed() <= Duration::from_secs(151), "{:?}", start.elapsed());
    }
}
