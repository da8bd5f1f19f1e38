//! The seam between the layer, which must not block, and whatever classifies.

use super::Sentiment;

/// The sentiment to come for one turn. Dropping it cancels work that has not begun.
pub type Pending = crate::pending::Pending<Result<Sentiment, ClassifyError>>;

/// Where a classifier puts the sentiment of one turn.
pub type Answer = crate::pending::Answer<Result<Sentiment, ClassifyError>>;

/// Classifies turns without blocking the caller.
///
/// [`Classifier`](super::Classifier) is the implementation that ships; tests and services with a model of their own
/// bring another.
pub trait Classify: Send + Sync + 'static {
    /// Takes a turn and returns at once; the answer comes through [`Pending`].
    fn submit(&self, turn: &str) -> Pending;
}

/// Why a turn was not classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// Every place in the queue is taken.
    #[error("the classifier's queue is full")]
    QueueFull,
    /// The classifier was shut down, or lost its workers.
    #[error("the classifier has stopped")]
    Stopped,
    /// The engine refused the turn or gave numbers that are none.
    #[error("the engine failed: {0}")]
    Engine(String),
}
