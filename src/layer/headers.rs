//! Which responses may be edited, and which of their headers describe the bytes.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
        ETAG,
    },
    response,
};

use super::outcome::{HEADER, NotEditable};
use crate::{fields::members, protocol::Framing};

/// What describes the bytes of a body and is wrong once they change: validators (RFC 9110, section 8.8), digests
/// (RFC 9530 and the fields it replaces), ranges, and message signatures, which may cover any of these (RFC 9421).
const OF_THE_BYTES: [HeaderName; 9] = [
    ETAG,
    ACCEPT_RANGES,
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
    CONTENT_LENGTH,
];

/// How a reply comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One JSON text.
    Json,
    /// Event by event.
    Stream(Framing),
}

/// How an editable response comes, or why it is not editable.
pub(super) fn shape(head: &response::Parts, respect_no_transform: bool) -> Result<Shape, NotEditable> {
    if head.headers.contains_key(HEADER) {
        return Err(NotEditable::Chained);
    }
    if head.status == StatusCode::PARTIAL_CONTENT || head.headers.contains_key(CONTENT_RANGE) {
        return Err(NotEditable::Partial);
    }
    let has_no_content = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    if !head.status.is_success() || has_no_content {
        return Err(NotEditable::Status);
    }
    if members(&head.headers, &CONTENT_ENCODING).any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(NotEditable::Encoding);
    }
    let mut directives = members(&head.headers, &CACHE_CONTROL);
    if respect_no_transform && directives.any(|directive| directive.eq_ignore_ascii_case("no-transform")) {
        return Err(NotEditable::NoTransform);
    }
    media_type(&head.headers).ok_or(NotEditable::MediaType)
}

fn media_type(headers: &HeaderMap) -> Option<Shape> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/event-stream" => Some(Shape::Stream(Framing::Sse)),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Some(Shape::Stream(Framing::Ndjson))
        }
        "application/json" => Some(Shape::Json),
        _ if essence.starts_with("application/") && essence.ends_with("+json") => Some(Shape::Json),
        _ => None,
    }
}

/// Drops what describes the bytes of a body that is about to change. A `Content-Length` is corrected where the new
/// one is known; none is added, for a `Transfer-Encoding` may stand in its place.
pub(super) fn describe_edited(headers: &mut HeaderMap, length: Option<usize>) {
    let had_length = headers.contains_key(CONTENT_LENGTH);
    for name in OF_THE_BYTES {
        headers.remove(name);
    }
    if let Some(length) = length.filter(|_| had_length) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Asks the bot not to compress, unless the client refuses what is not compressed. The field is set and not removed:
/// without it every coding is acceptable (RFC 9110, section 12.5.3).
pub(super) fn ask_for_identity(headers: &mut HeaderMap) {
    if !refuses_identity(headers) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

fn refuses_identity(headers: &HeaderMap) -> bool {
    let mut refused_by_star = false;
    for element in members(headers, &ACCEPT_ENCODING) {
        let mut parts = element.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_refused = quality.and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
        if coding.eq_ignore_ascii_case("identity") {
            return is_refused;
        }
        refused_by_star |= coding == "*" && is_refused;
    }
    refused_by_star
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    /// A status, headers, and what is to be made of them.
    type Case<'a> = (u16, &'a [(&'a str, &'a str)], Result<Shape, NotEditable>);

    fn head(status: u16, headers: &[(&str, &str)]) -> response::Parts {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_whole_plain_successful_json_and_event_streams_are_editable() {
        let json = ("content-type", "application/json; charset=utf-8");
        let cases: [Case<'_>; 14] = [
            (200, &[json], Ok(Shape::Json)),
            (201, &[("content-type", "application/vnd.bot+json")], Ok(Shape::Json)),
            (200, &[("content-type", "Text/Event-Stream")], Ok(Shape::Stream(Framing::Sse))),
            (200, &[("content-type", "application/x-ndjson")], Ok(Shape::Stream(Framing::Ndjson))),
            (200, &[json, ("content-encoding", "identity")], Ok(Shape::Json)),
            (200, &[json, ("content-encoding", "gzip")], Err(NotEditable::Encoding)),
            (200, &[json, ("content-range", "bytes 0-1/5")], Err(NotEditable::Partial)),
            (206, &[json], Err(NotEditable::Partial)),
            (204, &[json], Err(NotEditable::Status)),
            (302, &[json], Err(NotEditable::Status)),
            (500, &[json], Err(NotEditable::Status)),
            (200, &[("content-type", "text/html")], Err(NotEditable::MediaType)),
            (200, &[], Err(NotEditable::MediaType)),
            (200, &[json, ("undertone", "none")], Err(NotEditable::Chained)),
        ];
        for (status, headers, expected) in cases {
            assert_eq!(shape(&head(status, headers), false), expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn no_transform_counts_only_where_the_operator_wants_it() {
        let head = head(200, &[("content-type", "application/json"), ("cache-control", "no-cache, No-Transform")]);
        assert_eq!(shape(&head, false), Ok(Shape::Json));
        assert_eq!(shape(&head, true), Err(NotEditable::NoTransform));
    }

    #[test]
    fn a_client_that_refuses_identity_is_not_overruled() {
        for (accepts, expected) in [
            ("gzip, br", "identity"),
            ("gzip, identity;q=0", "gzip, identity;q=0"),
            ("gzip, *;q=0", "gzip, *;q=0"),
            ("*;q=0, identity;q=0.5", "identity"),
            ("", "identity"),
        ] {
            let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepts))]);
            ask_for_identity(&mut headers);
            assert_eq!(headers[ACCEPT_ENCODING], expected, "{accepts}");
        }
    }
}
