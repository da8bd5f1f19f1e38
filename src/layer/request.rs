//! What the layer reads in a request's head, and asks of the bot in it.

use http::{HeaderMap, HeaderValue, header::ACCEPT_ENCODING};

use crate::{fields::members, outcome::HEADER};

/// Whether the client says `undertone: off`, as a program does that talks to the bot's model and wants no words but
/// its. The field is for undertone and does not go on to the bot.
pub(super) fn asks_to_be_left_alone(headers: &mut HeaderMap) -> bool {
    let is_off = members(headers, &HEADER).any(|member| member.eq_ignore_ascii_case("off"));
    headers.remove(HEADER);
    is_off
}

/// Asks the bot not to compress, unless the client refuses what is not compressed. The field is set and not removed:
/// without it every coding is acceptable (RFC 9110, section 12.5.3).
pub(super) fn ask_for_identity(headers: &mut HeaderMap) {
    if !refuses_identity(headers) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// Whether the client wants no reply that is not compressed (RFC 9110, section 12.5.3).
pub(super) fn refuses_identity(headers: &HeaderMap) -> bool {
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
    use super::*;

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
