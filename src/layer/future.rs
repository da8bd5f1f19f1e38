use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::{
    ReplyBody, RequestBody,
    body::BoxError,
    collect::{Collect, Collected, Prefixed},
    exchange::{Claimed, Exchange, Recognised},
    layer::Settings,
    pace,
    reply::{Arrival, Received, Reply, Undecided},
    request::ask_for_identity,
    response::describe_edited,
    spoken::Spoken,
};
use crate::{
    outcome::{FailOpen, Heard, Reason, Ticket, Verdict},
    protocol::{HandsOff, apply},
};

pin_project! {
    /// The response to come. See the [module](super) for when it waits, and for what.
    pub struct ResponseFuture<S, ReqB, ResB>
    where
        S: Service<Request<RequestBody<ReqB>>>,
        ReqB: Body,
        ResB: Body,
    {
        #[pin]
        state: State<S, S::Future, ReqB, ResB>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, ReqB, ResB>
    where
        ReqB: Body,
        ResB: Body,
    {
        /// Not an exchange: the inner future, and nothing else.
        PassingOn { #[pin] future: F },
        /// No exchange: a chat widget tells something.
        Pacing { collect: Collect<ReqB>, timeout: Timeout, head: request::Parts, settings: Arc<Settings> },
        /// The request body is being collected.
        Collecting { collect: Collect<ReqB>, timeout: Timeout, unsent: Option<Unsent<S>> },
        /// The bot is to be told what the turn expresses.
        Telling { telling: Option<Telling<S, ReqB>>, timeout: Timeout },
        /// The bot works, and so does the classifier.
        Calling { #[pin] future: F, course: Option<Course> },
        /// The head of the reply is there, and the decision is not.
        Deciding { undecided: Option<Undecided<ResB>>, timeout: Timeout, since: Instant },
        /// Something is to be said before a reply that comes whole.
        Reading { reply: Option<Reply<ResB>>, timeout: Timeout },
    }
}

/// A request whose body is not there yet, and the service that is ready for it.
pub(super) struct Unsent<S> {
    service: S,
    head: request::Parts,
    claimed: Claimed,
    settings: Arc<Settings>,
}

/// A request that is ready to go, and may yet have the bot be told something.
pub(super) struct Telling<S, ReqB: Body> {
    service: S,
    head: request::Parts,
    body: Prefixed<ReqB>,
    exchange: Box<Exchange>,
}

/// For how many milliseconds the body of a request is waited for that may be no chat and does not say how long it is.
const UNSURE_MS: u64 = 1_000;

/// What to do when the reply comes.
enum Course {
    /// Pass it on, and say why.
    PassOn(Ticket, Reason),
    /// Decide.
    Listen(Box<Exchange>),
}

impl<S, ReqB, ResB> ResponseFuture<S, ReqB, ResB>
where
    S: Service<Request<RequestBody<ReqB>>, Response = Response<ResB>>,
    ReqB: Body<Data = Bytes>,
    ResB: Body<Data = Bytes, Error: Into<BoxError>>,
{
    pub(super) const fn pass_on(future: S::Future) -> Self {
        Self { state: State::PassingOn { future } }
    }

    /// An exchange that is left alone for this reason, whatever is in it.
    pub(super) fn leave(future: S::Future, ticket: Ticket, reason: HandsOff) -> Self {
        Self { state: State::Calling { future, course: Some(Course::PassOn(ticket, reason.into())) } }
    }

    /// An event of a chat widget's, which is answered here.
    pub(super) fn pace(head: request::Parts, body: ReqB, settings: Arc<Settings>) -> Self {
        let collect = Collect::new(body, pace::MAX_BYTES, settings.quota.share());
        let timeout = Timeout::after_ms(pace::MAX_MS);
        Self { state: State::Pacing { collect, timeout, head, settings } }
    }

    pub(super) fn collect(unsent: Unsent<S>, body: ReqB) -> Self {
        let Settings { limits, quota, .. } = &*unsent.settings;
        let has_length = body.size_hint().exact().is_some();
        let collect = Collect::new(body, limits.max_request_bytes, quota.share());
        // What may be no chat at all is not kept waiting: a body without a length can be one half of a dialogue.
        let (collect, wait) = match unsent.claimed.ticket {
            Some(_) => (collect, limits.max_request_wait_ms),
            None if has_length => (collect.of_an_object(), limits.max_request_wait_ms),
            None => (collect.of_an_object(), limits.max_request_wait_ms.min(UNSURE_MS)),
        };
        let timeout = Timeout::after_ms(wait);
        Self { state: State::Collecting { collect, timeout, unsent: Some(unsent) } }
    }
}

impl<S, ReqB, ResB> Future for ResponseFuture<S, ReqB, ResB>
where
    S: Service<Request<RequestBody<ReqB>>, Response = Response<ResB>>,
    ReqB: Body<Data = Bytes>,
    ResB: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Output = Result<Response<ReplyBody<ResB>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut state = self.as_mut().project().state;
            let next = match state.as_mut().project() {
                StateProjection::PassingOn { future } => {
                    return future.poll(cx).map_ok(|response| response.map(ReplyBody::untouched));
                }
                StateProjection::Pacing { collect, timeout, head, settings } => {
                    let collected = ready!(timeout.collect(collect, cx));
                    return Poll::Ready(Ok(pace::answer(settings, head, collected)));
                }
                StateProjection::Collecting { collect, timeout, unsent } => {
                    let collected = ready!(timeout.collect(collect, cx));
                    let Some(unsent) = unsent.take() else { return Poll::Pending };
                    unsent.send(collected)
                }
                StateProjection::Telling { telling, timeout } => {
                    let Some(waiting) = telling else { return Poll::Pending };
                    let heard = ready!(waiting.poll_heard(timeout, cx));
                    let Some(telling) = telling.take() else { return Poll::Pending };
                    telling.send(heard)
                }
                StateProjection::Calling { future, course } => {
                    let response = ready!(future.poll(cx));
                    match (response, course.take()) {
                        (Ok(response), Some(course)) => match course.receive(response) {
                            Received::Done(response) => return Poll::Ready(Ok(response)),
                            Received::Undecided(undecided) => {
                                let timeout = Timeout::after_ms(undecided.exchange.settings.limits.budget_ms);
                                State::Deciding { undecided: Some(undecided), timeout, since: Instant::now() }
                            }
                        },
                        (Ok(response), None) => return Poll::Ready(Ok(response.map(ReplyBody::untouched))),
                        (Err(error), course) => {
                            if let Some(course) = course {
                                course.fail();
                            }
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                StateProjection::Deciding { undecided, timeout, since } => {
                    let Some(Undecided { exchange, .. }) = undecided else { return Poll::Pending };
                    let decision = match exchange.poll_decision(cx) {
                        Poll::Ready(decision) => Some(decision),
                        Poll::Pending => ready!(timeout.poll(cx).map(|()| None)),
                    };
                    exchange.ticket().waited(since.elapsed());
                    let Some(undecided) = undecided.take() else { return Poll::Pending };
                    match undecided.go_on(decision) {
                        Arrival::Response(response) => return Poll::Ready(Ok(response)),
                        Arrival::Whole(reply) => {
                            let timeout = Timeout::after_ms(reply.max_wait_ms());
                            State::Reading { reply: Some(reply), timeout }
                        }
                    }
                }
                StateProjection::Reading { reply, timeout } => {
                    let Some(reading) = reply else { return Poll::Pending };
                    let collected = match reading.poll(cx) {
                        Poll::Ready(collected) => Some(collected),
                        Poll::Pending if reading.poll_is_no_whole(cx).is_ready() => None,
                        Poll::Pending => {
                            ready!(timeout.poll(cx));
                            Some(Collected::TooSlow(reading.stop()))
                        }
                    };
                    let Some(reply) = reply.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(match collected {
                        Some(collected) => reply.finish(collected),
                        None => reply.stream(),
                    }));
                }
            };
            state.set(next);
        }
    }
}

impl<S> Unsent<S> {
    pub(super) const fn new(service: S, head: request::Parts, claimed: Claimed, settings: Arc<Settings>) -> Self {
        Self { service, head, claimed, settings }
    }

    /// Calls the inner service with what was collected, having given the turn to the classifier.
    fn send<ReqB, ResB>(self, collected: Collected<ReqB>) -> State<S, S::Future, ReqB, ResB>
    where
        S: Service<Request<RequestBody<ReqB>>>,
        ReqB: Body<Data = Bytes>,
        ResB: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let Self { mut service, mut head, claimed, settings } = self;
        let (mut body, why): (Prefixed<ReqB>, _) = match collected {
            Collected::Whole(body) => (body, None),
            Collected::TooLong(body) => (body, Some(FailOpen::RequestTooLong)),
            Collected::TooMany(body) => (body, Some(FailOpen::Memory)),
            Collected::TooSlow(body) => (body, Some(FailOpen::RequestTooSlow)),
            Collected::Broken(body) => (body, Some(FailOpen::RequestBroken)),
            // No chat, and no ticket that could tell of it.
            Collected::NoObject(body) => {
                let future = service.call(Request::from_parts(head, RequestBody::collected(body)));
                return State::Calling { future, course: None };
            }
        };
        let course = match why {
            Some(why) => claimed.ticket.map(|ticket| Course::PassOn(ticket, why.into())),
            None => match Exchange::read(settings, claimed, &head, &body.bytes()) {
                Recognised::Foreign => None,
                Recognised::HandsOff(ticket, reason) => Some(Course::PassOn(ticket, reason)),
                Recognised::Chat(exchange) => {
                    ask_for_identity(&mut head.headers);
                    let bytes = body.bytes();
                    let edits = exchange.hide_own_words(&bytes);
                    if !edits.is_empty() {
                        let pieces = apply(bytes, edits);
                        describe_edited(&mut head.headers, Some(pieces.iter().map(Bytes::len).sum()));
                        body = body.with_data(pieces);
                    }
                    let budget = exchange.settings.limits.budget_ms;
                    let is_told = exchange.settings.tell_bot;
                    let telling = Telling { service, head, body, exchange };
                    if is_told {
                        return State::Telling { telling: Some(telling), timeout: Timeout::after_ms(budget) };
                    }
                    return telling.send(None);
                }
            },
        };
        let future = service.call(Request::from_parts(head, RequestBody::collected(body)));
        State::Calling { future, course }
    }
}

impl<S, ReqB: Body> Telling<S, ReqB> {
    /// What there is to tell, once it is known or no more time is left.
    fn poll_heard(&mut self, timeout: &mut Timeout, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        match self.exchange.poll_heard(cx) {
            Poll::Ready(heard) => Poll::Ready(heard),
            Poll::Pending => timeout.poll(cx).map(|()| self.exchange.heard()),
        }
    }

    /// Calls the inner service, having told it what is known.
    fn send<ResB>(self, heard: Option<Heard>) -> State<S, S::Future, ReqB, ResB>
    where
        S: Service<Request<RequestBody<ReqB>>>,
        ReqB: Body<Data = Bytes>,
        ResB: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let Self { mut service, mut head, body, exchange } = self;
        exchange.tell_danger(&mut head.headers);
        if let Some(heard) = heard {
            heard.write(&mut head.headers);
            head.extensions.insert(heard);
        }
        let future = service.call(Request::from_parts(head, RequestBody::collected(body)));
        State::Calling { future, course: Some(Course::Listen(exchange)) }
    }
}

