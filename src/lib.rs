//! The right amount of empathy for any bot.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
mod config;
pub mod conversation;
pub mod empathy;
pub mod layer;
pub mod protocol;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod sentiment;
