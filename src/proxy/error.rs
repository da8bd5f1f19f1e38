//! What can go wrong between undertone and the bot.

use std::{error::Error, fmt, io};

use super::{BoxError, UpstreamUrl};

/// A request that did not get the bot's answer.
///
/// [`Display`](fmt::Display) says what failed and names the bot; [`reason`](Self::reason) says why, and the causes
/// are in [`source`](Error::source).
#[derive(Debug)]
pub struct UpstreamError {
    kind: UpstreamErrorKind,
    url: UpstreamUrl,
    source: Option<BoxError>,
}

/// Where it went wrong, and so whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamErrorKind {
    /// The bot: no connection, be it for the name, the network, the port or the certificate.
    Unreachable,
    /// The bot: connected, and then no answer, or none that is HTTP.
    NoAnswer,
    /// The bot: connected, and no answer in the time it is given.
    Late,
    /// The bot: it switched protocols without having been asked to.
    Switched,
    /// The client: its request ended before it was complete, or cannot be sent on.
    Request,
    /// The client: `CONNECT`, which asks for a forward proxy.
    Connect,
}

impl UpstreamError {
    pub(super) fn new(kind: UpstreamErrorKind, url: &UpstreamUrl, source: impl Into<Option<BoxError>>) -> Self {
        Self { kind, url: url.clone(), source: source.into() }
    }

    pub(super) fn from_client(error: hyper_util::client::legacy::Error, url: &UpstreamUrl) -> Self {
        let kind = if error.is_connect() {
            UpstreamErrorKind::Unreachable
        } else if causes(&error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_user) {
            // What hyper blames on its user is the body it was given: the client's.
            UpstreamErrorKind::Request
        } else {
            UpstreamErrorKind::NoAnswer
        };
        Self::new(kind, url, Some(error.into()))
    }

    /// Where it went wrong.
    #[must_use]
    pub fn kind(&self) -> UpstreamErrorKind {
        self.kind
    }

    /// The innermost cause in a few words, such as `connection refused`; nothing if there is none.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let source: &(dyn Error + 'static) = self.source.as_deref()?;
        let innermost = std::iter::once(source).chain(causes(source)).last()?;
        Some(match innermost.downcast_ref::<io::Error>() {
            Some(error) => describe(error),
            None => innermost.to_string(),
        })
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        match self.kind {
            UpstreamErrorKind::Unreachable => write!(f, "cannot reach the bot at {url}"),
            UpstreamErrorKind::NoAnswer => write!(f, "no answer from the bot at {url}"),
            UpstreamErrorKind::Late => write!(f, "no answer in time from the bot at {url}"),
            UpstreamErrorKind::Switched => write!(f, "the bot at {url} switched protocols unasked"),
            UpstreamErrorKind::Request => f.write_str("the request could not be passed on"),
            UpstreamErrorKind::Connect => f.write_str("CONNECT is refused: this is a reverse proxy"),
        }
    }
}

impl Error for UpstreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The standard library's own words for a kind of error are plainer than the system's, where it has any.
fn describe(error: &io::Error) -> String {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        TimedOut, UnexpectedEof,
    };
    match error.kind() {
        kind @ (BrokenPipe | ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable
        | NetworkUnreachable | TimedOut | UnexpectedEof) => kind.to_string(),
        _ => error.to_string(),
    }
}