impl Course {
    /// The head of the reply is there.
    fn receive<B: Body<Data = Bytes, Error: Into<BoxError>>>(self, response: Response<B>) -> Received<B> {
        match self {
            Self::PassOn(ticket, reason) => Received::pass_on(ticket, response, reason),
            Self::Listen(exchange) => Received::of(exchange, response),
        }
    }

    /// There is no reply.
    fn fail(self) {
        let verdict = Verdict::Untouched(FailOpen::NoReply.into());
        match self {
            Self::PassOn(mut ticket, _) => drop(ticket.settle(verdict)),
            Self::Listen(exchange) => drop(exchange.settle(verdict, &Spoken::default())),
        }
    }
}

/// A wait with an end. The timer starts with the first poll that has to wait.
struct Timeout {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timeout {
    const fn after_ms(milliseconds: u64) -> Self {
        Self { after: Duration::from_millis(milliseconds), sleep: None }
    }

    /// What has been collected when the body ends, or this does.
    fn collect<B>(&mut self, collect: &mut Collect<B>, cx: &mut Context<'_>) -> Poll<Collected<B>>
    where
        B: Body<Data = Bytes>,
    {
        match collect.poll(cx) {
            Poll::Ready(collected) => Poll::Ready(collected),
            Poll::Pending => self.poll(cx).map(|()| Collected::TooSlow(collect.stop())),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let after = self.after;
        self.sleep.get_or_insert_with(|| Box::pin(sleep(after))).as_mut().poll(cx)
    }
}

impl<S, ReqB, ResB> fmt::Debug for ResponseFuture<S, ReqB, ResB>
where
    S: Service<Request<RequestBody<ReqB>>>,
    ReqB: Body,
    ResB: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
