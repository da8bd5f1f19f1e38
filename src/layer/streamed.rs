//! A reply that is edited as it passes: drives the editor, keeps its clocks, and tells what came of it.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::{
    Limits, ReplyError,
    body::BoxError,
    coding::{Coding, Decoder, Undecodable},
    collect::Prefixed,
    editor::{Editor, Holding},
    exchange::Exchange,
    guard::guard,
    late::Lateness,
    quota::Share,
    response::describe_edited,
};
use crate::{
    empathy::Intent,
    outcome::{FailOpen, Reason, Verdict},
};

/// For how long a reply that is one word so far waits for the second.
const WORD: Duration = Duration::from_millis(100);

/// How long an error waits behind bytes that were held until it came: a server drops what it has not yet sent when the
/// body fails.
const FLUSH: Duration = Duration::from_millis(20);

/// What comes next of a reply, or why it breaks off.
pub(super) type Next = Result<Frame<Bytes>, ReplyError>;

/// A streamed reply whose beginning is being edited.
pub(super) struct Streamed<B: Body> {
    /// The bot's body, until it has ended.
    body: Option<Prefixed<B>>,
    /// Takes the compression off it.
    decoder: Option<Decoder>,
    is_decoded: bool,
    editor: Editor,
    /// What it holds counts for all exchanges together.
    share: Share,
    limits: Limits,
    /// Until what was done has been told.
    exchange: Option<Exchange>,
    is_decided: bool,
    /// Whether there was nothing to read since the head went out: what comes now has come after it.
    has_idled: bool,
    out: VecDeque<Bytes>,
    /// What ends the body after everything in `out`: trailers or an error.
    last: Option<Result<HeaderMap, ReplyError>>,
    /// Runs while something is held: what for, and for how much longer.
    clock: Option<(Holding, Pin<Box<Sleep>>)>,
    /// Until the first words come, or it has been said that they do not.
    late: Option<Lateness>,
    /// Runs while an error waits.
    flush: Option<Pin<Box<Sleep>>>,
}

