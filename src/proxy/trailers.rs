//! Trailers, without what concerns a single connection.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::headers::HopByHop;

pin_project! {
    /// A body on its way through the proxy: every frame passes as it is, except that hop-by-hop fields are taken out
    /// of the trailers (RFC 9110 §7.6.1 asks for it there too).
    #[derive(Debug)]
    pub struct EndToEnd<B> {
        #[pin]
        inner: B,
        hop_by_hop: HopByHop,
    }
}

impl<B> EndToEnd<B> {
    pub(super) fn new(inner: B, hop_by_hop: HopByHop) -> Self {
        Self { inner, hop_by_hop }
    }
}

impl<B: Body> Body for EndToEnd<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let mut frame = ready!(this.inner.poll_frame(cx));
        if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()).and_then(Frame::trailers_mut) {
            this.hop_by_hop.remove_from(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
