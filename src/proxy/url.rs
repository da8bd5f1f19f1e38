//! Where the bot is.

use std::{fmt, str::FromStr};

use http::{
    HeaderValue, Uri,
    uri::{Authority, InvalidUri, PathAndQuery, Scheme},
};
use serde::Deserialize;

/// The bot's base URL: `http` or `https`, an authority, and a path that is put before every request's.
///
/// Credentials are refused, since the URL is shown in error messages; so are a query and a fragment, which would
/// have no meaning in a base.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UpstreamUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at the end, so that it can be put before a path; empty for the root.
    base: String,
}

/// The text is not a URL a bot can be reached at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not the URL of a bot: {reason}")]
pub struct InvalidUrl {
    url: String,
    reason: &'static str,
}

impl UpstreamUrl {
    /// Whether TLS is needed to reach it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The value of `Host` in a request to it.
    pub(super) fn host(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.authority.as_str()).ok()
    }

    /// The URL without a path, for a connector.
    pub(super) fn origin(&self) -> Result<Uri, http::Error> {
        self.uri(PathAndQuery::from_static("/"))
    }

    /// The request's target, at the bot. Path and query keep their bytes: nothing is decoded, normalized or sorted.
    pub(super) fn join(&self, target: &Uri) -> Result<Uri, http::Error> {
        match target.path_and_query() {
            // `OPTIONS *` asks about the server and not about a resource, so it has no place below a base.
            Some(target) if self.base.is_empty() || target == "*" => self.uri(target.clone()),
            Some(target) => self.uri(self.below_base(target.as_str())?),
            None => self.uri(self.below_base("/")?),
        }
    }

    /// The path, query and fragment of an absolute URL at this bot, as its clients know them; nothing if it is
    /// elsewhere.
    pub(super) fn path_of(&self, location: &str) -> Option<String> {
        let rest = location.strip_prefix(&format!("{}://{}", self.scheme, self.authority))?;
        let path = rest.strip_prefix(self.base.as_str()).unwrap_or(rest);
        match path.chars().next() {
            None => Some("/".to_owned()),
            Some('/') => Some(path.to_owned()),
            Some('?' | '#') => Some(format!("/{path}")),
            Some(_) => None,
        }
    }

    fn below_base(&self, target: &str) -> Result<PathAndQuery, InvalidUri> {
        // `GET http://proxy?query` has a query and no path.
        let slash = if target.starts_with('/') { "" } else { "/" };
        PathAndQuery::try_from(format!("{}{slash}{target}", self.base))
    }

    fn uri(&self, target: PathAndQuery) -> Result<Uri, http::Error> {
        Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(target).build()
    }
}

impl FromStr for UpstreamUrl {
    type Err = InvalidUrl;

    fn from_str(url: &str) -> Result<Self, InvalidUrl> {
        parse(url).map_err(|reason| InvalidUrl { url: without_credentials(url), reason })
    }
}

impl TryFrom<String> for UpstreamUrl {
    type Error = InvalidUrl;

    fn try_from(url: String) -> Result<Self, InvalidUrl> {
        url.parse()
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

fn parse(url: &str) -> Result<UpstreamUrl, &'static str> {
    if url.contains('#') {
        return Err("it has a fragment");
    }
    let uri: Uri = url.parse().map_err(|_: InvalidUri| "it is malformed")?;
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err("it does not begin with http:// or https://");
    };
    if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
        return Err("it does not begin with http:// or https://");
    }
    if authority.as_str().contains('@') {
        return Err("it has credentials in it");
    }
    if authority.host().is_empty() {
        return Err("it names no host");
    }
    // `http` keeps a port it cannot read as text, and says only that there is none.
    if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("its port is not a number from 1 to 65535");
    }
    let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.query().is_some() {
        return Err("it has a query");
    }
    Ok(UpstreamUrl { scheme, authority, base: path.path().trim_end_matches('/').to_owned() })
}

/// A password that was typed where it cannot be used still does not belong on a screen.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_goes_below_the_base_with_its_bytes_kept() {
        for (base, target, expected) in [
            ("http://bot:9000", "/v1/chat?a=%2F&b", "http://bot:9000/v1/chat?a=%2F&b"),
            ("http://bot:9000/", "/", "http://bot:9000/"),
            ("https://bot/api/", "/v1//chat/", "https://bot/api/v1//chat/"),
            ("https://bot/api", "http://undertone?q=1", "https://bot/api/?q=1"),
            ("https://bot/api", "http://undertone/chat", "https://bot/api/chat"),
            ("http://[::1]:9000", "/%E2%82%AC", "http://[::1]:9000/%E2%82%AC"),
        ] {
            let url: UpstreamUrl = base.parse().unwrap();
            assert_eq!(url.join(&target.parse().unwrap()).unwrap().to_string(), expected, "{base} {target}");
        }
    }

    #[test]
    fn a_place_at_the_bot_is_known_by_its_path() {
        let url: UpstreamUrl = "http://bot:9000/api".parse().unwrap();
        for (location, path) in [
            ("http://bot:9000/api/login?a=b#c", Some("/login?a=b#c")),
            ("http://bot:9000/api", Some("/")),
            ("http://bot:9000?a=b", Some("/?a=b")),
            ("http://bot:9000/elsewhere", Some("/elsewhere")),
            ("http://bot:90001/", None),
            ("https://bot:9000/", None),
            ("http://shop.example/", None),
            ("/login", None),
        ] {
            assert_eq!(url.path_of(location).as_deref(), path, "{location}");
        }
    }

    #[test]
    fn asking_about_the_server_stays_a_star() {
        let url: UpstreamUrl = "http://bot/api".parse().unwrap();
        assert_eq!(url.join(&Uri::from_static("*")).unwrap().path_and_query().unwrap(), "*");
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, reason) in [
            ("localhost:9000", "it does not begin with http:// or https://"),
            ("ftp://bot", "it does not begin with http:// or https://"),
            ("http://", "it is malformed"),
            ("http://bot:99999", "its port is not a number from 1 to 65535"),
            ("http://bot/?a=b", "it has a query"),
            ("http://bot/#a", "it has a fragment"),
            ("not a url", "it is malformed"),
        ] {
            let message = url.parse::<UpstreamUrl>().unwrap_err().to_string();
            assert_eq!(message, format!("`{url}` is not the URL of a bot: {reason}"));
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let message = "https://me:secret@bot".parse::<UpstreamUrl>().unwrap_err().to_string();
        assert_eq!(message, "`https://…@bot` is not the URL of a bot: it has credentials in it");
    }
}
