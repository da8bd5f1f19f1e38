//! The sample bot: an order desk that speaks OpenAI's Chat Completions and answers by keyword, without any feeling or,
//! once, with far too much of it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Either, Full, Limited, channel::Channel};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tower_service::Service;

/// The longest request it reads, in bytes.
const LONGEST: usize = 64 << 10;

/// Before it answers: less than any bot that thinks, and time enough to classify the turn.
const LOOKING_UP: Duration = Duration::from_millis(120);

/// Between two words of a streamed reply.
const TYPING: Duration = Duration::from_millis(15);

/// What to answer to a turn in which a word occurs; the first that fits.
const ANSWERS: [(&str, &str); 11] = [
    ("thank", "Order 4711 is marked as delivered. Is there anything else I can look up?"),
    (
        "address",
        "What a fantastic question, and I'm so incredibly excited to help you with it! The address can be changed until \
         the parcel leaves, under My orders.",
    ),
    ("insulin", "The insulin of order 4711 is on the van and arrives by 14:20. The box keeps it cold until tonight."),
    ("ridiculous", "Order 4711 is lost. You can have a refund of 42.90 or a replacement by courier tomorrow."),
    ("couldn't find", "Which house number is on the label, 8 or 8a?"),
    ("shipping", "Shipping is not refunded once a parcel has left the warehouse."),
    ("meant", "Order 4712 left the warehouse this morning. It will be delivered tomorrow by 18:00."),
    ("birthday", "Order 4711 is now on express delivery. It will arrive tomorrow before noon."),
    ("day off", "Order 4711 is at the depot. It is out for delivery tomorrow before noon."),
    ("late", "Order 4711 is two days behind schedule. The new delivery date is Thursday."),
    ("where", "Order 4711 left the warehouse on Monday. It will be delivered on Thursday by 18:00."),
];
const OTHERWISE: &str = "I can look up orders, deliveries and refunds. What is your order number?";
const AS_JSON: &str = r#"{"order":4711,"status":"in transit","due":"Thursday"}"#;

type BotBody = Either<Full<Bytes>, Channel<Bytes>>;

/// The bot, as a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bot;

impl Service<Request<Incoming>> for Bot {
    type Response = Response<BotBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        Box::pin(async { Ok(answer(request).await) })
    }
}

async fn answer(request: Request<Incoming>) -> Response<BotBody> {
    if request.method() != Method::POST || request.uri().path() != "/v1/chat/completions" {
        return refusal(StatusCode::NOT_FOUND, "this bot answers POST /v1/chat/completions");
    }
    let Ok(body) = Limited::new(request.into_body(), LONGEST).collect().await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
    };
    let Ok(chat) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
        return refusal(StatusCode::BAD_REQUEST, "the request is not JSON");
    };
    let text = match chat.get("response_format") {
        Some(_) => AS_JSON,
        None => reply_to(last_turn(&chat)),
    };
    tokio::time::sleep(LOOKING_UP).await;
    match chat.get("stream") {
        Some(Value::Bool(true)) => streamed(text),
        _ => whole(text),
    }
}

fn last_turn(chat: &Value) -> &str {
    let messages = chat.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rfind(|message| message.get("role").is_some_and(|role| role == "user"));
    last.and_then(|message| message.get("content")).and_then(Value::as_str).unwrap_or_default()
}

fn reply_to(turn: &str) -> &'static str {
    let turn = turn.to_lowercase();
    ANSWERS.iter().find(|(word, _)| turn.contains(word)).map_or(OTHERWISE, |(_, answer)| answer)
}

fn whole(text: &str) -> Response<BotBody> {
    let completion = json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": 0,
        "model": "order-desk",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": "stop",
        }],
    });
    respond("application/json", Either::Left(Full::from(completion.to_string())))
}

fn streamed(text: &'static str) -> Response<BotBody> {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        let mut events = vec![event(&json!({ "role": "assistant", "content": "" }), None)];
        events.extend(text.split_inclusive(' ').map(|word| event(&json!({ "content": word }), None)));
        events.extend([event(&json!({}), Some("stop")), Bytes::from_static(b"data: [DONE]\n\n")]);
        for event in events {
            // The client hung up: nobody is left to talk to.
            if sender.send_data(event).await.is_err() {
                return;
            }
            tokio::time::sleep(TYPING).await;
        }
    });
    respond("text/event-stream", Either::Right(body))
}

fn event(delta: &Value, finish_reason: Option<&str>) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "order-desk",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    });
    Bytes::from(format!("data: {chunk}\n\n"))
}

fn refusal(status: StatusCode, message: &str) -> Response<BotBody> {
    let error = json!({ "error": { "message": message, "type": "invalid_request_error" } });
    let mut response = respond("application/json", Either::Left(Full::from(error.to_string())));
    *response.status_mut() = status;
    response
}

fn respond(content_type: &'static str, body: BotBody) -> Response<BotBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
