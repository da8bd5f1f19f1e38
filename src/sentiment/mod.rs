//! How much affect, and of which kind, do the user's words *express*?
//!
//! [`Sentiment`] is what is known of one turn. Whatever can produce one without blocking implements [`Classify`];
//! the classifier that ships with undertone is [`Classifier`].
//!
//! Nothing in here knows of HTTP, of replies or of what will be said.

mod classify;
mod embedding;
mod emotion;
mod preference;
mod target;

// What needs an engine; without one, the seam and its types are left.
#[cfg(any(feature = "ort", feature = "rten"))]
mod calibration;
#[cfg(any(feature = "ort", feature = "rten"))]
mod capitals;
#[cfg(any(feature = "ort", feature = "rten"))]
mod classifier;
#[cfg(any(feature = "ort", feature = "rten"))]
pub mod engine;
#[cfg(any(feature = "ort", feature = "rten"))]
mod knots;
#[cfg(any(feature = "ort", feature = "rten"))]
mod model;
#[cfg(any(feature = "ort", feature = "rten"))]
mod pipeline;
#[cfg(any(feature = "ort", feature = "rten"))]
mod reading;
#[cfg(feature = "cli")]
mod refit;
#[cfg(any(feature = "ort", feature = "rten"))]
mod sentences;
#[cfg(any(feature = "ort", feature = "rten"))]
mod tokenizer;
#[cfg(any(feature = "ort", feature = "rten"))]
mod workers;

#[cfg(any(feature = "ort", feature = "rten"))]
pub use self::{
    classifier::{BuildError, Classifier, ClassifierBuilder},
    model::{Model, ModelError},
};
pub use self::{
    classify::{Answer, Classify, ClassifyError, Pending},
    embedding::Embedding,
    emotion::{Emotion, Emotions, UnknownEmotion},
    preference::{EnginePreference, UnknownEngine},
    target::{Target, Targets},
};
#[cfg(feature = "cli")]
pub(crate) use self::{knots::Knots, reading::Reading};

use serde::Serialize;

/// What a classifier says of one turn.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Sentiment {
    /// How the words are coloured: probabilities that sum to 1.
    pub polarity: Polarity,
    /// From -1 (as unpleasant as words get) through 0 to 1 (as pleasant).
    pub valence: f32,
    /// How strongly the words express a feeling, pleasant or not, from 0 (matter-of-fact) to 1 (fury, panic,
    /// elation). Calibrated: 1/3 is mild, 2/3 is clear.
    pub affect: f32,
    /// Which feeling it is: probabilities that sum to 1.
    pub emotions: Emotions,
    /// What the feeling is about: probabilities that sum to 1.
    pub targets: Targets,
    /// Whether the words speak of danger to life and limb, 0 to 1, where the classifier tells it. Calibrated: of turns
    /// that look dangerous and are not, at most 2 in 100 reach 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danger: Option<f32>,
    /// Where the turn lies in meaning, where the classifier tells it. It is the user's words in another coat, so it is
    /// never written along.
    #[serde(skip)]
    pub embedding: Option<Embedding>,
}

impl Sentiment {
    /// The most probable emotion, [`Emotion::None`] included.
    #[must_use]
    pub fn emotion(&self) -> Emotion {
        self.emotions.most_probable()
    }

    /// The most probable target, [`Target::None`] included.
    #[must_use]
    pub fn target(&self) -> Target {
        self.targets.most_probable()
    }
}

/// Probabilities of the three polarities; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Polarity {
    /// Unpleasant, 0 to 1.
    pub negative: f32,
    /// Neither, 0 to 1.
    pub neutral: f32,
    /// Pleasant, 0 to 1.
    pub positive: f32,
}

impl Default for Polarity {
    /// Certainly neutral.
    fn default() -> Self {
        Self { negative: 0.0, neutral: 1.0, positive: 0.0 }
    }
}
