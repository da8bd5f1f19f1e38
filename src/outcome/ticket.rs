//! Tells what was done to a reply: once, whatever happens.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{Family, Outcome, Reason, Verdict, metrics};
use crate::{
    empathy::{Plan, Silence, Weight},
    sentiment::Emotion,
};

/// How often a failure of one kind is a warning; more of them in this time are only counted.
const QUIET: Duration = Duration::from_secs(10);

/// What is told of one exchange, once: at the latest when this is dropped, and then as cancelled.
#[derive(Debug)]
pub(crate) struct Ticket {
    protocol: String,
    weight: Option<Weight>,
    emotion: Option<Emotion>,
    rules: Vec<Arc<str>>,
    failed_rules: Vec<Arc<str>>,
    settled: watch::Sender<Option<Outcome>>,
    is_void: bool,
}

/// Through which layers further out learn what was done to a reply, in the response's extensions.
///
/// Of a reply that comes whole it is known at once; of a stream when its beginning has been dealt with.
#[derive(Debug, Clone)]
pub struct Settled(watch::Receiver<Option<Outcome>>);

impl Settled {
    /// What was done, if that is known yet.
    #[must_use]
    pub fn get(&self) -> Option<Outcome> {
        self.0.borrow().clone()
    }

    /// Waits until it is known what was done. Cancel-safe; nothing if it will never be known.
    pub async fn wait(&mut self) -> Option<Outcome> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone())
    }
}

impl Default for Ticket {
    /// An exchange in a protocol that is not known yet.
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl Ticket {
    /// An exchange in this protocol.
    pub(crate) fn new(protocol: String) -> Self {
        Self {
            protocol,
            weight: None,
            emotion: None,
            rules: Vec::new(),
            failed_rules: Vec::new(),
            settled: watch::Sender::new(None),
            is_void: false,
        }
    }

    /// It is in this protocol, after all.
    pub(crate) fn speaks(&mut self, protocol: String) {
        self.protocol = protocol;
    }

    /// Adds what the turn expresses.
    pub(crate) const fn heard(&mut self, weight: Weight, emotion: Emotion) {
        self.weight = Some(weight);
        self.emotion = Some(emotion);
    }

    /// Adds which rules spoke, and which failed.
    pub(crate) fn ruled(&mut self, rules: Vec<Arc<str>>, failed: Vec<Arc<str>>) {
        self.rules = rules;
        self.failed_rules = failed;
    }

    /// Counts a turn that speaks of danger, whatever becomes of its reply.
    pub(crate) fn planned(&self, plan: &Plan) {
        let is_danger = match plan {
            Plan::Leave(silence) => *silence == Silence::Danger,
            Plan::Review(intent) => intent.is_danger(),
        };
        if is_danger {
            metrics::danger(&self.protocol);
        }
    }

    /// Adds how long the reply waited for the decision.
    pub(crate) fn waited(&self, waited: Duration) {
        metrics::wait(waited);
    }

    /// What is told further out once it is known.
    pub(crate) fn settled(&self) -> Settled {
        Settled(self.settled.subscribe())
    }

    /// The verdict, with what is known of the turn.
    pub(crate) fn outcome(&self, verdict: Verdict) -> Outcome {
        Outcome {
            verdict,
            weight: self.weight,
            emotion: self.emotion,
            rules: self.rules.clone(),
            failed_rules: self.failed_rules.clone(),
        }
    }

    /// Writes the event, raises the counter and tells who waits; the second time it does nothing.
    pub(crate) fn settle(&mut self, verdict: Verdict) -> Outcome {
        let outcome = self.outcome(verdict);
        if self.settled.borrow().is_some() {
            return outcome;
        }
        self.settled.send_replace(Some(outcome.clone()));
        let reason = match verdict {
            Verdict::Untouched(reason) => Some(reason),
            Verdict::Pending | Verdict::Planned(_) | Verdict::Silent(_) | Verdict::Adjusted(_) => None,
        };
        let action = match verdict {
            Verdict::Planned(adjustment) | Verdict::Adjusted(adjustment) => adjustment.as_str(),
            Verdict::Pending | Verdict::Silent(_) | Verdict::Untouched(_) => "none",
        };
        let (family, why) = reason.map_or(("", ""), |reason| (reason.family().as_str(), reason.as_str()));
        metrics::exchange(&self.protocol, action, family, why);
        self.rules.iter().for_each(|rule| metrics::rule(rule, "spoke"));
        self.failed_rules.iter().for_each(|rule| metrics::rule(rule, "failed"));
        self.log(action, reason, why);
        outcome
    }

    /// It was no exchange after all: nothing is told.
    pub(crate) fn void(mut self) {
        self.is_void = true;
    }

    fn log(&self, action: &'static str, reason: Option<Reason>, why: &'static str) {
        let protocol = self.protocol.as_str();
        let weight = self.weight.map(tracing::field::display);
        let emotion = self.emotion.map(tracing::field::display);
        match reason.filter(|reason| reason.family() == Family::FailOpen).and_then(|_| warn_again(why)) {
            Some(unsaid) => tracing::warn!(protocol, action, reason = why, weight, emotion, unsaid, "exchange"),
            None => tracing::info!(protocol, action, reason = why, weight, emotion, "exchange"),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_void {
            return;
        }
        // Whoever waited for it went away.
        self.settle(Verdict::Untouched(Reason::Cancelled));
    }
}

/// Whether a failure of this kind is to be a warning now, and how many were not since the last one.
fn warn_again(why: &'static str) -> Option<u64> {
    static LAST: Mutex<BTreeMap<&str, (Instant, u64)>> = Mutex::new(BTreeMap::new());
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let now = Instant::now();
    match last.get_mut(why) {
        Some((at, unsaid)) if now.saturating_duration_since(*at) < QUIET => {
            *unsaid += 1;
            None
        }
        Some(entry) => Some(std::mem::replace(entry, (now, 0)).1),
        None => {
            last.insert(why, (now, 0));
            Some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{empathy::Adjustment, outcome::FailOpen};

    #[tokio::test]
    async fn a_ticket_tells_once_and_the_first_word_counts() {
        let mut ticket = Ticket::new("p".to_owned());
        let mut settled = ticket.settled();
        assert_eq!(settled.get(), None);
        ticket.settle(Verdict::Adjusted(Adjustment::Prepend));
        ticket.settle(Verdict::Untouched(Reason::Cancelled));
        drop(ticket);
        assert_eq!(settled.wait().await.unwrap().verdict, Verdict::Adjusted(Adjustment::Prepend));
    }

    #[tokio::test]
    async fn what_is_dropped_was_cancelled() {
        let ticket = Ticket::new("p".to_owned());
        let mut settled = ticket.settled();
        drop(ticket);
        assert_eq!(settled.wait().await.unwrap().verdict, Verdict::Untouched(Reason::Cancelled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_repeats_is_a_warning_only_now_and_then() {
        let kind = FailOpen::Memory.as_str();
        assert_eq!((warn_again(kind), warn_again(kind), warn_again(kind)), (Some(0), None, None));
        assert_eq!(warn_again(FailOpen::NoReply.as_str()), Some(0), "each kind for itself");
        tokio::time::advance(QUIET).await;
        assert_eq!(warn_again(kind), Some(2));
    }
}
