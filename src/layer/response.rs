//! Which replies may be edited, which of their headers describe the bytes, and how it is announced what was done.

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG},
    response,
};

use super::coding::Coding;
use crate::{
    fields::members,
    outcome::{HEADER, Outcome, Settled},
    protocol::HandsOff,
};

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

/// Whether HTTP and the operator let a reply with this head be edited, and how it is compressed, if it is.
///
/// # Errors
///
/// The reason why not.
pub(super) fn editable(head: &response::Parts, respect_no_transform: bool) -> Result<Option<Coding>, HandsOff> {
    if head.headers.contains_key(HEADER) {
        return Err(HandsOff::Chained);
    }
    if head.status == StatusCode::PARTIAL_CONTENT || head.headers.contains_key(CONTENT_RANGE) {
        return Err(HandsOff::Partial);
    }
    let has_no_content = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    if !head.status.is_success() || has_no_content {
        return Err(HandsOff::Status);
    }
    let coding = coding(&head.headers)?;
    let mut directives = members(&head.headers, &CACHE_CONTROL);
    if respect_no_transform && directives.any(|directive| directive.eq_ignore_ascii_case("no-transform")) {
        return Err(HandsOff::NoTransform);
    }
    Ok(coding)
}

/// How a message is compressed, if it is.
///
/// # Errors
///
/// [`HandsOff::Encoding`] if that is not known.
pub(super) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, HandsOff> {
    let mut codings = members(headers, &CONTENT_ENCODING).filter(|coding| !is_no_coding(coding));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(None),
        (Some(name), None) => Coding::named(name).map(Some).ok_or(HandsOff::Encoding),
        // One inside another: nobody does this but to see what happens.
        (Some(_), Some(_)) => Err(HandsOff::Encoding),
    }
}

/// Whether a coding leaves the bytes as they are. `none` is not registered, but what the documentation of a widely used
/// SDK tells people to send against proxies that compress; `utf-8` is a charset put in the wrong field.
fn is_no_coding(coding: &str) -> bool {
    ["identity", "none", "utf-8", "utf8"].iter().any(|name| coding.eq_ignore_ascii_case(name))
}

/// Says on a response what was done to it, or will be. What another undertone said stays.
pub(super) fn announce<B>(mut response: Response<B>, outcome: Outcome, settled: Settled) -> Response<B> {
    response.headers_mut().entry(HEADER).or_insert_with(|| outcome.header());
    response.extensions_mut().insert(outcome);
    response.extensions_mut().insert(settled);
    response
}

/// Drops what says that a body is compressed: it is so no longer.
pub(super) fn describe_decoded(headers: &mut HeaderMap) {
    headers.remove(CONTENT_ENCODING);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A status, headers, and what is to be made of them.
    type Case<'a> = (u16, &'a [(&'a str, &'a str)], Result<Option<Coding>, HandsOff>);

    fn head(status: u16, headers: &[(&str, &str)]) -> response::Parts {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_whole_successful_replies_in_a_known_coding_are_editable() {
        let cases: [Case<'_>; 16] = [
            (200, &[], Ok(None)),
            (201, &[], Ok(None)),
            (200, &[("content-encoding", "identity")], Ok(None)),
            (200, &[("content-encoding", "none")], Ok(None)),
            (200, &[("content-encoding", "UTF-8")], Ok(None)),
            (200, &[("content-encoding", "")], Ok(None)),
            (200, &[("content-encoding", "X-Gzip")], Ok(Some(Coding::Gzip))),
            (200, &[("content-encoding", "identity, br")], Ok(Some(Coding::Brotli))),
            (200, &[("content-encoding", "gzip, gzip")], Err(HandsOff::Encoding)),
            (200, &[("content-encoding", "aws-chunked")], Err(HandsOff::Encoding)),
            (200, &[("content-range", "bytes 0-1/5")], Err(HandsOff::Partial)),
            (206, &[], Err(HandsOff::Partial)),
            (204, &[], Err(HandsOff::Status)),
            (302, &[], Err(HandsOff::Status)),
            (500, &[], Err(HandsOff::Status)),
            (200, &[("undertone", "none")], Err(HandsOff::Chained)),
        ];
        for (status, headers, expected) in cases {
            assert_eq!(editable(&head(status, headers), false), expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn no_transform_counts_only_where_the_operator_wants_it() {
        let head = head(200, &[("cache-control", "no-cache, No-Transform")]);
        assert_eq!(editable(&head, false), Ok(None));
        assert_eq!(editable(&head, true), Err(HandsOff::NoTransform));
    }
}
