//! The whole decision about one exchange, without HTTP.

use std::{sync::Arc, time::SystemTime};

use crate::{
    conversation::{Memory, Pace},
    empathy::{Adjustment, Change, Facts, Intent, Place, Plan, Policy, Review, Silence, Weight, behind},
    protocol::Turn,
    rules::{Decided, FactValues, Known, Rules, Stage, seconds_at},
    sentiment::Sentiment,
};

/// What decides.
pub(super) struct Decider<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a Rules,
}

/// What became of a reply.
pub(super) struct Decision {
    pub(super) action: &'static str,
    pub(super) reason: &'static str,
    pub(super) reply: String,
    /// What came of the rules.
    pub(super) rules: Decided,
}

/// One exchange whose reply is there.
pub(super) struct Exchange<'a> {
    pub(super) turn: &'a Turn,
    pub(super) sentiment: &'a Sentiment,
    pub(super) weight: Weight,
    pub(super) facts: FactValues,
    /// Seconds since 1970.
    pub(super) now: i64,
    pub(super) reply: &'a str,
}

impl Decider<'_> {
    pub(super) fn decide(&self, exchange: Exchange<'_>) -> Decision {
        let Exchange { turn, sentiment, weight, facts, now, reply } = exchange;
        let memory = Memory::default();
        let intent = match self.policy.plan(&Facts::new(turn, sentiment, &memory).with_weight(weight)) {
            Plan::Leave(silence) => match Intent::of_wordless(&turn.text, silence) {
                Some(intent) => intent,
                None => return Decision::untouched(reply, silence, Decided::default()),
            },
            Plan::Review(intent) => intent,
        };
        let known = Known { policy: self.policy, turn, sentiment, weight, memory: &memory, pace: Pace::default(), now };
        let rules = self.rules.open(&known, facts).explain(Stage::Whole(reply));
        let intent = match &rules.emotional {
            Some(interjection) => intent.with_acknowledgment(interjection),
            None => intent,
        };
        let intent = match &rules.other {
            Some(interjection) => intent.with_interjection(Arc::clone(interjection)),
            None => intent,
        };
        self.review(&intent, reply, rules)
    }

    fn review(&self, intent: &Intent, reply: &str, rules: Decided) -> Decision {
        let end = rules.other.as_ref().filter(|other| other.place == Place::End).map(|other| other.text.clone());
        let mut decision = match self.policy.review(intent, reply, true) {
            Review::Change(change) => Decision {
                action: change.adjustment.as_str(),
                reason: why(&change, intent),
                reply: change.apply(reply),
                rules,
            },
            Review::Leave(silence) => Decision::untouched(reply, silence, rules),
            // A complete reply is always decided.
            Review::Wait | Review::WaitForEnd | Review::ChangeIfMore(_) => {
                Decision { action: "none", reason: "", reply: reply.to_owned(), rules }
            }
        };
        if let Some(end) = end
            && self.policy.may_follow(reply)
        {
            decision.reply = [&decision.reply, behind(reply), &end].concat();
            if decision.action == "none" {
                decision.action = Adjustment::Append.as_str();
            }
        }
        decision
    }
}

impl Decision {
    fn untouched(reply: &str, silence: Silence, rules: Decided) -> Self {
        Self { action: "none", reason: silence.as_str(), reply: reply.to_owned(), rules }
    }
}

/// The section that the sentence is from; where an opener is only taken out, why nothing takes its place.
fn why(change: &Change, intent: &Intent) -> &'static str {
    match &change.saying {
        Some(saying) => saying.kind.as_str(),
        None => intent.silence().map_or("", Silence::as_str),
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    seconds_at(SystemTime::now())
}
