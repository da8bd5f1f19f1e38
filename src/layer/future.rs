use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, request, response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::{
    ReplyBody, RequestBody,
    collect::{Collect, Collected},
    exchange::{Course, Exchange, announce},
    headers::{Shape, ask_for_identity, describe_edited, shape},
    layer::Settings,
    outcome::{FailOpen, Reason},
    stream::StreamEditor,
};
use crate::{
    protocol::{Framing, Protocol, ReplyFormat},
    sentiment::Pending,
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
        /// The request body is being collected.
        Collecting { collect: Collect<ReqB>, timeout: Timeout, request: Option<Unsent<S>> },
        /// The bot works, and so does the classifier.
        Calling { #[pin] future: F, exchange: Option<(Exchange, Course)> },
        /// The head of the reply is there, and the classifier's answer is not.
        Deciding { pending: Pending, timeout: Timeout, undecided: Option<Undecided<ResB>> },
        /// A sentence is to go before a reply that comes whole.
        Reading { collect: Collect<ResB>, timeout: Timeout, undecided: Option<(response::Parts, Exchange, Box<dyn ReplyFormat>)> },
    }
}

/// A request whose body is not there yet, and the service that is ready for it.
struct Unsent<S> {
    service: S,
    head: request::Parts,
    protocol: Arc<dyn Protocol>,
    settings: Arc<Settings>,
}

/// A reply of which only the head has been looked at.
struct Undecided<B> {
    response: Response<B>,
    shape: Shape,
    exchange: Exchange,
    reply: Box<dyn ReplyFormat>,
}

impl<S, ReqB, ResB> ResponseFuture<S, ReqB, ResB>
where
    S: Service<Request<RequestBody<ReqB>>, Response = Response<ResB>>,
    ReqB: Body<Data = Bytes>,
    ResB: Body<Data = Bytes>,
{
    pub(super) const fn pass_on(future: S::Future) -> Self {
        Self { state: State::PassingOn { future } }
    }

    pub(super) fn collect(
        service: S,
        head: request::Parts,
        body: ReqB,
        protocol: Arc<dyn Protocol>,
        settings: Arc<Settings>,
    ) -> Self {
        let collect = Collect::new(body, settings.limits.max_request_bytes);
        let timeout = Timeout::after_ms(settings.limits.max_request_wait_ms);
        Self {
            state: State::Collecting { collect, timeout, request: Some(Unsent { service, head, protocol, settings }) },
        }
    }
}

impl<S, ReqB, ResB> Future for ResponseFuture<S, ReqB, ResB>
where
    S: Service<Request<RequestBody<ReqB>>, Response = Response<ResB>>,
    ReqB: Body<Data = Bytes>,
    ResB: Body<Data = Bytes>,
{
    type Output = Result<Response<ReplyBody<ResB>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut state = self.as_mut().project().state;
            let next = match state.as_mut().project() {
                StateProjection::PassingOn { future } => {
                    return future.poll(cx).map_ok(|response| response.map(ReplyBody::untouched));
                }
                StateProjection::Collecting { collect, timeout, request } => {
                    let collected = match collect.poll(cx) {
                        Poll::Ready(collected) => collected,
                        Poll::Pending => {
                            ready!(timeout.poll(cx));
                            Collected::TooSlow(collect.stop())
                        }
                    };
                    let Some(request) = request.take() else { return Poll::Pending };
                    request.send(collected)
                }
                StateProjection::Calling { future, exchange } => {
                    let response = ready!(future.poll(cx));
                    let exchange = exchange.take();
                    match (response, exchange) {
                        (Ok(response), Some((exchange, course))) => match received(response, exchange, course) {
                            Received::Done(response) => return Poll::Ready(Ok(response)),
                            Received::Undecided(pending, undecided) => {
                                let timeout = Timeout::after_ms(undecided.exchange.settings.limits.budget_ms);
                                State::Deciding { pending, timeout, undecided: Some(undecided) }
                            }
                        },
                        (Ok(response), None) => return Poll::Ready(Ok(response.map(ReplyBody::untouched))),
                        (Err(error), exchange) => {
                            if let Some((exchange, _)) = exchange {
                                exchange.finish(super::Action::None(Reason::FailOpen(FailOpen::NoReply)));
                            }
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                StateProjection::Deciding { pending, timeout, undecided } => {
                    let answer = match Pin::new(pending).poll(cx) {
                        Poll::Ready(answer) => Some(answer),
                        Poll::Pending => {
                            ready!(timeout.poll(cx));
                            None
                        }
                    };
                    let Some(mut undecided) = undecided.take() else { return Poll::Pending };
                    let decision = answer
                        .map_or(Err(Reason::FailOpen(FailOpen::Budget)), |answer| undecided.exchange.decide(answer));
                    let Undecided { response, shape, exchange, reply } = undecided;
                    match (decision, shape) {
                        (Err(reason), _) => return Poll::Ready(Ok(exchange.pass_on(response, reason))),
                        (Ok(()), Shape::Stream(framing)) => {
                            return Poll::Ready(Ok(stream(response, exchange, framing, reply)));
                        }
                        (Ok(()), Shape::Json) => {
                            let (head, body) = response.into_parts();
                            let collect = Collect::new(body, exchange.settings.limits.max_reply_bytes);
                            let timeout = Timeout::after_ms(exchange.settings.limits.max_reply_wait_ms);
                            State::Reading { collect, timeout, undecided: Some((head, exchange, reply)) }
                        }
                    }
                }
                StateProjection::Reading { collect, timeout, undecided } => {
                    let collected = match collect.poll(cx) {
                        Poll::Ready(collected) => collected,
                        Poll::Pending => {
                            ready!(timeout.poll(cx));
                            Collected::TooSlow(collect.stop())
                        }
                    };
                    let Some((head, exchange, reply)) = undecided.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(edit(head, collected, exchange, &*reply)));
                }
            };
            state.set(next);
        }
    }
}

