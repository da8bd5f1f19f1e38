//! What was done to a reply, and why: in a response header, an event and a counter, each without a word of the user's.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use sfv::{Decimal, DictSerializer, KeyRef, TokenRef};

use crate::{
    empathy::{Silence, Weight},
    protocol::{LeftAlone, Protocol},
    sentiment::Emotion,
};

/// The response header that says what was done: a dictionary (RFC 9651), such as
/// `prepend, weight=0.62, emotion=frustration` or `none, reason=below-floor, weight=0.05, emotion=none`.
pub const HEADER: HeaderName = HeaderName::from_static("undertone");

/// What was done to one reply. Also in the response's extensions, for layers further out.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// What was done.
    pub action: Action,
    /// The turn's weight, where it is known.
    pub weight: Option<Weight>,
    /// The most probable feeling, where it is known.
    pub emotion: Option<Emotion>,
}

/// What was done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Nothing.
    None(Reason),
    /// A sentence was put before it.
    Prepend,
    /// A sentence will be put before a streamed reply whose beginning is not there yet, unless that beginning forbids
    /// it. The event and the counter tell what came of it.
    PlanPrepend,
}

/// Why nothing was done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The wire format forbids it.
    LeftAlone(LeftAlone),
    /// HTTP forbids it.
    NotEditable(NotEditable),
    /// The decision was to say nothing.
    Silence(Silence),
    /// Something went wrong, or a limit was reached.
    FailOpen(FailOpen),
}

/// Why a response is not one that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotEditable {
    /// Its status is not 2xx, or says that there is no content.
    Status,
    /// It is a part of a representation.
    Partial,
    /// It is compressed.
    Encoding,
    /// It is of a media type in which this protocol does not answer.
    MediaType,
    /// It says `Cache-Control: no-transform`, and the operator wants that respected.
    NoTransform,
    /// Another undertone has dealt with it.
    Chained,
}

/// What went wrong, or which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailOpen {
    /// The classifier was not ready in time.
    Budget,
    /// The classifier had no room for the turn.
    QueueFull,
    /// The classifier failed.
    Classifier,
    /// A decision panicked.
    Panic,
    /// The request body is longer than the limit.
    RequestTooLong,
    /// The request body took longer than the limit.
    RequestTooSlow,
    /// The request body broke off.
    RequestBroken,
    /// The reply is longer than the limit.
    ReplyTooLong,
    /// The rest of the reply took longer than the limit.
    ReplyTooSlow,
    /// The reply broke off, or the client went away.
    ReplyBroken,
    /// The beginning of a streamed reply stayed undecided for too long.
    HeldTooLong,
    /// The inner service failed: there is no reply.
    NoReply,
}

impl Reason {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftAlone(reason) => reason.as_str(),
            Self::Silence(reason) => reason.as_str(),
            Self::NotEditable(NotEditable::Status) => "status",
            Self::NotEditable(NotEditable::Partial) => "partial",
            Self::NotEditable(NotEditable::Encoding) => "encoding",
            Self::NotEditable(NotEditable::MediaType) => "media-type",
            Self::NotEditable(NotEditable::NoTransform) => "no-transform",
            Self::NotEditable(NotEditable::Chained) => "chained",
            Self::FailOpen(FailOpen::Budget) => "budget",
            Self::FailOpen(FailOpen::QueueFull) => "queue-full",
            Self::FailOpen(FailOpen::Classifier) => "classifier",
            Self::FailOpen(FailOpen::Panic) => "panic",
            Self::FailOpen(FailOpen::RequestTooLong) => "request-too-long",
            Self::FailOpen(FailOpen::RequestTooSlow) => "request-too-slow",
            Self::FailOpen(FailOpen::RequestBroken) => "request-broken",
            Self::FailOpen(FailOpen::ReplyTooLong) => "reply-too-long",
            Self::FailOpen(FailOpen::ReplyTooSlow) => "reply-too-slow",
            Self::FailOpen(FailOpen::ReplyBroken) => "reply-broken",
            Self::FailOpen(FailOpen::HeldTooLong) => "held-too-long",
            Self::FailOpen(FailOpen::NoReply) => "no-reply",
        }
    }
}

