//! A customer's side: real HTTP, to the bot and to undertone alike.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{Ask, Turn};

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) text: String,
    /// The `undertone` field, in which undertone says what it did.
    pub(super) undertone: Option<String>,
}

#[derive(Debug)]
pub(super) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(super) fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build_http())
    }

    pub(super) async fn ask(&self, server: SocketAddr, turn: Turn) -> anyhow::Result<Reply> {
        let messages = json!([{ "role": "user", "content": turn.text }]);
        let chat = match turn.ask {
            Ask::Plain => json!({ "messages": messages }),
            Ask::Streamed => json!({ "messages": messages, "stream": true }),
            Ask::Json => json!({ "messages": messages, "response_format": { "type": "json_object" } }),
        };
        let request = Request::post(format!("http://{server}/v1/chat/completions"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(chat.to_string()))?;
        let response = self.0.request(request).await.context("no answer")?;
        let status = response.status();
        let undertone = response.headers().get("undertone").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await?.to_bytes();
        let body = std::str::from_utf8(&body)?;
        if !status.is_success() {
            bail!("{status}: {body}");
        }
        let text =
            if turn.ask == Ask::Streamed { streamed_text(body) } else { text_at(body, "/choices/0/message/content") };
        Ok(Reply { text, undertone })
    }
}

/// What a client puts together from the events of a stream.
fn streamed_text(body: &str) -> String {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    events.map(|event| text_at(event, "/choices/0/delta/content")).collect()
}

fn text_at(json: &str, pointer: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
