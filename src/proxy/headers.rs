//! Which header fields go on, and which concern one connection only (RFC 9110 §7.6).

use std::net::SocketAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, Entry, HOST, LOCATION, TE, TRANSFER_ENCODING, UPGRADE, VIA},
    request, response,
};

use super::UpstreamUrl;
use crate::fields::members;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Hop-by-hop whether `Connection` lists them or not (RFC 9110 §7.6.1).
const ALWAYS: [HeaderName; 6] = [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE];

/// The client at the other end of the connection, in the extensions of its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The fields that a message's `Connection` lists, to be taken out of its headers and trailers.
#[derive(Debug, Clone)]
pub(super) struct HopByHop(Vec<HeaderName>);

impl HopByHop {
    fn of(headers: &HeaderMap) -> Self {
        Self(members(headers, &CONNECTION).filter_map(|token| token.parse().ok()).collect())
    }

    pub(super) fn remove_from(&self, fields: &mut HeaderMap) {
        for name in self.0.iter().chain(&ALWAYS) {
            fields.remove(name);
        }
    }
}

/// Makes the client's request one to the bot. Says which fields may not be in its trailers, and whether the client
/// asks for another protocol.
pub(super) fn forward_request(parts: &mut request::Parts, url: &UpstreamUrl, preserve_host: bool) -> (HopByHop, bool) {
    let hop_by_hop = HopByHop::of(&parts.headers);
    let upgrade = asked_upgrade(parts);
    let trailers = members(&parts.headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    remove_untrue_length(&mut parts.headers);
    hop_by_hop.remove_from(&mut parts.headers);
    // The connection to the client answers `100 Continue` itself as soon as the body is read, and the one to the bot
    // does not wait for one: the expectation has been met.
    parts.headers.remove(EXPECT);

    if let Some(protocols) = &upgrade {
        parts.headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        for protocol in protocols {
            parts.headers.append(UPGRADE, protocol.clone());
        }
    }
    if trailers {
        // RFC 9110 §10.1.4: who sends `TE` lists it in `Connection`.
        parts.headers.append(CONNECTION, HeaderValue::from_static("te"));
        parts.headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    name_the_client(parts);
    parts.headers.append(VIA, via(parts.version));
    let named = named_host(parts).filter(|_| preserve_host);
    if let Some(host) = named.or_else(|| url.host()) {
        parts.headers.insert(HOST, host);
    }
    join_cookies(parts);
    parts.version = Version::HTTP_11;
    (hop_by_hop, upgrade.is_some())
}

/// Makes the bot's response one to the client. Says which fields may not be in its trailers.
///
/// No `Via` is added: a gateway may leave it out of responses (RFC 9110 §7.6.3), and a reply that undertone does not
/// touch should reach the client as the bot sent it.
pub(super) fn forward_response(parts: &mut response::Parts, url: &UpstreamUrl) -> HopByHop {
    let hop_by_hop = HopByHop::of(&parts.headers);
    let protocols: Vec<_> = parts.headers.get_all(UPGRADE).iter().cloned().collect();
    remove_untrue_length(&mut parts.headers);
    hop_by_hop.remove_from(&mut parts.headers);
    if parts.status == http::StatusCode::SWITCHING_PROTOCOLS {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        for protocol in protocols {
            parts.headers.append(UPGRADE, protocol);
        }
    }
    hide_the_bot(&mut parts.headers, url);
    // The version is that of a connection: hyper knows its own, but would repeat a bot's 1.0 to a client of 1.1.
    parts.version = Version::HTTP_11;
    hop_by_hop
}

/// The protocols that the client would rather speak, if it asks for any that can be tunnelled.
///
/// `h2c` cannot: the bot would be spoken to in HTTP/2 past the proxy, a known way around its rules. `Upgrade` has no
/// meaning outside HTTP/1.1 (RFC 9110 §7.8).
fn asked_upgrade(parts: &request::Parts) -> Option<Vec<HeaderValue>> {
    let listed = members(&parts.headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let h2c = members(&parts.headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("h2c"));
    let protocols: Vec<_> = parts.headers.get_all(UPGRADE).iter().cloned().collect();
    (parts.version == Version::HTTP_11 && listed && !h2c && !protocols.is_empty()).then_some(protocols)
}

/// `Transfer-Encoding` overrides `Content-Length`; who forwards such a message drops the latter (RFC 9112 §6.3),
/// for the next reader may see it the other way round.
fn remove_untrue_length(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
}

/// `X-Forwarded-For` lists every hop, so the peer is appended. Of the host and the scheme that the user typed only
/// the outermost proxy knows, and bots compare them as a whole: what is there stays.
fn name_the_client(parts: &mut request::Parts) {
    if let Some(Peer(address)) = parts.extensions.get() {
        let address = address.ip().to_canonical().to_string();
        let earlier: Vec<_> = parts.headers.get_all(X_FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).collect();
        let chain = earlier.into_iter().chain([address.as_str()]).collect::<Vec<_>>().join(", ");
        if let Ok(chain) = HeaderValue::from_str(&chain) {
            parts.headers.insert(X_FORWARDED_FOR, chain);
        }
    }
    let host = named_host(parts);
    if let (Entry::Vacant(entry), Some(host)) = (parts.headers.entry(X_FORWARDED_HOST), host) {
        entry.insert(host);
    }
    // TLS ends before undertone, where it is used at all.
    parts.headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
}

/// The host that the client names: in the target, where that is a whole URL, or else in the field.
fn named_host(parts: &request::Parts) -> Option<HeaderValue> {
    match parts.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => parts.headers.get(HOST).cloned(),
    }
}

/// HTTP/2 may cut `Cookie` into crumbs, which are one field before they go on in HTTP/1.1 (RFC 9113 §8.2.3).
fn join_cookies(parts: &mut request::Parts) {
    let crumbs: Vec<_> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        parts.headers.insert(COOKIE, cookie);
    }
}

/// A redirect to the bot's own address is one to where the client has found it: the address goes, the path stays.
fn hide_the_bot(headers: &mut HeaderMap, url: &UpstreamUrl) {
    let path = headers.get(LOCATION).and_then(|location| url.path_of(location.to_str().ok()?));
    if let Some(path) = path.and_then(|path| HeaderValue::try_from(path).ok()) {
        headers.insert(LOCATION, path);
    }
}

fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::HTTP_10 => "1.0 undertone",
        Version::HTTP_2 => "2 undertone",
        _ => "1.1 undertone",
    })
}
