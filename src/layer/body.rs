//! The bodies that the layer hands on.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::{
    collect::Prefixed,
    exchange::Exchange,
    headers::describe_edited,
    outcome::{Action, FailOpen, Reason},
    stream::StreamEditor,
};

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

    pub(super) fn streamed(body: B, editor: StreamEditor, exchange: Exchange, max_held: Duration) -> Self {
        let body = Streamed {
            body: Some(Box::pin(body)),
            editor,
            exchange: Some(exchange),
            out: VecDeque::new(),
            last: None,
            hold: None,
            max_held,
        };
        Self { kind: ReplyKind::Streamed { body: Box::new(body) } }
    }
}

impl<B: Body<Data = Bytes>> Body for ReplyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            ReplyProjection::Untouched { body } => body.poll_frame(cx),
            ReplyProjection::Collected { body } => body.poll_frame(cx),
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

/// A streamed reply whose beginning is being edited.
struct Streamed<B: Body> {
    /// The bot's body, until it has ended.
    body: Option<Pin<Box<B>>>,
    editor: StreamEditor,
    /// Until what was done has been told.
    exchange: Option<Exchange>,
    out: VecDeque<Bytes>,
    /// What ends the body after everything in `out`: trailers or an error.
    last: Option<Result<HeaderMap, B::Error>>,
    /// Runs while something is held.
    hold: Option<Pin<Box<Sleep>>>,
    max_held: Duration,
}

impl<B: Body<Data = Bytes>> Streamed<B> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            self.tell();
            if let Some(chunk) = self.out.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if let Some(last) = self.last.take() {
                return Poll::Ready(Some(last.map(Frame::trailers)));
            }
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    // Settled: the same bytes go straight through.
                    Ok(data) if self.exchange.is_none() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(data) => {
                        self.editor.push(data, &mut self.out);
                        if !self.out.is_empty() {
                            // What waits now has not waited before.
                            self.hold = None;
                        }
                    }
                    Err(frame) => {
                        self.body = None;
                        self.editor.finish(&mut self.out);
                        let Ok(mut trailers) = frame.into_trailers() else { continue };
                        if self.editor.verdict() == Some(Action::Prepend) {
                            describe_edited(&mut trailers, None);
                        }
                        self.last = Some(Ok(trailers));
                    }
                },
                Poll::Ready(Some(Err(error))) => {
                    self.body = None;
                    self.editor.give_up(Reason::FailOpen(FailOpen::ReplyBroken), &mut self.out);
                    self.last = Some(Err(error));
                }
                Poll::Ready(None) => {
                    self.body = None;
                    self.editor.finish(&mut self.out);
                }
                Poll::Pending => {
                    if !self.has_held_too_long(cx) {
                        return Poll::Pending;
                    }
                    self.editor.give_up(Reason::FailOpen(FailOpen::HeldTooLong), &mut self.out);
                }
            }
        }
    }

    /// Whether the editor holds something, and has for longer than it may.
    fn has_held_too_long(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.editor.is_holding() {
            self.hold = None;
            return false;
        }
        let max_held = self.max_held;
        self.hold.get_or_insert_with(|| Box::pin(sleep(max_held))).as_mut().poll(cx).is_ready()
    }

    /// Tells what was done as soon as it is settled.
    fn tell(&mut self) {
        if let Some(action) = self.editor.verdict()
            && let Some(exchange) = self.exchange.take()
        {
            exchange.finish(action);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.out.is_empty()
            && self.last.is_none()
            && !self.editor.is_holding()
            && self.body.as_ref().is_none_or(|body| self.exchange.is_none() && body.is_end_stream())
    }
}
