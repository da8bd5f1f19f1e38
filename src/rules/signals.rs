//! Signals: what a turn or a reply is, by definitions that are the same for every rule. `docs/rules.md` lists them.

use cel::{Value, objects::Key};
use once_cell::sync::Lazy;
use serde::Deserialize;

use super::{
    fact::{FactType, Facts, Values, map},
    reading::options,
    repeats::asks_again,
};
use crate::{
    empathy::{Pattern, Policy},
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

/// Below which confidence of its own understanding a bot is unsure: the threshold that Rasa's fallback suggests is 0.3, and
/// Dialogflow's default 0.3; half is where either reading is as likely.
const UNSURE: f64 = 0.5;

/// How many of the user's latest messages a turn is compared with.
const COMPARED: usize = 5;

/// The patterns, compiled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    affirms: Pattern,
    not_affirms: Pattern,
    asks_person: Pattern,
    negative: Pattern,
    doubts: Pattern,
}

static PATTERNS: Lazy<Patterns> = Lazy::new(|| Pattern::built_in(include_str!("en/signals.toml")));

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

/// The signals of a turn.
pub(super) fn of_turn(sources: &Sources<'_>, facts: &Facts, values: &Values) -> Vec<(&'static str, Value)> {
    let Sources { turn, policy, .. } = *sources;
    let words = straight(&turn.text);
    let bytes = words.as_bytes();
    let has_answered = sources.turns > 0 || turn.history.iter().any(|past| past.speaker == Speaker::Bot);
    let stated = policy.stated(&turn.text);
    let misunderstood = stated.mistake || (stated.mistake_perhaps && has_answered) || stated.asked;
    let repeats = repeats(sources);
    let doubts = has_answered && PATTERNS.doubts.is_match(bytes);
    let asks_person = PATTERNS.asks_person.is_match(bytes);
    let is_going_nowhere = misunderstood || repeats || doubts || stated.repeat;
    let slots = values_of(facts, values, FactType::Slots).next();
    let slot = |name: &str| match slots {
        Some(Value::Map(slots)) => slots.get(&Key::from(name)).cloned(),
        _ => None,
    };
    let confidence = values.0.get("confidence").and_then(|value| match value {
        Value::Float(confidence) => Some(*confidence),
        _ => None,
    });
    let flags = [
        ("repeats", repeats),
        ("doubts", doubts),
        ("misunderstood", misunderstood),
        ("low_confidence", confidence.is_some_and(|confidence| confidence < UNSURE)),
        ("three_slots", matches!(slot("filled"), Some(Value::Int(filled)) if filled >= 3)),
        ("slots_complete", slot("complete") == Some(Value::Bool(true))),
        ("negative", PATTERNS.negative.is_match(bytes)),
        ("stuck", is_going_nowhere && nowhere_before(sources) >= 2),
        ("affirms", PATTERNS.affirms.is_match(bytes) && !PATTERNS.not_affirms.is_match(bytes)),
        ("asks_person", asks_person),
    ];
    flags.map(|(name, flag)| (name, Value::Bool(flag))).into()
}

/// The signals of a reply.
pub(super) fn of_reply(reply: &str) -> [(&'static str, Value); 1] {
    [("options", Value::Bool(!options(reply).is_empty()))]
}

fn values_of<'v>(facts: &'v Facts, values: &'v Values, kind: FactType) -> impl Iterator<Item = &'v Value> {
    facts.iter().filter(move |(_, fact)| fact.kind == kind).filter_map(|(name, _)| values.0.get(name))
}

/// A sample of all of them.
pub(super) fn sample() -> Value {
    map(NAMES.map(|name| (name, Value::Bool(true))))
}

/// Whether the turn asks what one of the user's latest ones asked.
fn repeats(sources: &Sources<'_>) -> bool {
    let said = |past: &&crate::protocol::Utterance| past.speaker == Speaker::User;
    let mut before = sources.turn.history.iter().rev().filter(said).take(COMPARED);
    sources.asked_before || before.any(|past| asks_again(&past.text, &sources.turn.text))
}

/// How many of the user's messages right before this one led nowhere.
fn nowhere_before(sources: &Sources<'_>) -> usize {
    let said: Vec<_> = sources
        .turn
        .history
        .iter()
        .rev()
        .filter(|past| past.speaker == Speaker::User)
        .take(3)
        .map(|past| &past.text)
        .collect();
    if said.is_empty() {
        return sources.troubles_in_a_row;
    }
    let leads_nowhere = |(number, text): &(usize, &&String)| {
        let stated = sources.policy.stated(text);
        let words = straight(text);
        // The first message of a matter that is asked again counts with the one that asks again.
        let is_asked_again =
            number.checked_sub(1).and_then(|next| said.get(next)).is_some_and(|next| asks_again(text, next))
                || (*number == 0 && asks_again(text, &sources.turn.text));
        stated.persists() || PATTERNS.doubts.is_match(words.as_bytes()) || is_asked_again
    };
    said.iter().enumerate().take_while(leads_nowhere).count()
}

/// A text with straight apostrophes and single spaces, as the patterns read it.
fn straight(text: &str) -> String {
    let short: String =
        text.chars().take(2_000).map(|c| if matches!(c, '\u{2018}' | '\u{2019}') { '\'' } else { c }).collect();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}
