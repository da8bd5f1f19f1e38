//! The `tower` layer: puts the right amount of empathy around a service that answers chat requests.
//!
//! [`EmpathyLayer`] recognises a chat exchange by its request, gives the user's turn to the classifier while the inner
//! service works, and puts an acknowledgment before the reply's text where the turn's words call for one. A reply that
//! comes whole is edited in its JSON text; a streamed one in its own first visible piece of text, as it passes.
//!
//! # What it leaves alone
//!
//! Everything that is not a recognised exchange passes at once and untouched: bytes, headers, trailers, upgrades. Of a
//! recognised exchange, replies that are errors, JSON by request, structured output, code, tool calls, refusals, empty
//! or compressed keep their bytes, and so does every reply when something goes wrong in here. The response header
//! [`HEADER`], the [`Outcome`] in the response's extensions, one `tracing` event and the counter
//! `undertone_exchanges_total` say what was done and why; none of them has a word of the user's.
//!
//! # When it waits
//!
//! The request body is collected up to a limit before the inner service is called with it. Once the head of the reply
//! is there, the classifier has [`Limits::budget_ms`] left. A reply that comes whole is collected only if it will be
//! edited. All waits use Tokio's clock: the layer needs a Tokio runtime with time enabled.
//!
//! # Examples
//!
//! Around an axum router:
//!
//! ```
//! use axum::{Json, Router, routing::post};
//! use serde_json::json;
//! use undertone::{layer::EmpathyLayer, sentiment::Classify};
//!
//! async fn bot() -> Json<serde_json::Value> {
//!     Json(json!({"choices": [{"message": {"content": "It left on Tuesday."}}]}))
//! }
//!
//! fn app(classifier: impl Classify) -> Router {
//!     Router::new()
//!         .route("/v1/chat/completions", post(bot))
//!         .layer(EmpathyLayer::new(classifier))
//! }
//! ```
//!
//! A protocol of one's own, a formal voice and a shorter wait:
//!
//! ```
//! use undertone::{
//!     empathy::{Policy, Tone},
//!     layer::{EmpathyLayer, Limits},
//!     protocol::{CustomProtocol, CustomSpec, Protocols},
//!     sentiment::Classify,
//! };
//!
//! fn layer(classifier: impl Classify, spec: &CustomSpec) -> Result<EmpathyLayer, undertone::protocol::CustomError> {
//!     let mut limits = Limits::default();
//!     limits.budget_ms = 10;
//!     Ok(EmpathyLayer::new(classifier)
//!         .policy(Policy::default().with_tone(Tone::Formal))
//!         .protocols(Protocols::default().with(CustomProtocol::new(spec)?))
//!         .limits(limits))
//! }
//! ```

mod body;
mod collect;
mod editor;
mod exchange;
mod future;
mod guard;
#[expect(clippy::module_inception, reason = "one file a part of the middleware, named after what it holds")]
mod layer;
mod limits;
mod quota;
mod reply;
mod response;
mod service;
mod streamed;
mod text;

pub use self::{
    body::{ReplyBody, RequestBody},
    future::ResponseFuture,
    layer::EmpathyLayer,
    limits::Limits,
    service::EmpathyService,
};
