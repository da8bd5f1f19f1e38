//! Which engine the operator asks for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Which engine is to run the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EnginePreference {
    /// ONNX Runtime where its library is found, else RTen.
    #[default]
    Auto,
    /// ONNX Runtime or an error.
    Ort,
    /// RTen, embedded.
    Rten,
}

impl EnginePreference {
    /// Every preference.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Ort, Self::Rten];

    /// The name on the command line and in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ort => "ort",
            Self::Rten => "rten",
        }
    }
}

impl fmt::Display for EnginePreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of an [`EnginePreference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such engine: `{0}` (expected auto, ort or rten)")]
pub struct UnknownEngine(String);

impl FromStr for EnginePreference {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == name).ok_or_else(|| UnknownEngine(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preference_is_found_by_its_own_name() {
        for engine in EnginePreference::ALL {
            assert_eq!(engine.as_str().parse(), Ok(engine));
        }
        assert!("tract".parse::<EnginePreference>().is_err());
    }
}
