//! The bot, as a tower service.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
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
    server::Lease,
    tunnel,
};

type ClientBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Result<Response<EndToEnd<Incoming>>, UpstreamError>;

/// How long an unused connection to the bot is kept.
///
/// Node.js and uvicorn close theirs after 5; a request that is sent just then would be lost, and cannot be repeated
/// unless it is known to be harmless.
const IDLE: Duration = Duration::from_secs(4);

/// Sends requests to a bot over pooled HTTP/1.1 connections.
///
/// There is a time limit on connecting (5 seconds unless [`with_connect_timeout`](Self::with_connect_timeout) says
/// otherwise) and none on answering: a bot may think for minutes, and a client that waits no longer hangs up.
/// Clones share the pool.
#[derive(Clone)]
pub struct Upstream {
    url: UpstreamUrl,
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
            .set_host(false)
            .build(connector.clone());
        Ok(Self { url, connector, client })
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
        let (hop_by_hop, upgrade) = forward_request(&mut parts, &self.url);
        parts.uri = self
            .url
            .join(&parts.uri)
            .map_err(|error| UpstreamError::new(UpstreamErrorKind::Request, &self.url, Some(error.into())))?;
        let lease = parts.extensions.get::<Lease>().cloned();
        let client_side = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade);

        let request = Request::from_parts(parts, EndToEnd::new(body, hop_by_hop).boxed_unsync());
        let response = self.client.request(request).await;
        let mut response = response.map_err(|error| UpstreamError::from_client(error, &self.url))?;

        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let bot_side = hyper::upgrade::on(&mut response);
            let client_side =
                client_side.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Switched, &self.url, None))?;
            tunnel::spawn(client_side, bot_side, lease);
        }
        let (mut parts, body) = response.into_parts();
        let hop_by_hop = forward_response(&mut parts);
        Ok(Response::from_parts(parts, EndToEnd::new(body, hop_by_hop)))
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
