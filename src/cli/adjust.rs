//! `undertone adjust`: one exchange, without a bot or a server.

use std::{convert::Infallible, io::Write};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;

use super::{Failure, model_args::ModelArgs};
use crate::{
    empathy::{Empathy, Tone},
    layer::{EmpathyLayer, Limits},
};

/// Say what a reply becomes after a turn
///
/// The adjusted reply goes to standard output, what was done and why to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  undertone adjust \"This is the third time I ask!\" \"Your order left on Monday.\"")]
pub(super) struct Args {
    /// What the user says
    turn: String,
    /// What the bot answers
    reply: String,
    /// How acknowledgments sound: formal, collaborative or warm
    #[arg(long)]
    tone: Option<Tone>,
    #[command(flatten)]
    model: ModelArgs,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let mut empathy = Empathy::new(args.model.classifier().map_err(Failure::runtime)?);
    if let Some(tone) = args.tone {
        empathy = empathy.with_tone(tone);
    }
    // Here the reply is there before the turn is read, and nobody waits for it.
    let limits = Limits { budget_ms: 10_000, ..Limits::default() };
    let layer = EmpathyLayer::new(empathy).limits(limits);
    let (reply, done) = Runtime::new()?.block_on(exchange(&layer, &args.turn, &args.reply))?;
    writeln!(anstream::stdout(), "{reply}")?;
    writeln!(anstream::stderr(), "undertone: {done}")?;
    Ok(())
}

/// Through the layer itself, with a bot that always says the same: what is shown is what would be served.
async fn exchange(layer: &EmpathyLayer, turn: &str, reply: &str) -> anyhow::Result<(String, String)> {
    let chat = json!({ "messages": [{ "role": "user", "content": turn }] });
    let completion = json!({
        "object": "chat.completion",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": reply }, "finish_reason": "stop" }],
    });
    let json = "application/json";
    let response = Response::builder().header(CONTENT_TYPE, json).body(Full::<Bytes>::from(completion.to_string()))?;
    let bot = layer.layer(service_fn(move |_| std::future::ready(Ok::<_, Infallible>(response.clone()))));
    let request = Request::post("/v1/chat/completions").header(CONTENT_TYPE, json);
    let response = bot.oneshot(request.body(Full::<Bytes>::from(chat.to_string()))?).await?;
    let done =
        response.headers().get("undertone").and_then(|value| value.to_str().ok()).unwrap_or("nothing").to_owned();
    let body =
        response.into_body().collect().await.map_err(|error| anyhow::Error::from_boxed(error.into()))?.to_bytes();
    let completion: Value = serde_json::from_slice(&body)?;
    let reply = completion.pointer("/choices/0/message/content").and_then(Value::as_str);
    Ok((reply.context("the reply got lost")?.to_owned(), done))
}
