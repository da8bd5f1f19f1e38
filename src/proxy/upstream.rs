//! The bot, as a tower service.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use super::{
    BoxError, EndToEnd, UpstreamError, UpstreamErrorKind, UpstreamUrl,
    connect::Connector,
    headers::{forward_request, forward_response},
    server::{Lease, MAX_FIELDS},
    tunnel,
};

type ClientBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Result<Response<EndToEnd<Incoming>>, UpstreamError>;

/// How long an unused connection to the bot is kept.
///
/// Node.js and uvicorn close theirs after 5; a request that is sent just then would be lost, and cannot be repeated
/// unless it is known to be harmless.
const IDLE: Duration = Duration::from_secs(4);

/// How long a bot may think before it begins to answer.
const DEFAULT_ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Sends requests to a bot over pooled HTTP/1.1 connections.
///
/// There is a time limit on connecting (5 seconds unless [`with_connect_timeout`](Self::with_connect_timeout) says
/// otherwise) and one on the head of the answer ([`answer_timeout`](Self::answer_timeout)); a reply that has begun may
/// take as long as it likes. A request that a kept connection turns out not to take is sent again on a fresh one, as
/// long as nothing of it has been sent. Clones share the pool.
#[derive(Clone)]
pub struct Upstream {
    url: UpstreamUrl,
    answer_timeout: Duration,
    preserve_host: bool,
    connector: Connector,
    client: Client<Connector, ClientBody>,
}

/// The bot's answer to come. Dropping it drops the request to the bot.
#[must_use = "futures do nothing unless polled"]
pub struct UpstreamFuture(Pin<Box<dyn Future<Output = Answer> + Send>>);

impl Upstream {
    /// The bot at this URL; no connection is made yet.
    ///
    /// # Errors
    ///
    /// If the URL is `https` and the system has no root certificates to check the bot's with.
    pub fn new(url: UpstreamUrl) -> io::Result<Self> {
        Self::with_connect_timeout(url, Duration::from_secs(5))
    }

    /// The same, with another limit on the time that name lookup, TCP and TLS take together.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connect_timeout(url: UpstreamUrl, timeout: Duration) -> io::Result<Self> {
        let connector = Connector::new(&url, timeout)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_preserve_header_case(true)
            .http1_max_headers(MAX_FIELDS)
            // One odd line is no reason to turn an answer into an error.
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .set_host(false)
            .build(connector.clone());
        Ok(Self { url, answer_timeout: DEFAULT_ANSWER_TIMEOUT, preserve_host: true, connector, client })
    }

    /// Waits this long for the head of an answer, the sending of the request included; 5 minutes unless set.
    #[must_use]
    pub const fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }

    /// Whether the bot learns in `Host` the name that the client uses, as it does unless this is set: most bots build
    /// links from it. Otherwise it gets its own, and the client's in `X-Forwarded-Host`.
    #[must_use]
    pub const fn preserve_host(mut self, preserve: bool) -> Self {
        self.preserve_host = preserve;
        self
    }

    /// The bot's base URL.
    #[must_use]
    pub fn url(&self) -> &UpstreamUrl {
        &self.url
    }

    /// Connects to the bot, TLS included, and hangs up.
    ///
    /// # Errors
    ///
    /// [`UpstreamErrorKind::Unreachable`], with the cause.
    pub async fn reach(&self) -> Result<(), UpstreamError> {
        let unreachable = |cause: BoxError| UpstreamError::new(UpstreamErrorKind::Unreachable, &self.url, Some(cause));
        let origin = self.url.origin().map_err(|error| unreachable(error.into()))?;
        let mut connector = self.connector.clone();
        std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(unreachable)?;
        connector.call(origin).await.map(drop).map_err(unreachable)
    }

    async fn send(self, request: Request<ClientBody>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::CONNECT {
            return Err(UpstreamError::new(UpstreamErrorKind::Connect, &self.url, None));
        }
        let (hop_by_hop, upgrade) = forward_request(&mut parts, &self.url, self.preserve_host);
        announce_chunks(&mut parts.headers, &body);
        parts.uri = self
            .url
            .join(&parts.uri)
            .map_err(|error| UpstreamError::new(UpstreamErrorKind::Request, &self.url, Some(error.into())))?;
        let lease = parts.extensions.get::<Lease>().cloned();
        let client_side = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade);

        let request = Request::from_parts(parts, EndToEnd::new(body, hop_by_hop).boxed_unsync());
        let response = tokio::time::timeout(self.answer_timeout, self.client.request(request)).await;
        let response = response.map_err(|_| UpstreamError::new(UpstreamErrorKind::Late, &self.url, None))?;
        let mut response = response.map_err(|error| UpstreamError::from_client(error, &self.url))?;

        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let bot_side = hyper::upgrade::on(&mut response);
            let client_side =
                client_side.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Switched, &self.url, None))?;
            tunnel::spawn(client_side, bot_side, lease);
        }
        let (mut parts, body) = response.into_parts();
        let hop_by_hop = forward_response(&mut parts, &self.url);
        Ok(Response::from_parts(parts, EndToEnd::new(body, hop_by_hop)))
    }
}

/// Says of a body whose length is not known that it comes in chunks. hyper does so itself, but not for `GET` and other
/// methods that mostly have none: it would leave out the body.
fn announce_chunks(headers: &mut HeaderMap, body: &ClientBody) {
    let is_unknown = !body.is_end_stream() && body.size_hint().exact().is_none();
    if is_unknown && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

impl<B> Service<Request<B>> for Upstream
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<EndToEnd<Incoming>>;
    type Error = UpstreamError;
    type Future = UpstreamFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> UpstreamFuture {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        UpstreamFuture(Box::pin(self.clone().send(request)))
    }
}

impl Future for UpstreamFuture {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for UpstreamFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamFuture").finish_non_exhaustive()
    }
}
