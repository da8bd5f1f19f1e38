//! undertone inside a plain hyper server: a tower layer around the service, adapted to hyper as any other.
//!
//! ```text
//! cargo run --example hyper_bot
//! curl -i http://127.0.0.1:3000/v1/chat/completions -H 'content-type: application/json' \
//!   -d '{"messages":[{"role":"user","content":"Third time I ask. Where is my parcel?!"}]}'
//! ```

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use undertone::{layer::EmpathyLayer, sentiment::Classifier};

const REPLY: &str = r#"{"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"It leaves the depot today."}}]}"#;

/// The bot: whatever answers in OpenAI's format.
async fn chat<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from(REPLY));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let empathy = EmpathyLayer::new(Classifier::bundled()?);
    let bot = empathy.layer(service_fn(chat));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(bot.clone());
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no event.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
