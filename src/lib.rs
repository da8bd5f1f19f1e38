//! The right amount of empathy for any bot.
//!
//! undertone stands around a bot's HTTP service. It reads the user's turn, measures the affect that the words
//! *express*, and adjusts the opening of the bot's reply in proportion: silence for a matter-of-fact turn, a light
//! practical touch for a hint of annoyance, an explicit acknowledgment only where the user shows feeling. Silence is the
//! default and the most common outcome.
//!
//! ```no_run
//! use axum::{Router, routing::post};
//! use undertone::{layer::EmpathyLayer, sentiment::Classifier};
//! # async fn chat() {}
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "bundled-model")] {
//! let layer = EmpathyLayer::new(Classifier::bundled()?);
//! let bot: Router = Router::new().route("/v1/chat/completions", post(chat)).layer(layer);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # One way through
//!
//! ```text
//! request ─▶ protocol ─▶ Turn ─▶ sentiment ─▶ Sentiment ─▶ Policy::plan ─▶ Intent ─┐
//!               │                 (runs while the bot works)                        ▼
//!               └────────▶ inner service / upstream bot ─▶ frames ─▶ pieces ─▶ Policy::review ─▶ edits ─▶ response
//! ```
//!
//! | module | the question it answers |
//! | --- | --- |
//! | [`protocol`] | is this a chat exchange, what does the user say, where is the reply's text? |
//! | [`sentiment`] | how much affect, of which kind, do the words express? |
//! | [`conversation`] | what was said before? |
//! | [`empathy`] | what, if anything, should be said, and how does it fit the reply's beginning? |
//! | [`rules`] | what else is said, where a rule of the operator's holds? |
//! | [`outcome`] | what was done, and why? |
//! | [`layer`] | how do the bytes change, and when? |
//! | `proxy` (feature `proxy`) | how does it run in front of a bot that is not Rust? |
//!
//! Each module knows nothing of the later ones; [`layer`] is the only place that joins them.
//!
//! # Features
//!
//! - `ort`: ONNX Runtime as the engine, loaded at run time.
//! - `rten`: RTen as the engine, pure Rust, where ONNX Runtime is not installed.
//! - `bundled-model`: the model is compiled in.
//! - `proxy`: the reverse proxy as a library.
//! - `cli`: the binary.
//!
//! All but `proxy`, which `cli` brings along, are on by default. Without an engine the layer still works, with a
//! [`Classify`](sentiment::Classify) of your own.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod conversation;
pub mod empathy;
mod fields;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod layer;
pub mod outcome;
pub mod pending;
pub mod protocol;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod rules;
pub mod sentiment;
#[cfg(feature = "cli")]
mod settings;

pub use self::layer::EmpathyLayer;
#[cfg(any(feature = "ort", feature = "rten"))]
pub use self::sentiment::Classifier;
