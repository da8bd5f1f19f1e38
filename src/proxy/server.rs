//! The listening side: accept, serve, and stop without cutting anybody off.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time,
};
use tower::util::MapRequest;
use tower_service::Service;

use super::{BoxError, headers::Peer};

/// How long a client may take over the head of a request; in HTTP/1 also how long it may keep a connection unused.
///
/// Above the 60 seconds after which common load balancers drop an idle connection, so that it is they who do it: one
/// that undertone closes at the moment it is used again costs the user an error.
const HEAD: Duration = Duration::from_secs(75);

/// How long to wait after the system would not hand out a connection: it has run out of something, such as file
/// descriptors, that only comes back when other connections end.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How far the server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No new connections, no new requests on idle ones; what has begun goes on.
    Draining,
    /// What has not ended by now is cut off.
    Over,
}

/// Keeps the server from ending, until the deadline for draining.
#[derive(Debug, Clone)]
pub(super) struct Lease(watch::Receiver<Phase>);

impl Lease {
    /// Waits for the server to ask that nothing new be begun.
    async fn draining(&mut self) {
        // An error means that the server is gone altogether.
        let _ = self.0.wait_for(|phase| *phase != Phase::Serving).await;
    }

    /// Waits for the deadline. Cancel-safe.
    pub(super) async fn expired(&mut self) {
        let _ = self.0.wait_for(|phase| *phase == Phase::Over).await;
    }
}

/// Serves HTTP/1.1, and HTTP/2 to clients that begin with it, until `shutdown` is ready and all replies have ended.
///
/// Then no more connections are accepted, idle ones are closed, and replies and tunnels have `drain` to end; what is
/// left after that is cut off. Failures to accept a connection are logged and do not end the server.
pub async fn serve<S, B>(listener: TcpListener, service: S, shutdown: impl Future, drain: Duration)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (phase, lease) = watch::channel(Phase::Serving);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        let (stream, peer) = accepted;
        tokio::spawn(connection(stream, peer, service.clone(), Lease(lease.clone())));
    }
    drop((listener, lease));

    tracing::info!("shutting down, open replies have {drain:?} to end");
    phase.send_replace(Phase::Draining);
    if time::timeout(drain, phase.closed()).await.is_err() {
        tracing::warn!("cutting off what is still open");
    }
    phase.send_replace(Phase::Over);
    phase.closed().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client's doing, and no reason to make the next one wait.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(BACK_OFF).await;
            }
        }
    }
}

async fn connection<S, B>(stream: TcpStream, peer: SocketAddr, service: S, mut lease: Lease)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // Tokens come in small pieces, and each should leave at once. A socket that refuses still works.
    let _ = stream.set_nodelay(true);
    if !speaks(&stream, &mut lease).await {
        return;
    }
    let request_lease = lease.clone();
    let service = MapRequest::new(service, move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(request_lease.clone());
        request
    });
    let builder = builder();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = lease.draining() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = lease.expired() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error, "connection ended early");
    }
}

/// Waits for the client's first byte.
///
/// hyper limits the time for the head of an HTTP/1 request, but before that waits without limit for the bytes that
/// tell HTTP/1 from HTTP/2.
async fn speaks(stream: &TcpStream, lease: &mut Lease) -> bool {
    let mut first = [0];
    tokio::select! {
        peeked = time::timeout(HEAD, stream.peek(&mut first)) => matches!(peeked, Ok(Ok(1..))),
        () = lease.draining() => false,
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).preserve_header_case(true);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new());
    builder
}
