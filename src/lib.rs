//! The right amount of empathy for any bot.

#[cfg(feature = "cli")]
pub mod cli;
pub mod sentiment;
