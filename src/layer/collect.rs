//! Collects a body up to a limit, without losing any of it.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::quota::Share;

/// Chunks shorter than this are copied together: a body in one-byte chunks would otherwise take 40 times its size.
const SMALL: usize = 4 << 10;

/// What has been read of a body, followed by what has not.
///
/// Gives the bytes that the body gave, then its trailers or its error, then the rest.
pub(super) struct Prefixed<B: Body> {
    data: VecDeque<Bytes>,
    /// The latest chunks, while they are small.
    tail: BytesMut,
    trailers: Option<HeaderMap>,
    error: Option<B::Error>,
    rest: Option<Pin<Box<B>>>,
    /// What is held counts until it has gone.
    share: Option<Share>,
}

impl<B: Body> Prefixed<B> {
    /// A body that ends after `data` and `trailers`.
    pub(super) fn whole(data: impl IntoIterator<Item = Bytes>, trailers: Option<HeaderMap>) -> Self {
        let data = data.into_iter().collect();
        Self { data, tail: BytesMut::new(), trailers, error: None, rest: None, share: None }
    }

    /// A body of which nothing has been read.
    pub(super) fn unread(rest: B) -> Self {
        Self { rest: Some(Box::pin(rest)), ..Self::whole([], None) }
    }

    fn push(&mut self, chunk: Bytes) {
        if chunk.len() < SMALL {
            self.tail.extend_from_slice(&chunk);
        } else {
            self.seal();
            self.data.push_back(chunk);
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.data.push_back(self.tail.split().freeze());
        }
    }

    /// The bytes that have been read, in one piece.
    pub(super) fn bytes(&mut self) -> Bytes {
        self.seal();
        if self.data.len() > 1 {
            let joined: Bytes = self
                .data
                .iter()
                .fold(Vec::new(), |mut joined, chunk| {
                    joined.extend_from_slice(chunk);
                    joined
                })
                .into();
            self.data = VecDeque::from([joined]);
        }
        self.data.front().cloned().unwrap_or_default()
    }

    /// What has been read, chunk by chunk.
    pub(super) fn chunks(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.data.iter().map(|chunk| &**chunk).chain([&*self.tail])
    }

    /// The same body with other data; it has been read to its end.
    pub(super) fn with_data(mut self, data: impl IntoIterator<Item = Bytes>) -> Self {
        self.data = data.into_iter().collect();
        self.tail.clear();
        self
    }

    /// The trailers, if the body has been read to its end.
    pub(super) const fn trailers_mut(&mut self) -> Option<&mut HeaderMap> {
        self.trailers.as_mut()
    }
}

impl<B: Body<Data = Bytes>> Prefixed<B> {
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.seal();
        if let Some(chunk) = self.data.pop_front() {
            if self.data.is_empty() {
                self.share = None;
            }
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
            && self.tail.is_empty()
            && self.trailers.is_none()
            && self.error.is_none()
            && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    /// Exact only where nothing but data follows: a server that knows the length leaves out trailers, and takes a body
    /// that breaks off after its last byte for complete.
    pub(super) fn size_hint(&self) -> SizeHint {
        let read = self.data.iter().map(|chunk| chunk.len() as u64).sum::<u64>() + self.tail.len() as u64;
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), |rest| rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(read + rest.lower());
        if let Some(upper) = rest.upper().filter(|_| self.trailers.is_none() && self.error.is_none()) {
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
    /// All bodies together are longer than their limit.
    TooMany(Prefixed<B>),
    /// It took too long.
    TooSlow(Prefixed<B>),
    /// It broke off with an error.
    Broken(Prefixed<B>),
    /// It should be a JSON object and does not begin like one.
    NoObject(Prefixed<B>),
}

/// Reads a body up to a limit.
pub(super) struct Collect<B: Body> {
    read: Prefixed<B>,
    collected: usize,
    limit: usize,
    share: Option<Share>,
    /// Whether it is only of interest if it is a JSON object.
    is_object: bool,
}

impl<B: Body<Data = Bytes>> Collect<B> {
    pub(super) fn new(body: B, limit: usize, share: Share) -> Self {
        Self { read: Prefixed::unread(body), collected: 0, limit, share: Some(share), is_object: false }
    }

    /// Collects no further than to a first byte that begins no JSON object.
    pub(super) fn of_an_object(self) -> Self {
        Self { is_object: true, ..self }
    }

    /// Stops early: what has been read, and the rest.
    pub(super) fn stop(&mut self) -> Prefixed<B> {
        let mut read = std::mem::replace(&mut self.read, Prefixed::whole([], None));
        read.share = self.share.take();
        read
    }

    /// What has been read so far.
    pub(super) const fn so_far(&self) -> &Prefixed<B> {
        &self.read
    }

    /// Whether what has come can be a JSON object, with this chunk; once its first byte is there, nothing more is asked.
    fn goes_on_like_an_object(&mut self, chunk: &[u8]) -> bool {
        match chunk.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(first) => {
                self.is_object = false;
                *first == b'{'
            }
            // Nobody begins with more white space than this.
            None => self.collected < 4 << 10,
        }
    }

    /// Reads on. No more is read, and nothing lost, once a limit is passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Collected<B>> {
        loop {
            let Some(rest) = &mut self.read.rest else { return Poll::Ready(Collected::Whole(self.stop())) };
            if rest.is_end_stream() {
                self.read.rest = None;
                continue;
            }
            // Known beforehand, or seen: past the limit, nothing more is read.
            if self.collected as u64 + rest.size_hint().lower() > self.limit as u64 {
                return Poll::Ready(Collected::TooLong(self.stop()));
            }
            match ready!(rest.as_mut().poll_frame(cx)) {
                None => self.read.rest = None,
                Some(Err(error)) => {
                    self.read.error = Some(error);
                    self.read.rest = None;
                    return Poll::Ready(Collected::Broken(self.stop()));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.collected += data.len();
                        let is_like = !self.is_object || self.goes_on_like_an_object(&data);
                        let fits = self.share.as_mut().is_none_or(|share| share.grow(data.len()));
                        self.read.push(data);
                        if !fits {
                            return Poll::Ready(Collected::TooMany(self.stop()));
                        }
                        if !is_like {
                            return Poll::Ready(Collected::NoObject(self.stop()));
                        }
                    }
                    // Trailers end a body.
                    Err(frame) => {
                        self.read.trailers = frame.into_trailers().ok();
                        self.read.rest = None;
                    }
                },
            }
        }
    }
}
