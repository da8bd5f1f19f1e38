//! The right amount of empathy for any bot.

pub mod protocol;
pub mod sentiment;
