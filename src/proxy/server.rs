//! The listening side: accept, serve, and stop without cutting anybody off.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

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
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{self, Instant},
};
use tower::{ServiceExt, util::MapRequest};
use tower_service::Service;

use super::{
    BoxError,
    headers::Peer,
    outgoing::{InFlight, Outgoing},
    patient::Patient,
};

/// How long a client may take over the head of a request, and keep a connection unused.
///
/// Above the 60 seconds after which common load balancers drop an idle connection, so that it is they who do it: one
/// that undertone closes at the moment it is used again costs the user an error.
const HEAD: Duration = Duration::from_secs(75);

/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to answer: a connection
/// whose other end has gone without a word would otherwise stay for ever.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// How long to wait after the system would not hand out a connection: it has run out of something, such as file
/// descriptors, that only comes back when other connections end.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How long a client of HTTP/1 that has closed its end is taken to wait for its answer still.
const PATIENCE: Duration = Duration::from_secs(10);

/// Header fields in one message. hyper's own limit of 100 turns answers of large gateways into errors.
pub(super) const MAX_FIELDS: usize = 1_000;

/// What a client of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How often to look whether more of it has come.
const PEEK: Duration = Duration::from_millis(20);

/// How far the server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No new connections, no new requests on idle ones; what has begun goes on.
    Draining,
    /// What has not ended by now is cut off.
    Over,
}

/// Keeps the server from ending, until the deadline for draining, and a connection's place taken: a tunnel outlives the
/// connection that it came from.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    phase: watch::Receiver<Phase>,
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Lease {
    /// Waits for the server to ask that nothing new be begun.
    async fn draining(&mut self) {
        // An error means that the server is gone altogether.
        let _ = self.phase.wait_for(|phase| *phase != Phase::Serving).await;
    }

    /// Waits for the deadline. Cancel-safe.
    pub(super) async fn expired(&mut self) {
        let _ = self.phase.wait_for(|phase| *phase == Phase::Over).await;
    }
}

/// Serves HTTP/1.1, and HTTP/2 to clients that begin with it.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    drain: Duration,
    max_connections: usize,
    patience: Duration,
}

impl Server {
    /// A server on this listener, with as many connections as there can be and no time to end them.
    #[must_use]
    pub const fn new(listener: TcpListener) -> Self {
        Self { listener, drain: Duration::ZERO, max_connections: Semaphore::MAX_PERMITS, patience: PATIENCE }
    }

    /// Lets open replies go on for this long when it is told to stop.
    #[must_use]
    pub const fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Accepts no more connections than this at the same time, at least 1. More wait to be accepted.
    #[must_use]
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Lets a client of HTTP/1 that has closed its end of the connection wait this long for its answer; 10 seconds
    /// unless set. One that is gone looks just the same, and its bot works on for that time.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Serves until `shutdown` is ready and all replies have ended.
    ///
    /// Then no more connections are accepted, idle ones are closed, and replies and tunnels have the time that
    /// [`drain`](Self::drain) gives them; what is left after that is cut off. Failures to accept a connection are
    /// logged and do not end the server.
    pub async fn serve<S, B>(self, service: S, shutdown: impl Future)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError> + Send,
    {
        let Self { listener, drain, max_connections, patience } = self;
        let (phase, lease) = watch::channel(Phase::Serving);
        let places = Arc::new(Semaphore::new(max_connections));
        let mut shutdown = pin!(shutdown);
        loop {
            let (place, (stream, peer)) = tokio::select! {
                biased;
                _ = &mut shutdown => break,
                accepted = accept(&listener, &places) => accepted,
            };
            let lease = Lease { phase: lease.clone(), _place: place.map(Arc::new) };
            tokio::spawn(connection(stream, peer, service.clone(), lease, patience));
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
}

/// Waits for a place, and then for somebody to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, (TcpStream, SocketAddr)) {
    if places.available_permits() == 0 {
        tracing::warn!("as many connections as there may be: new ones wait (proxy.max_connections)");
    }
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok(accepted) => return (place, accepted),
            // The client's doing, and no reason to make the next one wait.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(BACK_OFF).await;
            }
        }
    }
}

async fn connection<S, B>(stream: TcpStream, peer: SocketAddr, service: S, mut lease: Lease, patience: Duration)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + Send,
{
    // Tokens come in small pieces, and each should leave at once. A socket that refuses still works.
    let _ = stream.set_nodelay(true);
    let patience = match speaks(&stream, &mut lease).await {
        None => return,
        Some(Speech::Http1) => patience,
        // Its streams end one by one, so a connection that ends is one that is gone.
        Some(Speech::Http2) => Duration::ZERO,
    };
    let in_flight = InFlight::default();
    let stream = Patient::new(stream, in_flight.clone(), patience);
    let request_lease = lease.clone();
    let requests = in_flight.clone();
    let service = MapRequest::new(service, move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(request_lease.clone());
        request
    });
    let service = tower::service_fn(move |request| {
        let ticket = requests.begin();
        let reply = service.clone().oneshot(request);
        async move { reply.await.map(|response| response.map(|body| Outgoing::new(body, ticket))) }
    });
    let builder = builder();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = lease.draining() => None,
        () = in_flight.idle_for(HEAD) => None,
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

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Http1,
    Http2,
}

/// Waits until the client has begun to speak, and it shows whether in HTTP/1 or HTTP/2.
///
/// hyper limits the time for the head of an HTTP/1 request, but before that waits without limit for the bytes that
/// tell the two apart.
async fn speaks(stream: &TcpStream, lease: &mut Lease) -> Option<Speech> {
    let deadline = Instant::now() + HEAD;
    let begun = async {
        let mut first = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut first).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => {
                    let said = first.get(..length).unwrap_or_default();
                    if !PREFACE.starts_with(said) {
                        return Some(Speech::Http1);
                    }
                    if length == PREFACE.len() {
                        return Some(Speech::Http2);
                    }
                }
            }
            // Part of a preface: what has come is not taken, so there is nothing to be woken by.
            time::sleep(PEEK).await;
        }
    };
    tokio::select! {
        begun = time::timeout_at(deadline, begun) => begun.unwrap_or(None),
        () = lease.draining() => None,
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).preserve_header_case(true);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(MAX_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .max_header_list_size(64 << 10);
    builder
}
