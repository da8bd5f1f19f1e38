//! Connections to the bot.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpStream;
use tower_service::Service;

use super::{BoxError, UpstreamUrl};

/// Opens connections, with or without TLS, within a time limit.
///
/// [`HttpConnector`] has a limit of its own, but a server that accepts the connection and then leaves the TLS
/// handshake hanging would not be caught by it.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

impl Connector {
    /// # Errors
    ///
    /// If the bot is reached over TLS and the system has no root certificates.
    pub(super) fn new(url: &UpstreamUrl, timeout: Duration) -> io::Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // Tokens come in small pieces, and each should leave at once.
        http.set_nodelay(true);
        Ok(Self { inner: HttpsConnector::from((http, tls(url)?)), timeout })
    }
}

/// The provider is named because a process in which two are compiled in has no default.
fn tls(url: &UpstreamUrl) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = if url.is_https() {
        builder.with_native_roots()?
    } else {
        // A bare container has no root certificates, and needs none to talk to its neighbour.
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let connecting = self.inner.call(destination);
        let timeout = self.timeout;
        Box::pin(async move {
            let within = tokio::time::timeout(timeout, connecting).await;
            within.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}
