//! The `tower` layer: puts the right amount of empathy around a service that answers chat requests.
//!
//! [`EmpathyLayer`] recognises a chat exchange by its request, gives the user's turn to the classifier while the inner
//! service works, and puts an acknowledgment before the reply's text where the turn's words call for one. A reply that
//! comes whole is edited in its JSON text; a streamed one in its own first visible piece of text, as it passes.
//!
//! # The way of a reply
//!
//! 1. `service` asks the protocols whether a request's head can be a turn's; what is none passes at once, and so does
//!    one that says `undertone: off`.
//! 2. `collect` reads its body up to a limit, and `exchange` gives the turn to the classifier and asks the store. Where only
//!    the body can tell whether it is a turn, what is none goes on as it came, and nothing is said of it.
//! 3. The inner service gets the same bytes and works, while `future` waits for its answer.
//! 4. `response` looks at the head of the reply: may it be edited at all? The protocol's reader says how it is framed.
//! 5. `exchange` decides by the policy what is to be said, from turn, sentiment and memory, within the budget.
//! 6. `reply` collects a reply that comes whole; `streamed` drives one that does not, with its clocks. `coding` takes the
//!    compression off.
//! 7. Either way `editor` cuts the bytes into frames, and the reader names the pieces of text in each.
//! 8. `text` holds the beginning of one text, until the policy has reviewed it and says what changes.
//! 9. The change becomes edits by byte span in the frames that are held, in copies told later, and nowhere else.
//! 10. `outcome` tells once what was done, and from the last edit on the bot's bytes pass unread.
//!
//! `editor` and `text` know no HTTP, `response` knows no protocol, and `guard` is the one place that catches a panic.
//!
//! # What it leaves alone
//!
//! Everything that is not a recognised exchange passes untouched: bytes, headers, trailers, upgrades; and at once, but for
//! posted JSON, whose body is looked at first, up to [`Limits::max_request_bytes`]. Of a
//! recognised exchange, replies that are errors, JSON by request, structured output, code, tool calls, refusals or empty
//! keep their bytes, and so does every reply when something goes wrong in here. The response header
//! [`HEADER`](crate::outcome::HEADER), the [`Outcome`](crate::outcome::Outcome) and
//! [`Settled`](crate::outcome::Settled) in the response's extensions, one `tracing` event and the counter
//! `undertone_exchanges_total` say what was done and why; none of them has a word of the user's.
//!
//! # When it waits
//!
//! The request body is collected up to a limit before the inner service is called with it. Once there is something to
//! decide about, the decision has [`Limits::budget_ms`]: from the head of a reply that comes whole, from the first text
//! of a stream. The head of a stream waits for the decision too, so that it can tell it, but no longer than that; text
//! that comes with it does not wait again. A reply that comes whole is collected, unless
//! nothing can be said or toned down. The beginning of a stream is held while it may still turn out to be an
//! acknowledgment, [`Limits::max_held_ms`] at most, and one that gushes until its opener ends,
//! [`Limits::max_opener_ms`] at most. All waits use Tokio's clock: the layer
//! needs a Tokio runtime with time enabled.
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
mod coding;
mod collect;
mod editor;
mod exchange;
mod future;
mod guard;
mod late;
#[expect(clippy::module_inception, reason = "one file a part of the middleware, named after what it holds")]
mod layer;
mod limits;
mod pace;
mod quota;
mod reply;
mod request;
mod response;
mod service;
mod spoken;
mod streamed;
mod text;

#[cfg(fuzzing)]
pub(crate) use self::coding::decode_in_chunks;
pub use self::{
    body::{ReplyBody, ReplyError, RequestBody},
    future::ResponseFuture,
    late::LateReply,
    layer::EmpathyLayer,
    limits::Limits,
    service::EmpathyService,
};
