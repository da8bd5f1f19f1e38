//! What was done to a reply, and why: in a response header, an event and a counter, each without a word of the user's.
//!
//! A [`Reason`] has a [`Family`]: whether a reply was left alone because it must not be edited, because silence was the
//! right thing, because something went wrong on undertone's side, or because nobody waited for it any more. The
//! [`Outcome`] of a reply that comes whole is known when its head goes out. That of a stream is announced as planned or
//! pending; layers further out learn how it ended from [`Settled`].

mod heard;
pub mod metrics;
mod ticket;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use sfv::{Decimal, DictSerializer, KeyRef, TokenRef};

pub(crate) use self::ticket::Ticket;
pub use self::{
    heard::{EMOTION, Heard, SIGNALS, TARGET, WEIGHT},
    ticket::Settled,
};
use crate::{
    empathy::{Adjustment, Silence, Weight},
    protocol::HandsOff,
    sentiment::Emotion,
};

/// The response header that says what was done: a dictionary (RFC 9651), such as
/// `prepend, weight=0.62, emotion=frustration` or `none, reason=below-floor, weight=0.05, emotion=none`.
pub const HEADER: HeaderName = HeaderName::from_static("undertone");

/// The request header that tells a bot, where the operator wants it, that the turn speaks of danger to life and limb:
/// `1`, and absent otherwise.
pub const DANGER: HeaderName = HeaderName::from_static("x-undertone-danger");

/// What was done to one reply. Also in the response's extensions, for layers further out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// What was done, or will be.
    pub verdict: Verdict,
    /// The turn's weight, where it is known.
    pub weight: Option<Weight>,
    /// The most probable feeling, where it is known.
    pub emotion: Option<Emotion>,
    /// The rules that spoke.
    pub rules: Vec<Arc<str>>,
    /// The rules that could not be computed or said.
    pub failed_rules: Vec<Arc<str>>,
}

/// What was done to a reply, or will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The head of a stream goes out before it is decided what is to be said.
    Pending,
    /// This will be done to a stream whose beginning is not there yet, unless that beginning forbids it.
    Planned(Adjustment),
    /// Nothing will be said before a stream, for this reason; an opener of its own that is out of proportion may yet be
    /// toned down.
    Silent(Silence),
    /// This was done.
    Adjusted(Adjustment),
    /// Nothing was done.
    Untouched(Reason),
}

/// Why nothing was done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The wire format or HTTP forbids it.
    HandsOff(HandsOff),
    /// The decision was to say nothing.
    Silence(Silence),
    /// Something went wrong, or a limit was reached.
    FailOpen(FailOpen),
    /// The client went away before it was decided.
    Cancelled,
}

/// What kind of reason it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// The reply must not be edited.
    HandsOff,
    /// Nothing was to be said.
    Silence,
    /// Something went wrong, or a limit was reached: worth an operator's attention.
    FailOpen,
    /// Nobody waited for it any more.
    Cancelled,
}

/// What went wrong, or which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailOpen {
    /// The decision was not there in time.
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
    /// The reply, or what was held of it, is longer than the limit.
    ReplyTooLong,
    /// The rest of the reply took longer than the limit.
    ReplyTooSlow,
    /// The reply broke off.
    ReplyBroken,
    /// The beginning of a streamed reply stayed undecided for too long.
    HeldTooLong,
    /// All exchanges together hold as much as they may.
    Memory,
    /// The inner service failed: there is no reply.
    NoReply,
}

impl FailOpen {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::QueueFull => "queue-full",
            Self::Classifier => "classifier",
            Self::Panic => "panic",
            Self::RequestTooLong => "request-too-long",
            Self::RequestTooSlow => "request-too-slow",
            Self::RequestBroken => "request-broken",
            Self::ReplyTooLong => "reply-too-long",
            Self::ReplyTooSlow => "reply-too-slow",
            Self::ReplyBroken => "reply-broken",
            Self::HeldTooLong => "held-too-long",
            Self::Memory => "memory",
            Self::NoReply => "no-reply",
        }
    }
}

impl Reason {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HandsOff(reason) => reason.as_str(),
            Self::Silence(reason) => reason.as_str(),
            Self::FailOpen(reason) => reason.as_str(),
            Self::Cancelled => "cancelled",
        }
    }

    /// What kind of reason it is.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::HandsOff(_) => Family::HandsOff,
            Self::Silence(_) => Family::Silence,
            Self::FailOpen(_) => Family::FailOpen,
            Self::Cancelled => Family::Cancelled,
        }
    }
}

