use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    ReplyBody, RequestBody, ResponseFuture, body::BoxError, exchange::Claimed, future::Unsent, layer::Settings, pace,
    request::asks_to_be_left_alone,
};
use crate::{
    outcome::{DANGER, Heard},
    protocol::HandsOff,
};

/// The service that [`EmpathyLayer`](super::EmpathyLayer) makes.
#[derive(Debug, Clone)]
pub struct EmpathyService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> EmpathyService<S> {
    pub(super) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives back the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for EmpathyService<S>
where
    S: Service<Request<RequestBody<ReqB>>, Response = Response<ResB>> + Clone,
    ReqB: Body<Data = Bytes>,
    ResB: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ReplyBody<ResB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqB, ResB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        if pace::is_event(&self.settings, &request) {
            let (head, body) = request.into_parts();
            return ResponseFuture::pace(head, body, Arc::clone(&self.settings));
        }
        let (mut head, body) = request.into_parts();
        // Whatever becomes of it: a client cannot say this.
        Heard::strip(&mut head.headers);
        if self.settings.tell_danger {
            head.headers.remove(DANGER);
        }
        let is_off = asks_to_be_left_alone(&mut head.headers);
        let Some(mut claimed) = Claimed::of(&self.settings, &head) else {
            return ResponseFuture::pass_on(self.inner.call(Request::from_parts(head, RequestBody::untouched(body))));
        };
        if is_off {
            let future = self.inner.call(Request::from_parts(head, RequestBody::untouched(body)));
            return match claimed.ticket.take() {
                Some(ticket) => ResponseFuture::leave(future, ticket, HandsOff::Off),
                None => ResponseFuture::pass_on(future),
            };
        }
        // The instance that was polled ready is the one to call, but only once the body is there: it goes along with
        // the future, and a clone, which has yet to become ready, stays.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        ResponseFuture::collect(Unsent::new(ready, head, claimed, Arc::clone(&self.settings)), body)
    }
}
