//! The bodies that the layer hands on.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{collect::Prefixed, streamed::Streamed};

pin_project! {
    /// The body of a request on its way to the inner service: what the client sends, byte for byte.
    pub struct RequestBody<B: Body> {
        #[pin]
        kind: RequestKind<B>,
    }
}

pin_project! {
    #[project = RequestProjection]
    enum RequestKind<B: Body> {
        Untouched { #[pin] body: B },
        Collected { body: Prefixed<B> },
    }
}

impl<B: Body> RequestBody<B> {
    pub(super) const fn untouched(body: B) -> Self {
        Self { kind: RequestKind::Untouched { body } }
    }

    pub(super) const fn collected(body: Prefixed<B>) -> Self {
        Self { kind: RequestKind::Collected { body } }
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            RequestProjection::Untouched { body } => body.poll_frame(cx),
            RequestProjection::Collected { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            RequestKind::Untouched { body } => body.is_end_stream(),
            RequestKind::Collected { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            RequestKind::Untouched { body } => body.size_hint(),
            RequestKind::Collected { body } => body.size_hint(),
        }
    }
}

impl<B: Body> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

pin_project! {
    /// The body of a reply on its way to the client: the bot's bytes, with what was put into them.
    pub struct ReplyBody<B: Body> {
        #[pin]
        kind: ReplyKind<B>,
    }
}

pin_project! {
    #[project = ReplyProjection]
    enum ReplyKind<B: Body> {
        Untouched { #[pin] body: B },
        Collected { body: Prefixed<B> },
        Streamed { body: Box<Streamed<B>> },
    }
}

impl<B: Body> ReplyBody<B> {
    pub(super) const fn untouched(body: B) -> Self {
        Self { kind: ReplyKind::Untouched { body } }
    }

    pub(super) const fn collected(body: Prefixed<B>) -> Self {
        Self { kind: ReplyKind::Collected { body } }
    }

    pub(super) fn streamed(body: Streamed<B>) -> Self {
        Self { kind: ReplyKind::Streamed { body: Box::new(body) } }
    }
}

/// Why a reply breaks off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The bot's body broke off.
    #[error("{0}")]
    Body(#[source] BoxError),
    /// It is compressed, was to be edited as it passes, and turned out not to be what its `Content-Encoding` says.
    #[error("the bot's reply is not compressed as its Content-Encoding says")]
    Undecodable,
}

/// Any error of a body.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl ReplyError {
    pub(super) fn of(error: impl Into<BoxError>) -> Self {
        Self::Body(error.into())
    }
}

impl<B> Body for ReplyBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = ReplyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project().kind.project() {
            ReplyProjection::Untouched { body } => body.poll_frame(cx).map_err(ReplyError::of),
            ReplyProjection::Collected { body } => body.poll_frame(cx).map_err(ReplyError::of),
            ReplyProjection::Streamed { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            ReplyKind::Untouched { body } => body.is_end_stream(),
            ReplyKind::Collected { body } => body.is_end_stream(),
            ReplyKind::Streamed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            ReplyKind::Untouched { body } => body.size_hint(),
            ReplyKind::Collected { body } => body.size_hint(),
            // Its length is about to change.
            ReplyKind::Streamed { .. } => SizeHint::default(),
        }
    }
}

impl<B: Body> fmt::Debug for ReplyBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").finish_non_exhaustive()
    }
}
