//! How much empathy a turn calls for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::sentiment::Sentiment;

/// How much empathy a turn calls for: 0 (none) to 1 (as much as there is).
///
/// It never falls as the affect that the words express rises: 1/3 is a mild hint of a feeling, 2/3 a clear one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32")]
pub struct Weight(f32);

/// A number that is no [`Weight`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a weight is a number from 0 to 1: {0} is not")]
pub struct WeightError(f32);

impl Weight {
    /// The weight of a turn: the calibrated affect of its words, pleasant or not.
    #[must_use]
    pub fn of(sentiment: &Sentiment) -> Self {
        Self::clamped(sentiment.affect)
    }

    /// The nearest weight to a number; what is no number weighs nothing.
    #[must_use]
    pub const fn clamped(weight: f32) -> Self {
        Self(if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) })
    }

    /// The number, 0 to 1.
    #[must_use]
    pub const fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Weight {
    type Error = WeightError;

    fn try_from(weight: f32) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&weight) { Ok(Self(weight)) } else { Err(WeightError(weight)) }
    }
}

impl FromStr for Weight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse::<f32>().map_err(|_| format!("a weight is a number from 0 to 1: {text} is not"))?;
        Self::try_from(number).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Weight {
    /// Two decimals, as in headers and logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number_weighs_nothing() {
        assert_eq!(Weight::clamped(f32::NAN), Weight(0.0));
        assert!(Weight::try_from(f32::NAN).is_err() && Weight::try_from(1.5).is_err());
    }

    proptest! {
        #[test]
        fn weight_never_falls_as_affect_rises(a in -1.0_f32..2.0, b in -1.0_f32..2.0) {
            let weigh = |affect| Weight::of(&Sentiment { affect, ..Sentiment::default() });
            prop_assert!(a > b || weigh(a) <= weigh(b));
        }
    }
}
