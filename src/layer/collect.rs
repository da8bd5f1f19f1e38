//! Collects a body up to a limit, without losing any of it.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// What has been read of a body, followed by what has not.
///
/// Gives the very frames that the body gave, then its trailers or its error, then the rest.
pub(super) struct Prefixed<B: Body> {
    data: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    error: Option<B::Error>,
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> Prefixed<B> {
    /// A body that ends after `data` and `trailers`.
    pub(super) fn whole(data: impl IntoIterator<Item = Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self { data: data.into_iter().collect(), trailers, error: None, rest: None }
    }

    /// A body of which nothing has been read.
    fn unread(rest: Pin<Box<B>>) -> Self {
        Self { data: VecDeque::new(), trailers: None, error: None, rest: Some(rest) }
    }

    /// How many bytes have been read.
    fn collected(&self) -> usize {
        self.data.iter().map(Bytes::len).sum()
    }

    /// The bytes that have been read, in one piece.
    pub(super) fn bytes(&self) -> Bytes {
        match self.data.front() {
            None => Bytes::new(),
            Some(only) if self.data.len() == 1 => only.clone(),
            Some(_) => {
                let mut joined = Vec::with_capacity(self.collected());
                self.data.iter().for_each(|chunk| joined.extend_from_slice(chunk));
                joined.into()
            }
        }
    }

    /// The trailers, if the body has been read to its end.
    pub(super) fn into_trailers(self) -> Option<HeaderMap> {
        self.trailers
    }
}

impl<B: Body<Data = Bytes>> Prefixed<B> {
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(chunk) = self.data.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let frame = ready!(rest.as_mut().poll_frame(cx));
        if frame.is_none() {
            // A body that has ended is not to be polled again.
            self.rest = None;
        }
        Poll::Ready(frame)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.data.is_empty()
            && self.trailers.is_none()
            && self.error.is_none()
            && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let read = self.data.iter().map(|chunk| chunk.remaining() as u64).sum::<u64>();
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), |rest| rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(read + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(read + upper);
        }
        hint
    }
}

/// What came of collecting a body.
pub(super) enum Collected<B: Body> {
    /// All of it is there.
    Whole(Prefixed<B>),
    /// It is longer than the limit.
    TooLong(Prefixed<B>),
    /// It took too long.
    TooSlow(Prefixed<B>),
    /// It broke off with an error.
    Broken(Prefixed<B>),
}

/// Reads a body up to a limit.
pub(super) struct Collect<B: Body> {
    read: Option<Prefixed<B>>,
    collected: usize,
    limit: usize,
}

impl<B: Body<Data = Bytes>> Collect<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self { read: Some(Prefixed::unread(Box::pin(body))), collected: 0, limit }
    }

    /// Stops early: what has been read, and the rest.
    pub(super) fn stop(&mut self) -> Prefixed<B> {
        self.read.take().unwrap_or_else(|| Prefixed::whole([], None))
    }

    /// Reads on. No more is read, and nothing lost, once the limit is passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Collected<B>> {
        loop {
            let Some(read) = &mut self.read else { return Poll::Ready(Collected::Whole(self.stop())) };
            let Some(rest) = &mut read.rest else { return Poll::Ready(Collected::Whole(self.stop())) };
            // Known beforehand, or seen: past the limit, nothing more is read.
            if self.collected as u64 + rest.size_hint().lower() > self.limit as u64 {
                return Poll::Ready(Collected::TooLong(self.stop()));
            }
            match ready!(rest.as_mut().poll_frame(cx)) {
                None => read.rest = None,
                Some(Err(error)) => {
                    read.error = Some(error);
                    read.rest = None;
                    return Poll::Ready(Collected::Broken(self.stop()));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.collected += data.len();
                        read.data.push_back(data);
                    }
                    // Trailers end a body.
                    Err(frame) => {
                        read.trailers = frame.into_trailers().ok();
                        read.rest = None;
                    }
                },
            }
        }
    }
}
