//! In which words undertone speaks, and how it reads a user's and a bot's: data (`en/*.toml`), and what compiles it.

mod answers;
mod courtesy;
mod danger;
mod editor;
mod language;
mod opening;
mod patterns;
mod phrasebook;
mod signals;
mod tone;
mod topics;

pub(crate) use self::phrasebook::Line;
pub(super) use self::{
    answers::Answers,
    courtesy::{Courtesy, Opener, Reading},
    danger::Danger,
    language::is_foreign,
    opening::{Opening, Openings},
    signals::{SignalPatterns, Signals},
};
pub use self::{
    phrasebook::{Phrasebook, PhrasebookError},
    tone::{Tone, UnknownTone},
};
