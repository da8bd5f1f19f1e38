//! The right amount of empathy for any bot.

pub mod conversation;
pub mod empathy;
pub mod protocol;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod sentiment;
