//! The right amount of empathy for any bot.

pub mod conversation;
pub mod empathy;
pub mod layer;
pub mod protocol;
pub mod sentiment;