impl<S> Unsent<S> {
    /// Calls the inner service with what was collected, having given the turn to the classifier.
    fn send<ReqB, ResB>(self, collected: Collected<ReqB>) -> State<S, S::Future, ReqB, ResB>
    where
        S: Service<Request<RequestBody<ReqB>>>,
        ReqB: Body<Data = Bytes>,
        ResB: Body<Data = Bytes>,
    {
        let Self { mut service, mut head, protocol, settings } = self;
        let (body, why) = match collected {
            Collected::Whole(body) => (body, None),
            Collected::TooLong(body) => (body, Some(FailOpen::RequestTooLong)),
            Collected::TooSlow(body) => (body, Some(FailOpen::RequestTooSlow)),
            Collected::Broken(body) => (body, Some(FailOpen::RequestBroken)),
        };
        let exchange = match why {
            None => Exchange::read(&settings, protocol, &head, &body.bytes()),
            Some(why) => Some((Exchange::unread(&settings, protocol), Course::PassOn(Reason::FailOpen(why)))),
        };
        if matches!(exchange, Some((_, Course::Listen { .. }))) {
            ask_for_identity(&mut head.headers);
        }
        let future = service.call(Request::from_parts(head, RequestBody::collected(body)));
        State::Calling { future, exchange }
    }
}

enum Received<B: Body> {
    Done(Response<ReplyBody<B>>),
    Undecided(Pending, Undecided<B>),
}

/// Looks at the head of a reply.
fn received<B: Body>(response: Response<B>, exchange: Exchange, course: Course) -> Received<B> {
    let (pending, reply) = match course {
        Course::PassOn(reason) => return Received::Done(exchange.pass_on(response, reason)),
        Course::Listen { pending, reply } => (pending, reply),
    };
    let (head, body) = response.into_parts();
    let found = shape(&head, exchange.settings.respect_no_transform);
    let response = Response::from_parts(head, body);
    match found {
        Ok(shape) => Received::Undecided(pending, Undecided { response, shape, exchange, reply }),
        Err(reason) => Received::Done(exchange.pass_on(response, Reason::NotEditable(reason))),
    }
}

/// A streamed reply, to be edited as it passes.
fn stream<B: Body>(
    response: Response<B>,
    exchange: Exchange,
    framing: Framing,
    reply: Box<dyn ReplyFormat>,
) -> Response<ReplyBody<B>> {
    let (mut head, body) = response.into_parts();
    describe_edited(&mut head.headers, None);
    let limits = exchange.settings.limits;
    let planned = exchange.planned();
    let empathy = exchange.settings.empathy.clone();
    let editor = StreamEditor::new(framing, reply, empathy, exchange.sentence.clone(), limits.max_held_bytes);
    let body = ReplyBody::streamed(body, editor, exchange, Duration::from_millis(limits.max_held_ms));
    announce(Response::from_parts(head, body), planned)
}

/// A reply that comes whole, edited or not.
fn edit<B: Body>(
    head: response::Parts,
    collected: Collected<B>,
    exchange: Exchange,
    reply: &dyn ReplyFormat,
) -> Response<ReplyBody<B>> {
    let (body, edited) = match collected {
        Collected::Whole(body) => {
            let edited = exchange.edit(reply, &body.bytes());
            (body, edited)
        }
        Collected::TooLong(body) => (body, Err(Reason::FailOpen(FailOpen::ReplyTooLong))),
        Collected::TooSlow(body) => (body, Err(Reason::FailOpen(FailOpen::ReplyTooSlow))),
        Collected::Broken(body) => (body, Err(Reason::FailOpen(FailOpen::ReplyBroken))),
    };
    let response = Response::from_parts(head, body);
    match edited {
        Ok(pieces) => exchange.reply_with(response, pieces),
        Err(reason) => exchange.pass_on_collected(response, reason),
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
