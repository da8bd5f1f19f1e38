//! In whose voice undertone speaks.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// In whose voice undertone speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tone {
    /// Full forms, no contractions: "I will look at this first."
    Formal,
    /// Matter-of-fact and on the user's side: "Let's take a look."
    #[default]
    Collaborative,
    /// A little closer: "Let me look into that for you."
    Warm,
}

impl Tone {
    /// Every tone.
    pub const ALL: [Self; 3] = [Self::Formal, Self::Collaborative, Self::Warm];

    /// The name, as in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Formal => "formal",
            Self::Collaborative => "collaborative",
            Self::Warm => "warm",
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a [`Tone`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such tone: `{0}` (formal, collaborative or warm)")]
pub struct UnknownTone(String);

impl FromStr for Tone {
    type Err = UnknownTone;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == name).ok_or_else(|| UnknownTone(name.to_owned()))
    }
}
