//! In which words undertone speaks, and how it reads a bot's: data (`en/*.toml`), and what compiles it.

mod danger;
mod language;
mod openers;
mod phrasebook;

pub(super) use self::danger::Danger;
pub(super) use self::language::is_foreign;
pub(super) use self::openers::{Openers, Opening};
pub use self::phrasebook::{Phrasebook, PhrasebookError, Tone, UnknownTone};
