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