impl<B> Streamed<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    pub(super) fn new(
        body: Prefixed<B>,
        coding: Option<Coding>,
        is_stream: bool,
        mut editor: Editor,
        mut exchange: Exchange,
        intent: Option<Intent>,
    ) -> Self {
        let mut out = VecDeque::new();
        let is_decided = intent.is_some();
        if let Some(intent) = intent {
            editor.speak(intent, exchange.take_rules(), &mut out);
        }
        let late = exchange.settings.late.clone().filter(|_| is_stream);
        let late = late.map(|late| Lateness::new(late, exchange.sent));
        let share = exchange.settings.quota.share();
        let limits = exchange.settings.limits;
        Self {
            share,
            limits,
            body: Some(body),
            decoder: coding.map(Decoder::new),
            is_decoded: coding.is_some(),
            editor,
            exchange: Some(exchange),
            is_decided,
            has_idled: false,
            out,
            last: None,
            clock: None,
            late,
            flush: None,
        }
    }

    /// What will be done, as far as that is decided.
    pub(super) fn planned(&self) -> (Verdict, Vec<Arc<str>>) {
        self.editor.planned()
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        loop {
            self.decide(cx);
            let decoding = self.decoder.as_ref().map_or(0, Decoder::held_bytes);
            let held = |editor: &Editor| editor.held_bytes() + editor.remembered_bytes() + decoding;
            if !self.share.set(held(&self.editor)) {
                self.editor.release_end(&mut self.out);
            }
            if !self.share.set(held(&self.editor)) {
                self.editor.give_up(FailOpen::Memory, &mut self.out);
                self.share.set(decoding);
            }
            self.tell();
            if let Some(chunk) = self.out.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if let Some(flush) = &mut self.flush {
                std::task::ready!(flush.as_mut().poll(cx));
                self.flush = None;
            }
            if let Some(last) = self.last.take() {
                return Poll::Ready(Some(last.map(Frame::trailers)));
            }
            match self.poll_body(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    // Nothing more can change: the same bytes go straight through.
                    Ok(data) if self.editor.is_passing() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(data) => {
                        if let Some(late) = &mut self.late {
                            late.stir();
                        }
                        self.editor.push(data, &mut self.out);
                        if !self.out.is_empty() {
                            // What waits now has not waited before.
                            self.clock = None;
                        }
                    }
                    Err(frame) => self.end(frame.into_trailers().ok().map(Ok)),
                },
                Poll::Ready(Some(Err(error))) => self.end(Some(Err(error))),
                Poll::Ready(None) if self.body.is_none() => return Poll::Ready(None),
                Poll::Ready(None) => self.end(None),
                Poll::Pending => {
                    self.has_idled = true;
                    if self.say_late(cx) {
                        continue;
                    }
                    std::task::ready!(self.wait(cx));
                }
            }
        }
    }

    /// What comes next of the bot's body, with its compression taken off.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            let Some(decoder) = &mut self.decoder else { return body.poll_frame(cx).map_err(ReplyError::of) };
            match guard(|| decoder.next()) {
                Ok(Ok(Some(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Ok(None)) => {}
                Ok(Err(Undecodable)) | Err(_) => {
                    tracing::warn!("a reply breaks off: it is not compressed as its head says");
                    return Poll::Ready(Some(Err(ReplyError::Undecodable)));
                }
            }
            let frame = match std::task::ready!(body.poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(error)) => return Poll::Ready(Some(Err(ReplyError::of(error)))),
                None => return Poll::Ready(None),
            };
            match frame {
                Ok(data) => decoder.push(data),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    /// The body has ended: with nothing more, with trailers, or broken off.
    fn end(&mut self, mut last: Option<Result<HeaderMap, ReplyError>>) {
        self.body = None;
        self.decoder = None;
        match &mut last {
            Some(Err(_)) => self.editor.give_up(FailOpen::ReplyBroken, &mut self.out),
            Some(Ok(_)) | None => {
                self.decide_now();
                self.editor.finish(&mut self.out);
            }
        }
        match &mut last {
            Some(Err(_)) if !self.out.is_empty() => self.flush = Some(Box::pin(sleep(FLUSH))),
            Some(Ok(trailers)) if self.is_decoded || matches!(self.editor.verdict(), Some(Verdict::Adjusted(_))) => {
                describe_edited(trailers, None);
            }
            Some(_) | None => {}
        }
        self.last = last;
    }

    /// Says that the reply is late, if it is; whether that was tried.
    fn say_late(&mut self, cx: &mut Context<'_>) -> bool {
        if self.editor.has_begun() {
            self.late = None;
        }
        let Some(late) = &mut self.late else { return false };
        if late.poll_due(cx).is_pending() {
            return false;
        }
        let reply = late.reply.clone();
        self.decide_now();
        // Where the protocol has no place for it yet, it may have one after the next event.
        if self.editor.say_late(&reply, &mut self.out) {
            self.late = None;
        } else if let Some(late) = &mut self.late {
            late.stir();
        }
        // Otherwise its clock has been set anew, and must be asked again.
        true
    }

    /// Takes the decision when it is there.
    fn decide(&mut self, cx: &mut Context<'_>) {
        if !self.is_decided
            && let Some(exchange) = &mut self.exchange
        {
            match exchange.poll_decision(cx) {
                Poll::Ready(decision) => self.take(decision),
                // The text was there with the head, which has waited for the budget already.
                Poll::Pending if self.editor.holding() == Holding::Plan && !self.has_idled => self.decide_now(),
                Poll::Pending => {}
            }
        }
    }

    /// Takes what can be decided by now.
    fn decide_now(&mut self) {
        if !self.is_decided
            && let Some(exchange) = &mut self.exchange
        {
            let decision = exchange.decide();
            self.take(decision);
        }
    }

    fn take(&mut self, decision: Result<Intent, Reason>) {
        self.is_decided = true;
        self.clock = None;
        match decision {
            Ok(intent) => {
                let rules = self.exchange.as_mut().and_then(Exchange::take_rules);
                self.editor.speak(intent, rules, &mut self.out);
            }
            Err(reason) => self.editor.give_up(reason, &mut self.out),
        }
    }

    /// Waits for more, as long as what is held may wait; ready when something has been done about it.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let holding = self.editor.holding();
        // Once a text has been changed, its copies must agree: half an event is worth the wait, and nothing without it.
        let must_agree = holding == Holding::Frame && self.editor.has_changed();
        if holding == Holding::Nothing || must_agree {
            self.clock = None;
            return Poll::Pending;
        }
        if self.clock.as_ref().is_none_or(|(what, _)| *what != holding) {
            self.clock = Some((holding, Box::pin(sleep(self.limit(holding)))));
        }
        if let Some((_, sleep)) = &mut self.clock {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        self.clock = None;
        match holding {
            Holding::Plan => self.decide_now(),
            Holding::Word | Holding::Beginning | Holding::Opener | Holding::End | Holding::Frame | Holding::Nothing => {
                self.editor.settle(&mut self.out);
            }
        }
        Poll::Ready(())
    }

    fn limit(&self, holding: Holding) -> Duration {
        let max_held = Duration::from_millis(self.limits.max_held_ms);
        match holding {
            Holding::Plan => Duration::from_millis(self.limits.budget_ms),
            Holding::Word => WORD.min(max_held),
            Holding::Opener => Duration::from_millis(self.limits.max_opener_ms),
            Holding::Beginning | Holding::End | Holding::Frame | Holding::Nothing => max_held,
        }
    }

    /// Tells what was done as soon as it is settled.
    fn tell(&mut self) {
        if let Some(verdict) = self.editor.verdict()
            && let Some(exchange) = self.exchange.take()
        {
            exchange.settle(verdict, self.editor.spoken());
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.out.is_empty()
            && self.last.is_none()
            && self.editor.holding() == Holding::Nothing
            && self.decoder.is_none()
            && self.body.as_ref().is_none_or(|body| self.exchange.is_none() && body.is_end_stream())
    }
}
