//! `[voice]`: how undertone sounds, and when it speaks at all.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::{SettingsError, read_phrasebook};
use crate::empathy::{Apologies, Policy, Tone, Toning, Weight};

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

    /// Acknowledge no feeling below this weight, 0 to 1 [default: 0.3]
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) floor: Option<Weight>,

    /// When undertone may say sorry: never, own-mistake or yes [default: own-mistake]
    #[arg(long, value_name = "WHEN")]
    pub(crate) apologies: Option<Apologies>,

    /// What becomes of a bot's opener that is out of proportion: off, remove or full [default: full]
    #[arg(long, value_name = "HOW")]
    pub(crate) openers: Option<Toning>,

    /// Answers thanks with a word.
    #[arg(skip)]
    pub(crate) thanks: Option<bool>,

    /// Says one line of condolence where a death is stated.
    #[arg(skip)]
    pub(crate) condolences: Option<bool>,

    /// Takes what undertone said out of the history that clients send along.
    #[arg(skip)]
    pub(crate) hide_own_words: Option<bool>,

    /// The way to a person.
    #[arg(skip)]
    pub(crate) person: Option<Person>,
}

/// `[voice.person]`: what is said after the acknowledgment of an angry turn, and from which weight.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    say: String,
    #[serde(default = "furious")]
    from: Weight,
}

/// From which weight an angry turn is told how to reach a person: strong feeling.
const fn furious() -> Weight {
    Weight::clamped(0.8)
}

impl Voice {
    /// Takes from `other` what is left open here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            tone: self.tone.or(other.tone),
            phrasebook: self.phrasebook.or(other.phrasebook),
            floor: self.floor.or(other.floor),
            apologies: self.apologies.or(other.apologies),
            openers: self.openers.or(other.openers),
            thanks: self.thanks.or(other.thanks),
            condolences: self.condolences.or(other.condolences),
            hide_own_words: self.hide_own_words.or(other.hide_own_words),
            person: self.person.or(other.person),
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
            policy = policy.with_phrasebook(read_phrasebook(path)?.0);
        }
        if let Some(tone) = self.tone {
            policy = policy.with_tone(tone);
        }
        if let Some(floor) = self.floor {
            policy = policy.with_floor(floor);
        }
        if let Some(apologies) = self.apologies {
            policy = policy.with_apologies(apologies);
        }
        if let Some(openers) = self.openers {
            policy = policy.with_toning(openers);
        }
        if let Some(thanks) = self.thanks {
            policy = policy.with_thanks(thanks);
        }
        if let Some(condolences) = self.condolences {
            policy = policy.with_condolences(condolences);
        }
        if let Some(Person { say, from }) = &self.person {
            policy = policy.with_person(say, *from);
        }
        Ok(policy)
    }
}
