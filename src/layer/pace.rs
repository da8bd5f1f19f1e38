//! The endpoint at which a chat widget tells how a user writes. It answers by itself; the bot never hears of it.

use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use http_body::Body;

use super::{
    ReplyBody,
    collect::{Collected, Prefixed},
    layer::Settings,
};
use crate::conversation::PaceEvent;

/// How long an event may be, in bytes, and how long it may take to come.
pub(super) const MAX_BYTES: usize = 1 << 10;
pub(super) const MAX_MS: u64 = 5_000;

/// Whether a request is for the endpoint, where there is one.
pub(super) fn is_event<B>(settings: &Settings, request: &Request<B>) -> bool {
    let is_there = settings.pace.as_ref().is_some_and(|(path, _)| request.uri().path() == &**path);
    is_there && (request.method() == Method::POST || request.method() == Method::OPTIONS)
}

/// Counts an event, and answers.
pub(super) fn answer<ReqB: Body<Data = bytes::Bytes>, ResB: Body>(
    settings: &Settings,
    head: &request::Parts,
    collected: Collected<ReqB>,
) -> Response<ReplyBody<ResB>> {
    let (status, why) = match collected {
        _ if head.method == Method::OPTIONS => (StatusCode::NO_CONTENT, String::new()),
        Collected::Whole(mut body) => match serde_json::from_slice::<PaceEvent>(&body.bytes()) {
            Ok(event) => {
                if let Some((_, paces)) = &settings.pace {
                    paces.note(&event);
                }
                (StatusCode::NO_CONTENT, String::new())
            }
            Err(error) => (StatusCode::BAD_REQUEST, format!("no event of a chat widget's: {error}\n")),
        },
        Collected::TooLong(_) | Collected::TooMany(_) => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("an event has {MAX_BYTES} bytes at most\n"))
        }
        Collected::TooSlow(_) | Collected::Broken(_) | Collected::NoObject(_) => {
            (StatusCode::BAD_REQUEST, "an event is a JSON object\n".to_owned())
        }
    };
    let body = (!why.is_empty()).then(|| why.into());
    let mut response = Response::new(ReplyBody::collected(Prefixed::whole(body, None)));
    *response.status_mut() = status;
    // A page of any origin may tell; nobody can ask.
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
    response
}
