//! undertone inside an axum server: one line, `.layer(…)`, around the routes that there are.
//!
//! ```text
//! cargo run --example axum_bot
//! curl -i http://127.0.0.1:3000/v1/chat/completions -H 'content-type: application/json' \
//!   -d '{"messages":[{"role":"user","content":"Third time I ask. Where is my parcel?!"}]}'
//! ```

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use undertone::{layer::EmpathyLayer, sentiment::Classifier};

/// The bot: whatever answers in OpenAI's format.
async fn chat(Json(request): Json<Value>) -> Json<Value> {
    let turns = request.pointer("/messages").and_then(Value::as_array).map_or(0, Vec::len);
    Json(json!({
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": format!("Parcel {turns} leaves the depot today.") },
            "finish_reason": "stop",
        }],
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let empathy = EmpathyLayer::new(Classifier::bundled()?);
    let bot = Router::new().route("/v1/chat/completions", post(chat)).layer(empathy);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, bot).await?;
    Ok(())
}
