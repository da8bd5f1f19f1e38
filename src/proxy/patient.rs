//! The client's end of a connection, with patience for clients that have closed theirs.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::outgoing::InFlight;

pin_project! {
    /// A connection whose end of input is not reported at once while there are exchanges in flight.
    ///
    /// TCP does not tell a client that is gone from one that has only said everything and waits for its answer (a
    /// half-close). hyper takes both for gone. Here the second gets its answer if it comes within some time, and the
    /// first costs its bot no more than that.
    #[derive(Debug)]
    pub(super) struct Patient<T> {
        #[pin]
        inner: T,
        in_flight: InFlight,
        patience: Duration,
        // Runs from the end of input on.
        ended: Option<Pin<Box<Sleep>>>,
    }
}

impl<T> Patient<T> {
    pub(super) const fn new(inner: T, in_flight: InFlight, patience: Duration) -> Self {
        Self { inner, in_flight, patience, ended: None }
    }
}

impl<T: AsyncRead> AsyncRead for Patient<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.ended.is_none() {
            let before = buffer.filled().len();
            ready!(this.inner.poll_read(cx, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // When the last reply has gone out, the next request is read, and the end reported then.
        if this.in_flight.is_idle() {
            return Poll::Ready(Ok(()));
        }
        let patience = *this.patience;
        this.ended.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx).map(Ok)
    }
}

impl<T: AsyncWrite> AsyncWrite for Patient<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;

    /// Reads to the end of a client that says this and closes its end; how long that took.
    async fn read_to_end(said: &[u8], in_flight: &InFlight) -> (Vec<u8>, Duration) {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(said).await.unwrap();
        client.shutdown().await.unwrap();
        let (mut read, start) = (Vec::new(), Instant::now());
        let mut server = Patient::new(server, in_flight.clone(), Duration::from_secs(10));
        server.read_to_end(&mut read).await.unwrap();
        (read, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_told_at_once_when_nobody_waits_for_an_answer_and_else_after_a_while() {
        let in_flight = InFlight::default();
        let (read, waited) = read_to_end(b"GET", &in_flight).await;
        assert_eq!((read.as_slice(), waited), (&b"GET"[..], Duration::ZERO));
        let flight = in_flight.begin();
        let (read, waited) = read_to_end(b"GET", &in_flight).await;
        assert_eq!(read, b"GET");
        assert!((10_000..10_010).contains(&waited.as_millis()), "{waited:?}");
        drop(flight);
        assert_eq!(read_to_end(b"", &in_flight).await.1, Duration::ZERO);
    }
}
