//! What kind of words a turn calls for: by the feeling it shows, and by what it says happened.

use std::fmt;

use crate::sentiment::Emotion;

/// A section of the phrasebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Any unpleasant turn; names no feeling.
    Problem,
    /// The words show frustration.
    Frustration,
    /// The words show anger.
    Anger,
    /// The words show disappointment.
    Disappointment,
    /// The words show sadness.
    Sadness,
    /// The words show worry.
    Worry,
    /// The words show confusion.
    Confusion,
    /// The user says that they waited.
    Waiting,
    /// The user says that they asked before.
    Repeat,
    /// The user says that the bot got it wrong.
    Mistake,
    /// The user says that the bot asks again for what it was told.
    Asked,
    /// The words show an unpleasant surprise.
    Surprise,
    /// The user says that somebody died.
    Loss,
    /// The user is grateful or glad.
    Thanks,
    /// The turn speaks of danger. No section of a phrasebook: all there is to say is the operator's own text.
    Danger,
}

impl Kind {
    /// Every kind that has a section, in the order of a phrasebook.
    pub const ALL: [Self; 14] = [
        Self::Problem,
        Self::Frustration,
        Self::Anger,
        Self::Disappointment,
        Self::Sadness,
        Self::Worry,
        Self::Confusion,
        Self::Waiting,
        Self::Repeat,
        Self::Mistake,
        Self::Asked,
        Self::Surprise,
        Self::Loss,
        Self::Thanks,
    ];

    /// The name, as in a phrasebook.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Frustration => "frustration",
            Self::Anger => "anger",
            Self::Disappointment => "disappointment",
            Self::Sadness => "sadness",
            Self::Worry => "worry",
            Self::Confusion => "confusion",
            Self::Waiting => "waiting",
            Self::Repeat => "repeat",
            Self::Mistake => "mistake",
            Self::Asked => "asked",
            Self::Surprise => "surprise",
            Self::Loss => "loss",
            Self::Thanks => "thanks",
            Self::Danger => "danger",
        }
    }

    /// The feeling that its sentences name, if they name one.
    #[must_use]
    pub const fn emotion(self) -> Option<Emotion> {
        match self {
            Self::Frustration => Some(Emotion::Frustration),
            Self::Anger => Some(Emotion::Anger),
            Self::Disappointment => Some(Emotion::Disappointment),
            Self::Sadness => Some(Emotion::Sadness),
            Self::Worry => Some(Emotion::Worry),
            Self::Confusion => Some(Emotion::Confusion),
            Self::Surprise => Some(Emotion::Surprise),
            Self::Problem
            | Self::Waiting
            | Self::Repeat
            | Self::Mistake
            | Self::Asked
            | Self::Loss
            | Self::Thanks
            | Self::Danger => None,
        }
    }

    /// The kind that names a feeling, if one does.
    #[must_use]
    pub const fn naming(emotion: Emotion) -> Option<Self> {
        match emotion {
            Emotion::Frustration => Some(Self::Frustration),
            Emotion::Anger => Some(Self::Anger),
            Emotion::Disappointment => Some(Self::Disappointment),
            Emotion::Sadness => Some(Self::Sadness),
            Emotion::Worry => Some(Self::Worry),
            Emotion::Confusion => Some(Self::Confusion),
            Emotion::Surprise => Some(Self::Surprise),
            Emotion::Gratitude | Emotion::Joy | Emotion::None => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