impl Outcome {
    /// The value of the [`HEADER`].
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        const PREPEND: &KeyRef = KeyRef::constant("prepend");
        let mut dictionary = DictSerializer::new();
        match self.action {
            Action::Prepend => {
                let _ = dictionary.bare_item(PREPEND, true);
            }
            Action::PlanPrepend => {
                let _ = dictionary.bare_item(PREPEND, true).parameter(KeyRef::constant("planned"), true);
            }
            Action::None(reason) => {
                let _ = dictionary.bare_item(KeyRef::constant("none"), true);
                token(&mut dictionary, KeyRef::constant("reason"), reason.as_str());
            }
        }
        let hundredths = |weight: Weight| (f64::from(weight.get()) * 100.0).round() / 100.0;
        if let Some(weight) = self.weight.and_then(|weight| Decimal::try_from(hundredths(weight)).ok()) {
            let _ = dictionary.bare_item(KeyRef::constant("weight"), weight);
        }
        if let Some(emotion) = self.emotion {
            token(&mut dictionary, KeyRef::constant("emotion"), emotion.as_str());
        }
        dictionary
            .finish()
            .and_then(|value| HeaderValue::try_from(value).ok())
            .unwrap_or_else(|| HeaderValue::from_static("none"))
    }
}

fn token(dictionary: &mut DictSerializer<String>, key: &KeyRef, value: &'static str) {
    if let Ok(value) = TokenRef::from_str(value) {
        let _ = dictionary.bare_item(key, value);
    }
}

/// Tells what was done to one reply, once: at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct Report {
    protocol: Arc<dyn Protocol>,
    pub(super) weight: Option<Weight>,
    pub(super) emotion: Option<Emotion>,
    is_open: bool,
}

impl Report {
    pub(super) const fn new(protocol: Arc<dyn Protocol>) -> Self {
        Self { protocol, weight: None, emotion: None, is_open: true }
    }

    /// What was done, with what is known of the turn.
    pub(super) const fn outcome(&self, action: Action) -> Outcome {
        Outcome { action, weight: self.weight, emotion: self.emotion }
    }

    /// Writes the event and raises the counter; the second time it does nothing.
    pub(super) fn finish(&mut self, action: Action) -> Outcome {
        let outcome = self.outcome(action);
        if !std::mem::take(&mut self.is_open) {
            return outcome;
        }
        let (action, reason) = match action {
            Action::Prepend | Action::PlanPrepend => ("prepend", ""),
            Action::None(reason) => ("none", reason.as_str()),
        };
        let protocol = self.protocol.name().to_owned();
        metrics::counter!("undertone_exchanges_total", "protocol" => protocol, "action" => action, "reason" => reason)
            .increment(1);
        tracing::info!(
            protocol = self.protocol.name(),
            action,
            reason,
            weight = self.weight.map(tracing::field::display),
            emotion = self.emotion.map(tracing::field::display),
            "exchange"
        );
        outcome
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // Whoever waited went away, or the reply ended before it was decided.
        self.finish(Action::None(Reason::FailOpen(FailOpen::ReplyBroken)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_dictionary_that_says_what_and_why() {
        let outcome = |action, weight| Outcome { action, weight, emotion: weight.map(|_| Emotion::Frustration) };
        let weight = Some(Weight::clamped(0.6249));
        for (outcome, expected) in [
            (outcome(Action::Prepend, weight), "prepend, weight=0.62, emotion=frustration"),
            (outcome(Action::PlanPrepend, weight), "prepend;planned, weight=0.62, emotion=frustration"),
            (
                outcome(Action::None(Reason::Silence(Silence::BelowFloor)), Some(Weight::clamped(0.0))),
                "none, reason=below-floor, weight=0.0, emotion=frustration",
            ),
            (outcome(Action::None(Reason::LeftAlone(LeftAlone::JsonMode)), None), "none, reason=json-mode"),
        ] {
            assert_eq!(outcome.header(), expected);
        }
    }
}
