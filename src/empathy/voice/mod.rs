//! In which words undertone speaks, and how it reads a user's and a bot's: data (`en/*.toml`), and what compiles it.

mod courtesy;
mod danger;
mod language;
mod opening;
mod patterns;
mod phrasebook;
mod signals;
mod tone;
mod topics;

pub(crate) use self::phrasebook::{Line, line_at};
pub(super) use self::{
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
