//! The switches of the house style.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// When undertone may say sorry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Apologies {
    /// Not at all. Condolence is no apology, and is said all the same.
    Never,
    /// For the bot's own mistakes.
    #[default]
    OwnMistake,
    /// Where the phrasebook does.
    Yes,
}

/// What becomes of an opener of the bot's own that is out of proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Toning {
    /// It stays.
    Off,
    /// It is taken out.
    Remove,
    /// It is taken out, and where the turn calls for words a sentence in proportion takes its place.
    #[default]
    Full,
}

/// The text is not the name of such a switch's position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such choice: `{given}` ({known})")]
pub struct UnknownChoice {
    given: String,
    known: &'static str,
}

impl Apologies {
    /// The name, as in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OwnMistake => "own-mistake",
            Self::Yes => "yes",
        }
    }
}

impl Toning {
    /// The name, as in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Remove => "remove",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Apologies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Toning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Apologies {
    type Err = UnknownChoice;

    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        let known = [Self::Never, Self::OwnMistake, Self::Yes];
        known
            .into_iter()
            .find(|choice| choice.as_str() == name)
            .ok_or_else(|| UnknownChoice { given: name.to_owned(), known: "never, own-mistake or yes" })
    }
}

impl FromStr for Toning {
    type Err = UnknownChoice;

    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        let known = [Self::Off, Self::Remove, Self::Full];
        known
            .into_iter()
            .find(|choice| choice.as_str() == name)
            .ok_or_else(|| UnknownChoice { given: name.to_owned(), known: "off, remove or full" })
    }
}
