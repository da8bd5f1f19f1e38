//! From the head of a reply to the response that goes out: as it is, edited whole, or edited as it passes.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, response};
use http_body::Body;
use tokio::time::{Sleep, sleep};

use super::{
    ReplyBody,
    body::BoxError,
    coding::{Coding, Undecodable, decode},
    collect::{Collect, Collected, Prefixed},
    editor::Editor,
    exchange::Exchange,
    guard::guard,
    response::{announce, describe_decoded, describe_edited, editable},
    spoken::Spoken,
    streamed::Streamed,
};
use crate::{
    empathy::Intent,
    outcome::{FailOpen, Reason, Ticket, Verdict},
    protocol::{Framing, HandsOff, Progress, ReplyReader, Seen},
};

/// What the head of a reply makes of it.
pub(super) enum Received<B: Body> {
    /// It passes as it is.
    Done(Response<ReplyBody<B>>),
    /// It may be edited, once it is decided what is to be said.
    Undecided(Undecided<B>),
}

/// A reply of which only the head has been looked at.
pub(super) struct Undecided<B> {
    pub(super) exchange: Box<Exchange>,
    response: Response<B>,
    reader: Box<dyn ReplyReader>,
    shape: Shape,
}

/// How a body is written, as its head says.
#[derive(Debug, Clone, Copy)]
struct Shape {
    framing: Framing,
    /// How it is compressed, if it is.
    coding: Option<Coding>,
}

/// What is to become of a reply that it was decided about.
pub(super) enum Arrival<B: Body> {
    /// This goes out.
    Response(Response<ReplyBody<B>>),
    /// It comes whole, and is to be collected.
    Whole(Reply<B>),
}

/// A reply that comes whole and is being collected.
pub(super) struct Reply<B: Body> {
    head: response::Parts,
    collect: Collect<B>,
    exchange: Box<Exchange>,
    reader: Box<dyn ReplyReader>,
    coding: Option<Coding>,
    intent: Intent,
    progress: Progress,
    /// Runs when a whole JSON text is there and the body has not ended.
    end: Option<Pin<Box<Sleep>>>,
}

/// How long the end of a body may take after a JSON text that is complete.
const END: Duration = Duration::from_millis(20);

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Received<B> {
    /// The reply passes as it is.
    pub(super) fn pass_on(mut ticket: Ticket, response: Response<B>, reason: Reason) -> Self {
        let outcome = ticket.settle(Verdict::Untouched(reason));
        Self::Done(announce(response.map(ReplyBody::untouched), outcome, ticket.settled()))
    }

    /// Looks at the head of a reply.
    pub(super) fn of(mut exchange: Box<Exchange>, response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        let examined = examine(&mut exchange, &head);
        let response = Response::from_parts(head, body);
        match examined {
            Ok((reader, shape)) => Self::Undecided(Undecided { exchange, response, reader, shape }),
            Err(reason) => Self::Done(untouched(*exchange, response.map(ReplyBody::untouched), reason)),
        }
    }
}

fn examine(exchange: &mut Exchange, head: &response::Parts) -> Result<(Box<dyn ReplyReader>, Shape), Reason> {
    let coding = editable(head, exchange.settings.respect_no_transform)?;
    if coding.is_some() && !exchange.takes_identity {
        return Err(HandsOff::Encoding.into());
    }
    exchange.see_head(&head.headers);
    let mut reader = exchange.take_reader()?;
    let framing = guard(|| reader.framing(head))??;
    Ok((reader, Shape { framing, coding }))
}

