//! The feelings that matter in a conversation with a bot.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// A feeling that a turn can express.
///
/// The set is the one that changes what a good answer sounds like; the model card says how the 28 labels of
/// GoEmotions map to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Emotion {
    /// Directed at someone or something that is to blame.
    Anger,
    /// Blocked, annoyed, fed up.
    Frustration,
    /// Let down.
    Disappointment,
    /// Unhappy, hurt, grieving.
    Sadness,
    /// Anxious, afraid, under pressure.
    Worry,
    /// Lost.
    Confusion,
    /// Thankful.
    Gratitude,
    /// Pleased, relieved, excited.
    Joy,
    /// Taken aback.
    Surprise,
    /// Matter-of-fact.
    None,
}

impl Emotion {
    /// Every emotion, in the order of the model's output.
    pub const ALL: [Self; 10] = [
        Self::Anger,
        Self::Frustration,
        Self::Disappointment,
        Self::Sadness,
        Self::Worry,
        Self::Confusion,
        Self::Gratitude,
        Self::Joy,
        Self::Surprise,
        Self::None,
    ];

    /// The lower-case English name, as in logs, headers and `calibration.json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anger => "anger",
            Self::Frustration => "frustration",
            Self::Disappointment => "disappointment",
            Self::Sadness => "sadness",
            Self::Worry => "worry",
            Self::Confusion => "confusion",
            Self::Gratitude => "gratitude",
            Self::Joy => "joy",
            Self::Surprise => "surprise",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of an [`Emotion`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such emotion: `{0}`")]
pub struct UnknownEmotion(String);

impl FromStr for Emotion {
    type Err = UnknownEmotion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|emotion| emotion.as_str() == name).ok_or_else(|| UnknownEmotion(name.to_owned()))
    }
}

/// A probability for each [`Emotion`]; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Emotions([f32; Emotion::ALL.len()]);

impl Emotions {
    /// Takes the probabilities in the order of [`Emotion::ALL`].
    #[must_use]
    pub const fn new(probabilities: [f32; Emotion::ALL.len()]) -> Self {
        Self(probabilities)
    }

    /// All the probability on one emotion.
    #[must_use]
    pub fn certain(emotion: Emotion) -> Self {
        Self(Emotion::ALL.map(|other| if other == emotion { 1.0 } else { 0.0 }))
    }

    /// The probability of `emotion`, 0 to 1.
    #[must_use]
    pub fn get(&self, emotion: Emotion) -> f32 {
        self.iter().find(|(other, _)| *other == emotion).map_or(0.0, |(_, p)| p)
    }

    /// Each emotion with its probability, in the order of [`Emotion::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Emotion, f32)> + '_ {
        Emotion::ALL.into_iter().zip(self.0)
    }

    /// The emotion with the highest probability; the earlier one of equals.
    #[must_use]
    pub fn most_probable(&self) -> Emotion {
        let mut best = (Emotion::None, f32::NEG_INFINITY);
        for (emotion, p) in self.iter() {
            if p > best.1 {
                best = (emotion, p);
            }
        }
        best.0
    }
}

impl Default for Emotions {
    /// Certainly [`Emotion::None`].
    fn default() -> Self {
        Self::certain(Emotion::None)
    }
}

impl Serialize for Emotions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Emotion::ALL.len()))?;
        for (emotion, p) in self.iter() {
            map.serialize_entry(emotion.as_str(), &p)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_emotion_is_found_by_its_own_name() {
        for emotion in Emotion::ALL {
            assert_eq!(emotion.as_str().parse(), Ok(emotion));
        }
        assert!("glee".parse::<Emotion>().is_err());
    }

    #[test]
    fn the_most_probable_emotion_wins_and_none_is_the_default() {
        assert_eq!(Emotions::default().most_probable(), Emotion::None);
        let mut p = [0.05; Emotion::ALL.len()];
        p[4] = 0.55;
        assert_eq!(Emotions::new(p).most_probable(), Emotion::Worry);
    }
}
