//! In which words undertone speaks, and how it reads a user's and a bot's: data (`en/*.toml`), and what compiles it.

mod answers;
mod courtesy;
mod danger;
mod language;
mod line;
mod opening;
mod patterns;
mod phrasebook;
mod signals;
mod tone;
mod topics;
mod wording;

pub(super) use self::{
    answers::Answers,
    courtesy::{Courtesy, Opener, Reading},
    danger::Danger,
    language::is_foreign,
    opening::{Opening, Openings},
    patterns::ends,
    phrasebook::Own,
    signals::SignalPatterns,
    topics::Topic,
    wording::WORDING,
};
pub(crate) use self::{
    line::Line,
    patterns::{Pattern, Patterns},
    phrasebook::line_at,
    signals::Signals,
};
pub use self::{
    phrasebook::{Phrasebook, PhrasebookError},
    tone::{Tone, UnknownTone},
};