impl From<HandsOff> for Reason {
    fn from(reason: HandsOff) -> Self {
        Self::HandsOff(reason)
    }
}

impl From<Silence> for Reason {
    fn from(reason: Silence) -> Self {
        Self::Silence(reason)
    }
}

impl From<FailOpen> for Reason {
    fn from(reason: FailOpen) -> Self {
        Self::FailOpen(reason)
    }
}

impl Family {
    /// The name, as in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HandsOff => "hands-off",
            Self::Silence => "silence",
            Self::FailOpen => "fail-open",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Outcome {
    /// The value of the [`HEADER`].
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let mut dictionary = DictSerializer::new();
        match self.verdict {
            Verdict::Pending => flag(&mut dictionary, "pending", false),
            Verdict::Planned(adjustment) => flag(&mut dictionary, adjustment.as_str(), true),
            Verdict::Silent(silence) => {
                flag(&mut dictionary, "none", true);
                token(&mut dictionary, "reason", silence.as_str());
            }
            Verdict::Adjusted(adjustment) => flag(&mut dictionary, adjustment.as_str(), false),
            Verdict::Untouched(reason) => {
                flag(&mut dictionary, "none", false);
                token(&mut dictionary, "reason", reason.as_str());
            }
        }
        let hundredths = |weight: Weight| (f64::from(weight.get()) * 100.0).round() / 100.0;
        if let Some(weight) = self.weight.and_then(|weight| Decimal::try_from(hundredths(weight)).ok()) {
            let _ = dictionary.bare_item(KeyRef::constant("weight"), weight);
        }
        if let Some(emotion) = self.emotion {
            token(&mut dictionary, "emotion", emotion.as_str());
        }
        tokens(&mut dictionary, "rule", &self.rules);
        tokens(&mut dictionary, "failed-rule", &self.failed_rules);
        dictionary
            .finish()
            .and_then(|value| HeaderValue::try_from(value).ok())
            .unwrap_or_else(|| HeaderValue::from_static("none"))
    }
}

fn flag(dictionary: &mut DictSerializer<String>, key: &'static str, is_planned: bool) {
    if let Ok(key) = KeyRef::from_str(key) {
        let item = dictionary.bare_item(key, true);
        if is_planned {
            let _ = item.parameter(KeyRef::constant("planned"), true);
        }
    }
}

fn token(dictionary: &mut DictSerializer<String>, key: &'static str, value: &'static str) {
    if let (Ok(key), Ok(value)) = (KeyRef::from_str(key), TokenRef::from_str(value)) {
        let _ = dictionary.bare_item(key, value);
    }
}

/// One name as a token, more as a list of them.
fn tokens(dictionary: &mut DictSerializer<String>, key: &'static str, names: &[Arc<str>]) {
    let Ok(key) = KeyRef::from_str(key) else { return };
    let mut tokens = names.iter().filter_map(|name| TokenRef::from_str(name).ok());
    match names {
        [] => {}
        [_] => {
            if let Some(token) = tokens.next() {
                let _ = dictionary.bare_item(key, token);
            }
        }
        _ => {
            let mut list = dictionary.inner_list(key);
            for token in tokens {
                let _ = list.bare_item(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_dictionary_that_says_what_and_why() {
        let outcome = |verdict, weight| Outcome {
            verdict,
            weight,
            emotion: weight.map(|_| Emotion::Frustration),
            rules: Vec::new(),
            failed_rules: Vec::new(),
        };
        let weight = Some(Weight::clamped(0.6249));
        let untouched = |reason: Reason| Verdict::Untouched(reason);
        for (outcome, expected) in [
            (outcome(Verdict::Adjusted(Adjustment::Prepend), weight), "prepend, weight=0.62, emotion=frustration"),
            (
                outcome(Verdict::Planned(Adjustment::Prepend), weight),
                "prepend;planned, weight=0.62, emotion=frustration",
            ),
            (outcome(Verdict::Pending, None), "pending"),
            (outcome(Verdict::Silent(Silence::Pleasant), None), "none;planned, reason=pleasant"),
            (
                outcome(untouched(Silence::BelowFloor.into()), Some(Weight::clamped(0.0))),
                "none, reason=below-floor, weight=0.0, emotion=frustration",
            ),
            (outcome(untouched(HandsOff::JsonMode.into()), None), "none, reason=json-mode"),
            (outcome(untouched(Reason::Cancelled), None), "none, reason=cancelled"),
        ] {
            assert_eq!(outcome.header(), expected);
        }
    }
}
