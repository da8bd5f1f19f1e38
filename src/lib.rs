//! The right amount of empathy for any bot.

#[cfg(feature = "proxy")]
pub mod proxy;
pub mod sentiment;
