//! Signals: what a turn or a reply is, by definitions that are the same for every rule. `docs/rules.md` lists them.

use std::cell::LazyCell;

use cel::{Value, objects::Key};
use once_cell::sync::Lazy;
use serde::Deserialize;

use super::{
    fact::{Fact, FactType, Facts, Values},
    repeats::Question,
};
use crate::{
    empathy::{Pattern, Patterns, Policy},
    protocol::{Speaker, Turn},
};

/// Every signal, as in `signals.repeats`.
pub(super) const NAMES: [&str; 11] = [
    "repeats",
    "doubts",
    "misunderstood",
    "low_confidence",
    "options",
    "three_slots",
    "slots_complete",
    "negative",
    "stuck",
    "affirms",
    "asks_person",
];

/// Those that are no signals of the turn's.
const OF_OTHERS: [&str; 4] = ["low_confidence", "options", "three_slots", "slots_complete"];

/// Below which confidence of its own understanding a bot is unsure: the threshold that Rasa's fallback suggests is 0.3, and
/// Dialogflow's default 0.3; half is where either reading is as likely.
const UNSURE: f64 = 0.5;

/// How many of the user's latest messages a turn is compared with, and how many may lead nowhere.
const COMPARED: usize = 5;
const NOWHERE: usize = 3;

/// The patterns as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    affirms: Vec<String>,
    not_affirms: Vec<String>,
    asks_person: Vec<String>,
    negative: Vec<String>,
    doubts: Vec<String>,
}

/// What the words of a turn say, by the patterns.
#[derive(Clone, Copy)]
struct Said {
    affirms: bool,
    asks_person: bool,
    negative: bool,
    doubts: bool,
}

static PATTERNS: Lazy<Patterns<5>> = Lazy::new(|| {
    let Lists { affirms, not_affirms, asks_person, negative, doubts } =
        Pattern::built_in(include_str!("en/signals.toml"));
    Patterns::new([&affirms, &not_affirms, &asks_person, &negative, &doubts])
});

impl Said {
    fn in_words(words: &str) -> Self {
        let [affirms, not_affirms, asks_person, negative, doubts] = PATTERNS.matches(words.as_bytes());
        Self { affirms: affirms && !not_affirms, asks_person, negative, doubts }
    }
}

/// What the signals are read from.
pub(super) struct Sources<'a> {
    pub(super) turn: &'a Turn,
    pub(super) policy: &'a Policy,
    /// Whether one of the latest turns asked the same, where a store remembers.
    pub(super) asked_before: bool,
    /// How many turns in a row before this one were in trouble, where a store remembers.
    pub(super) troubles_in_a_row: usize,
    /// How many turns there were, where a store remembers.
    pub(super) turns: usize,
}

/// The signals of a turn that are asked for, but for those of [facts](of_facts).
pub(super) fn of_turn(sources: &Sources<'_>, is_used: impl Fn(&'static str) -> bool) -> Vec<(&'static str, bool)> {
    let Sources { turn, policy, .. } = *sources;
    let said = LazyCell::new(|| Said::in_words(&straight(&turn.text)));
    let has_answered = sources.turns > 0 || turn.history.iter().any(|past| past.speaker == Speaker::Bot);
    let is_stuck_used = is_used("stuck");
    let looks_back = is_stuck_used || is_used("repeats");
    let asked = turn.history.iter().rev().filter(|past| past.speaker == Speaker::User);
    let compared = if looks_back { COMPARED } else { 0 };
    let before: Vec<_> = asked.take(compared).map(|past| Question::of(&past.text)).collect();
    let question = Question::of(if looks_back { &turn.text } else { "" });
    let repeats = sources.asked_before || before.iter().any(|earlier| question.repeats(earlier));
    let stated = LazyCell::new(|| policy.stated(&turn.text));
    let misunderstood = LazyCell::new(|| stated.mistake || (stated.mistake_perhaps && has_answered) || stated.asked);
    let doubts = LazyCell::new(|| has_answered && said.doubts);
    let is_stuck = || {
        let is_going_nowhere = repeats || *misunderstood || *doubts || stated.repeat;
        is_going_nowhere && nowhere_before(sources, &question, &before) >= 2
    };
    let read = |name: &str| match name {
        "repeats" => repeats,
        "doubts" => *doubts,
        "misunderstood" => *misunderstood,
        "negative" => said.negative,
        "stuck" => is_stuck(),
        "affirms" => said.affirms,
        "asks_person" => said.asks_person,
        _ => false,
    };
    let used = NAMES.into_iter().filter(|name| is_used(name) && !OF_OTHERS.contains(name));
    used.map(|name| (name, read(name))).collect()
}

/// The signals of facts.
pub(super) fn of_facts(facts: &Facts, values: &Values) -> [(&'static str, bool); 3] {
    let slots = facts.iter().filter(|(_, fact)| fact.kind == FactType::Slots);
    let slots = slots.filter_map(|(name, _)| values.0.get(name)).next();
    let slot = |name: &str| match slots {
        Some(Value::Map(slots)) => slots.get(&Key::from(name)).cloned(),
        _ => None,
    };
    let is_unsure = matches!(values.0.get("confidence"), Some(Value::Float(confidence)) if *confidence < UNSURE);
    let has_three = matches!(slot("filled"), Some(Value::Int(filled)) if filled >= 3);
    let is_complete = slot("complete") == Some(Value::Bool(true));
    [("low_confidence", is_unsure), ("three_slots", has_three), ("slots_complete", is_complete)]
}

/// Whether a signal can be read only once the reply is there.
pub(super) fn is_of_reply(name: &str, facts: &Facts) -> bool {
    match name {
        "options" => true,
        "low_confidence" => facts.get("confidence").is_some_and(Fact::is_of_reply),
        "three_slots" | "slots_complete" => {
            facts.iter().any(|(_, fact)| fact.kind == FactType::Slots && fact.is_of_reply())
        }
        _ => false,
    }
}

/// How many of the user's messages right before this one led nowhere; `before` has what they ask, the newest first.
fn nowhere_before(sources: &Sources<'_>, question: &Question<'_>, before: &[Question<'_>]) -> usize {
    if before.is_empty() {
        return sources.troubles_in_a_row;
    }
    let leads_nowhere = |(number, earlier): &(usize, &Question<'_>)| {
        // The first message of a matter that is asked again counts with the one that asks again.
        let next = number.checked_sub(1).and_then(|next| before.get(next)).unwrap_or(question);
        sources.policy.stated(earlier.text()).persists()
            || Said::in_words(&straight(earlier.text())).doubts
            || next.repeats(earlier)
    };
    before.iter().take(NOWHERE).enumerate().take_while(leads_nowhere).count()
}

/// A text with straight apostrophes and single spaces, as the patterns read it.
fn straight(text: &str) -> String {
    let short: String =
        text.chars().take(2_000).map(|c| if matches!(c, '\u{2018}' | '\u{2019}') { '\'' } else { c }).collect();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}
