//! The outermost service: what went wrong becomes a response here, and nowhere else.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{UpstreamError, UpstreamErrorKind};
use crate::outcome::HEADER;

/// Answers for a bot that did not: one line of plain text that says what went wrong. Which bot it was, and why, is logged.
///
/// An error after the reply has begun is not its business: that reply is cut off, so that no client takes it for
/// complete.
#[derive(Debug, Clone)]
pub struct Rescue<S> {
    inner: S,
}

impl<S> Rescue<S> {
    /// Answers for `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = UpstreamError>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = Infallible;
    type Future = RescueFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A service that fails to become ready says so again when it is called, where it can be answered.
        self.inner.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        RescueFuture { inner: self.inner.call(request) }
    }
}

pin_project! {
    /// The answer to come, from the bot or for it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct RescueFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, R> Future for RescueFuture<F>
where
    F: Future<Output = Result<Response<R>, UpstreamError>>,
{
    type Output = Result<Response<Either<R, Full<Bytes>>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match ready!(self.project().inner.poll(cx)) {
            Ok(response) => response.map(Either::Left),
            Err(error) => answer_for(&error).map(Either::Right),
        };
        Poll::Ready(Ok(response))
    }
}

/// What is said of a reply that there is none of: the layer's own word for it.
const NO_REPLY: HeaderValue = HeaderValue::from_static("none, reason=no-reply");

fn answer_for(error: &UpstreamError) -> Response<Full<Bytes>> {
    // The client learns whose fault it was; where the bot is and why it failed is for the operator's log.
    let (status, words) = match error.kind() {
        UpstreamErrorKind::Unreachable => (StatusCode::BAD_GATEWAY, "the bot cannot be reached"),
        UpstreamErrorKind::NoAnswer => (StatusCode::BAD_GATEWAY, "the bot did not answer"),
        UpstreamErrorKind::Switched => (StatusCode::BAD_GATEWAY, "the bot switched protocols unasked"),
        UpstreamErrorKind::Late => (StatusCode::GATEWAY_TIMEOUT, "the bot took too long to answer"),
        UpstreamErrorKind::Request => (StatusCode::BAD_REQUEST, "the request could not be passed on"),
        UpstreamErrorKind::Connect => (StatusCode::NOT_IMPLEMENTED, "CONNECT is refused: this is a reverse proxy"),
    };
    match error.reason() {
        Some(reason) => tracing::warn!(status = status.as_u16(), "{error}: {reason}"),
        None => tracing::warn!(status = status.as_u16(), "{error}"),
    }
    let mut response = Response::new(Full::from(format!("undertone: {words}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status.is_server_error() {
        response.headers_mut().insert(HEADER, NO_REPLY);
    }
    response
}
