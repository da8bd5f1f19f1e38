//! The reverse proxy: undertone in front of a bot that is not written in Rust.
//!
//! Three parts that know nothing of chat, and compose like any other tower services:
//!
//! - [`Upstream`] sends requests to the bot, as RFC 9110 asks of a gateway;
//! - [`Rescue`] turns what went wrong on the way there into a `502` or `504` that says so;
//! - [`Server`] accepts connections, and lets open replies end when it is told to stop.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tokio::net::TcpListener;
//! use undertone::proxy::{Rescue, Server, Upstream};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let bot = Upstream::new("http://127.0.0.1:9000".parse()?)?;
//! let listener = TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = async { drop(tokio::signal::ctrl_c().await) };
//! Server::new(listener).drain(Duration::from_secs(30)).serve(Rescue::new(bot), stop).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What passes untouched
//!
//! Method, path, query, `Host` (unless set otherwise), status, end-to-end fields (with their case in HTTP/1, and the
//! order of repeated ones), bodies frame by frame as they come, announced trailers, and upgrades such as WebSocket, which
//! are tunnelled. Nothing is buffered: each side reads as fast as the other writes. A bot that dies in mid-reply leaves
//! the client with as much of the reply as there was and a connection that breaks, never with one that seems complete.
//! A client may close its end once it has said everything, and has some time to wait for its answer; one that goes away
//! takes its request to the bot with it, at the latest after that time.
//!
//! # What hyper does not let through
//!
//! - `1xx` responses other than `101`: a `103 Early Hints` from the bot is dropped, and `100 Continue` is answered
//!   here, when the body is first read.
//! - In HTTP/1, trailers that no `Trailer` field announced, and trailers to a client that did not say `TE: trailers`.
//! - Request targets with bytes that no URL has (`<`, `>`, `|`, a space, half a character): answered `400`, as RFC 9112
//!   §3 asks. Quotation marks, braces and UTF-8 pass.
//! - More than 1,000 header fields in one HTTP/1 message: such a request is answered `431`, such a reply `502`. Lines of
//!   a reply that are no fields at all are left out; a request with one is answered `400`, as RFC 9112 §5.1 asks, for the
//!   bot might take it for a field that says where the request ends.
//!
//! To the bot, undertone speaks HTTP/1.1 only, over TLS as well: every bot does, and WebSocket needs it.

mod connect;
mod error;
mod headers;
mod outgoing;
mod patient;
mod rescue;
mod server;
mod trailers;
mod tunnel;
mod upstream;
mod url;

pub use self::{
    error::{UpstreamError, UpstreamErrorKind},
    rescue::{Rescue, RescueFuture},
    server::Server,
    trailers::EndToEnd,
    upstream::{Upstream, UpstreamFuture},
    url::{InvalidUrl, UpstreamUrl},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
