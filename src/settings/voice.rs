//! `[voice]`: how undertone sounds, and when it speaks at all.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::{SettingsError, read_phrasebook};
use crate::empathy::{Policy, Tone, Weight};

/// How undertone sounds, and when it speaks at all.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Voice")]
pub(crate) struct Voice {
    /// How acknowledgments sound: formal, collaborative or warm [default: collaborative]
    #[arg(long)]
    pub(crate) tone: Option<Tone>,

    /// Your own style guide's sentences
    #[arg(long, value_name = "FILE")]
    pub(crate) phrasebook: Option<PathBuf>,

    /// Say nothing to turns that weigh less, 0 to 1 [default: 0.3]
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) floor: Option<Weight>,
}

impl Voice {
    /// Takes from `other` what is left open here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            tone: self.tone.or(other.tone),
            phrasebook: self.phrasebook.or(other.phrasebook),
            floor: self.floor.or(other.floor),
        }
    }

    /// Paths count from this directory.
    pub(super) fn relative_to(&mut self, directory: &Path) {
        self.phrasebook = self.phrasebook.as_ref().map(|path| directory.join(path));
    }

    /// The policy that speaks so.
    ///
    /// # Errors
    ///
    /// If the phrasebook cannot be read, or is none.
    pub(crate) fn policy(&self) -> Result<Policy, SettingsError> {
        let mut policy = Policy::default();
        if let Some(path) = &self.phrasebook {
            policy = policy.with_phrasebook(read_phrasebook(path)?);
        }
        if let Some(tone) = self.tone {
            policy = policy.with_tone(tone);
        }
        if let Some(floor) = self.floor {
            policy = policy.with_floor(floor);
        }
        Ok(policy)
    }
}