fn untouched<B: Body>(exchange: Exchange, response: Response<ReplyBody<B>>, reason: Reason) -> Response<ReplyBody<B>> {
    let (outcome, settled) = exchange.settle(Verdict::Untouched(reason), &Spoken::default());
    announce(response, outcome, settled)
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Undecided<B> {
    /// Goes on with a decision, or without one if none was there in time.
    pub(super) fn go_on(self, decision: Option<Result<Intent, Reason>>) -> Arrival<B> {
        let Self { mut exchange, response, reader, shape } = self;
        let Shape { framing, coding } = shape;
        let decision = match (decision, framing) {
            (None, Framing::Whole) => Some(exchange.decide()),
            (decision, _) => decision,
        };
        match (decision, framing) {
            (Some(Err(reason)), _) => {
                Arrival::Response(untouched(*exchange, response.map(ReplyBody::untouched), reason))
            }
            (Some(Ok(intent)), Framing::Whole) => {
                let (head, body) = response.into_parts();
                let settings = &exchange.settings;
                let collect = Collect::new(body, settings.limits.max_reply_bytes, settings.quota.share());
                Arrival::Whole(Reply {
                    head,
                    collect,
                    exchange,
                    reader,
                    coding,
                    intent,
                    progress: Progress::default(),
                    end: None,
                })
            }
            // A stream's text may take a while yet: there is time until it comes.
            (decision, _) => {
                let (head, body) = response.into_parts();
                let intent = decision.and_then(Result::ok);
                let body = Prefixed::unread(body);
                Arrival::Response(stream(head, body, *exchange, reader, shape, intent))
            }
        }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Reply<B> {
    /// Reads on.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Collected<B>> {
        self.collect.poll(cx)
    }

    /// Stops early: what has been read, and the rest.
    pub(super) fn stop(&mut self) -> Prefixed<B> {
        self.collect.stop()
    }

    /// Milliseconds to wait for the rest of it.
    pub(super) fn max_wait_ms(&self) -> u64 {
        self.exchange.settings.limits.max_reply_wait_ms
    }

    /// Whether what has come shows that it will not come whole, whatever its head says. Ready if so.
    ///
    /// No JSON at all, and white space that keeps the connection alive, show it at once; a JSON text after which the body
    /// goes on, after a moment: the end of a body often comes right behind its last byte.
    pub(super) fn poll_is_no_whole(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.coding.is_some() {
            return Poll::Pending;
        }
        match self.progress.see(self.collect.so_far().chunks()) {
            Seen::Nothing | Seen::Part => return Poll::Pending,
            Seen::Blank => return Poll::Ready(()),
            Seen::Begins(start) => {
                if guard(|| self.reader.reframe(Framing::Whole, &start)) != Ok(Ok(Framing::Whole)) {
                    return Poll::Ready(());
                }
                // What has been seen of it may be all there is.
                return self.poll_is_no_whole(cx);
            }
            Seen::Whole => {}
        }
        self.end.get_or_insert_with(|| Box::pin(sleep(END))).as_mut().poll(cx)
    }

    /// It does not come whole: it is edited as it passes.
    pub(super) fn stream(mut self) -> Response<ReplyBody<B>> {
        let body = self.collect.stop();
        let shape = Shape { framing: Framing::Whole, coding: self.coding };
        stream(self.head, body, *self.exchange, self.reader, shape, Some(self.intent))
    }

    /// The reply, edited or not.
    pub(super) fn finish(self, collected: Collected<B>) -> Response<ReplyBody<B>> {
        let Self { mut head, mut exchange, reader, coding, intent, .. } = self;
        let (body, why) = match collected {
            Collected::Whole(mut body) => {
                let limit = exchange.settings.limits.max_reply_bytes;
                let plain = decoded(body.bytes(), coding, limit);
                match plain.and_then(|plain| edit(reader, &mut exchange, intent, plain, limit)) {
                    Ok(edit) if matches!(edit.verdict, Verdict::Untouched(_)) => {
                        let body = ReplyBody::collected(body);
                        let (outcome, settled) = exchange.settle(edit.verdict, &edit.spoken);
                        return announce(Response::from_parts(head, body), outcome, settled);
                    }
                    Ok(edit) => {
                        if coding.is_some() {
                            describe_decoded(&mut head.headers);
                        }
                        return edited(head, body, *exchange, edit);
                    }
                    Err(reason) => (body, reason),
                }
            }
            Collected::TooLong(body) => (body, FailOpen::ReplyTooLong.into()),
            Collected::TooMany(body) => (body, FailOpen::Memory.into()),
            Collected::TooSlow(body) => (body, FailOpen::ReplyTooSlow.into()),
            Collected::Broken(body) | Collected::NoObject(body) => (body, FailOpen::ReplyBroken.into()),
        };
        untouched(*exchange, Response::from_parts(head, ReplyBody::collected(body)), why)
    }
}

/// A body with its compression taken off.
fn decoded(body: Bytes, coding: Option<Coding>, limit: usize) -> Result<Bytes, Reason> {
    let Some(coding) = coding else { return Ok(body) };
    match guard(|| decode(coding, body, limit))? {
        Ok(Some(plain)) => Ok(plain),
        Ok(None) => Err(FailOpen::ReplyTooLong.into()),
        Err(Undecodable) => Err(HandsOff::Encoding.into()),
    }
}

/// An edited body: its pieces, what was done and what was said.
struct Edited {
    pieces: VecDeque<Bytes>,
    verdict: Verdict,
    spoken: Spoken,
}

/// Edits a body, or says why it stays as it is.
fn edit(
    reader: Box<dyn ReplyReader>,
    exchange: &mut Exchange,
    intent: Intent,
    body: Bytes,
    limit: usize,
) -> Result<Edited, Reason> {
    let policy = exchange.settings.policy.clone();
    let start = body.trim_ascii_start();
    let framing = guard(|| reader.reframe(Framing::Whole, start))??;
    let mut editor = Editor::new(framing, reader, policy, limit)?;
    let mut pieces = VecDeque::new();
    editor.whole(body, intent, exchange.take_rules(), &mut pieces);
    let spoken = editor.spoken().clone();
    let verdict = editor.verdict().unwrap_or(Verdict::Untouched(HandsOff::Empty.into()));
    Ok(Edited { pieces, verdict, spoken })
}

fn edited<B: Body<Data = Bytes, Error: Into<BoxError>>>(
    mut head: response::Parts,
    mut body: Prefixed<B>,
    exchange: Exchange,
    edit: Edited,
) -> Response<ReplyBody<B>> {
    let Edited { pieces, verdict, spoken } = edit;
    describe_edited(&mut head.headers, Some(pieces.iter().map(Bytes::len).sum()));
    if let Some(trailers) = body.trailers_mut() {
        describe_edited(trailers, None);
    }
    let body = ReplyBody::collected(body.with_data(pieces));
    let (outcome, settled) = exchange.settle(verdict, &spoken);
    announce(Response::from_parts(head, body), outcome, settled)
}

/// A reply that is edited as it passes.
fn stream<B: Body<Data = Bytes, Error: Into<BoxError>>>(
    mut head: response::Parts,
    body: Prefixed<B>,
    exchange: Exchange,
    reader: Box<dyn ReplyReader>,
    Shape { framing, coding }: Shape,
    intent: Option<Intent>,
) -> Response<ReplyBody<B>> {
    let max_held = exchange.settings.limits.max_held_bytes;
    let editor = match Editor::new(framing, reader, exchange.settings.policy.clone(), max_held) {
        Ok(editor) => editor,
        Err(reason) => {
            return untouched(exchange, Response::from_parts(head, ReplyBody::collected(body)), reason.into());
        }
    };
    describe_edited(&mut head.headers, None);
    if coding.is_some() {
        describe_decoded(&mut head.headers);
    }
    let settled = exchange.ticket().settled();
    let mut outcome = exchange.ticket().outcome(Verdict::Pending);
    let body = Streamed::new(body, coding, framing != Framing::Whole, editor, exchange, intent);
    (outcome.verdict, outcome.rules) = body.planned();
    let body = ReplyBody::streamed(body);
    announce(Response::from_parts(head, body), outcome, settled)
}
