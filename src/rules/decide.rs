//! Which rules hold, and which of them speaks.

use std::sync::Arc;

use super::{
    Inner, Layer, Rule, Rules,
    condition::Verdict,
    fact::Values,
    reading::READ,
    scope::{Lent, Scope, Sight},
    signals::of_facts,
    situation,
};
use crate::empathy::{Interjection, Place, Policy};

/// The rules of one exchange, until its reply is there.
#[derive(Clone)]
pub(crate) struct Undecided {
    rules: Rules,
    scope: Scope,
    facts: Values,
    policy: Policy,
    /// Which rules have spoken lately, in the order of the rules.
    rested: Vec<bool>,
}

/// What came of the rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decided {
    /// What stands in the place of undertone's acknowledgment.
    pub(crate) emotional: Option<Arc<Interjection>>,
    /// What else is said.
    pub(crate) other: Option<Arc<Interjection>>,
    /// The rules that could not be computed or said.
    pub(crate) failed: Vec<Arc<str>>,
    /// What came of each rule, in their order, where that is to be explained.
    pub(crate) why: Vec<(Arc<str>, Why)>,
}

/// What came of one rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Why {
    /// It speaks.
    Speaks,
    /// It holds, and this one goes before it.
    Outranked(Arc<str>),
    /// Its condition does not hold.
    DoesNotHold,
    /// Its condition speaks of something that is not there.
    Missing(String),
    /// It cannot be computed or said.
    Fails(String),
    /// It has spoken lately.
    Rests,
    /// It needs the reply, which is not there yet.
    NeedsReply,
    /// The reply is a stream, and it speaks where only a whole one can be changed.
    NeedsWhole,
}

/// When rules are asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage<'r> {
    /// A stream is about to begin: what needs no reply is decided.
    Begins,
    /// A stream of this text is about to end: what stands behind it is decided, if nothing has been.
    Ends(&'r str),
    /// The reply is there whole.
    Whole(&'r str),
}

impl Undecided {
    pub(super) const fn new(rules: Rules, scope: Scope, facts: Values, policy: Policy, rested: Vec<bool>) -> Self {
        Self { rules, scope, facts, policy, rested }
    }

    /// Takes what a frame of the reply tells of the facts.
    pub(crate) fn see_frame(&mut self, data: &[u8]) {
        self.rules.0.facts.in_frame(data, &mut self.facts);
    }

    /// Whether a rule may yet speak behind a stream that has begun.
    pub(crate) fn waits_for_end(&self) -> bool {
        let rules = self.rules.0.rules.iter().zip(&self.rested);
        rules.into_iter().any(|(rule, rested)| !rested && rule.place == Place::End && rule.needs_reply())
    }

    /// Asks the rules, those of the highest priority first, until both places are taken.
    pub(crate) fn decide(&self, stage: Stage<'_>) -> Decided {
        self.ask(stage, false)
    }

    /// The same, and what comes of every rule.
    #[cfg(any(feature = "cli", test))]
    pub(crate) fn explain(&self, stage: Stage<'_>) -> Decided {
        self.ask(stage, true)
    }

    fn ask(&self, stage: Stage<'_>, explains: bool) -> Decided {
        let reply = match stage {
            Stage::Begins => None,
            Stage::Ends(reply) | Stage::Whole(reply) => {
                Some(reply.get(..reply.floor_char_boundary(READ)).unwrap_or_default())
            }
        };
        let Inner { facts, rules, templates, .. } = &*self.rules.0;
        let on_demand = &situation::of_reply(reply, self.policy.clone(), of_facts(facts, &self.facts));
        let lent = &Lent::all(&self.facts);
        let sight = Sight { scope: &self.scope, on_demand, facts: &self.facts, lent, words: &[] };
        let mut decided = Decided::default();
        for (rule, rested) in rules.iter().zip(&self.rested) {
            let slot = match rule.layer {
                Layer::Emotional => &mut decided.emotional,
                Layer::Cognitive | Layer::Procedural => &mut decided.other,
            };
            if slot.is_some() && !explains {
                continue;
            }
            let why = match (rule.fits(stage), &*slot) {
                (Some(why), _) => why,
                (None, _) if *rested => Why::Rests,
                (None, winner) => rule.holds(sight, winner.as_deref()),
            };
            let why = if why == Why::Speaks {
                match templates.say(&rule.name, self.policy.tone(), sight, &rule.says) {
                    Ok(Some(text)) => {
                        *slot = Some(Arc::new(Interjection::new(Arc::clone(&rule.name), rule.place, text)));
                        Why::Speaks
                    }
                    Ok(None) => Why::DoesNotHold,
                    Err(error) => Why::Fails(error),
                }
            } else {
                why
            };
            if let Why::Fails(error) = &why {
                tracing::debug!(rule = &*rule.name, error, "a rule failed");
                decided.failed.push(Arc::clone(&rule.name));
            }
            if explains {
                decided.why.push((Arc::clone(&rule.name), why));
            }
        }
        decided
    }
}

impl Rule {
    pub(super) fn needs_reply(&self) -> bool {
        self.when.needs_reply || self.says_reply
    }

    /// Why it cannot speak at this stage, if it cannot.
    fn fits(&self, stage: Stage<'_>) -> Option<Why> {
        match stage {
            Stage::Whole(_) => None,
            _ if self.place == Place::Instead => Some(Why::NeedsWhole),
            Stage::Begins if !self.needs_reply() => None,
            Stage::Begins if self.place == Place::End => Some(Why::NeedsReply),
            Stage::Ends(_) if self.place == Place::End && self.needs_reply() => None,
            Stage::Begins | Stage::Ends(_) => Some(Why::NeedsWhole),
        }
    }

    /// What its condition says, where another may have won already.
    fn holds(&self, sight: Sight<'_>, winner: Option<&Interjection>) -> Why {
        match (self.when.holds(sight), winner) {
            (Verdict::Holds, None) => Why::Speaks,
            (Verdict::Holds, Some(winner)) => Why::Outranked(Arc::clone(&winner.rule)),
            (Verdict::DoesNot, _) => Why::DoesNotHold,
            (Verdict::Missing(name), _) => Why::Missing(name),
            (Verdict::Fails(error), _) => Why::Fails(error),
        }
    }
}

impl std::fmt::Debug for Undecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Undecided").field("rules", &self.rules).finish_non_exhaustive()
    }
}
