//! What a bot is told of a turn, where the operator wants that.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    empathy::Weight,
    sentiment::{Emotion, Target},
};

/// The request header with the turn's weight, 0 to 1: `0.62`.
pub const WEIGHT: HeaderName = HeaderName::from_static("x-undertone-weight");

/// The request header with the most probable feeling: `frustration`, or `none`.
pub const EMOTION: HeaderName = HeaderName::from_static("x-undertone-emotion");

/// The request header with what the feeling is about: `bot`, or `none`.
pub const TARGET: HeaderName = HeaderName::from_static("x-undertone-target");

/// The request header with the signals that hold, by the names that rules have for them: `repeats, negative`. Absent where
/// none does.
pub const SIGNALS: HeaderName = HeaderName::from_static("x-undertone-signals");

/// What a turn expresses, as the inner service is told: in request headers, and as this in the request's extensions.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Heard {
    /// How much empathy the turn calls for.
    pub weight: Weight,
    /// The most probable feeling.
    pub emotion: Emotion,
    /// What it is about.
    pub target: Target,
    /// The signals that hold, by the names that rules have for them.
    pub signals: Vec<&'static str>,
}

impl Heard {
    pub(crate) const fn new(weight: Weight, emotion: Emotion, target: Target, signals: Vec<&'static str>) -> Self {
        Self { weight, emotion, target, signals }
    }

    /// Takes out what a client says in undertone's name.
    pub(crate) fn strip(headers: &mut HeaderMap) {
        for name in [WEIGHT, EMOTION, TARGET, SIGNALS] {
            headers.remove(name);
        }
    }

    /// Tells it in headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(EMOTION, HeaderValue::from_static(self.emotion.as_str()));
        headers.insert(TARGET, HeaderValue::from_static(self.target.as_str()));
        if let Ok(weight) = HeaderValue::try_from(self.weight.to_string()) {
            headers.insert(WEIGHT, weight);
        }
        if !self.signals.is_empty()
            && let Ok(signals) = HeaderValue::try_from(self.signals.join(", "))
        {
            headers.insert(SIGNALS, signals);
        }
    }
}
