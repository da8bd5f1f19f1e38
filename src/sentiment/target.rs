//! What a feeling is about.

use std::fmt;

use serde::Serialize;

/// What the feeling that a turn expresses is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Target {
    /// Nothing: the words are matter-of-fact.
    None,
    /// What happened to the user.
    Situation,
    /// The bot or its answers: misunderstandings, loops, "that's not what I asked".
    Bot,
}

impl Target {
    /// Every target, in the order of the model's output.
    pub const ALL: [Self; 3] = [Self::None, Self::Situation, Self::Bot];

    /// The lower-case English name, as in `calibration.json` and in `classify --json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Situation => "situation",
            Self::Bot => "bot",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A probability for each [`Target`]; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Targets {
    /// Of [`Target::None`], 0 to 1.
    pub none: f32,
    /// Of [`Target::Situation`], 0 to 1.
    pub situation: f32,
    /// Of [`Target::Bot`], 0 to 1.
    pub bot: f32,
}

impl Targets {
    /// The probability of `target`, 0 to 1.
    #[must_use]
    pub const fn get(&self, target: Target) -> f32 {
        match target {
            Target::None => self.none,
            Target::Situation => self.situation,
            Target::Bot => self.bot,
        }
    }

    /// The target with the highest probability; the earlier one of equals.
    #[must_use]
    pub fn most_probable(&self) -> Target {
        let mut best = Target::None;
        for target in Target::ALL {
            if self.get(target) > self.get(best) {
                best = target;
            }
        }
        best
    }
}

impl Default for Targets {
    /// Certainly [`Target::None`].
    fn default() -> Self {
        Self { none: 1.0, situation: 0.0, bot: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_target_wins_and_none_is_the_default() {
        assert_eq!(Targets::default().most_probable(), Target::None);
        assert_eq!(Targets { none: 0.2, situation: 0.3, bot: 0.5 }.most_probable(), Target::Bot);
    }
}
