//! Signals: what a turn or a reply is, by definitions that are the same for every rule. `docs/rules.md` lists them.

use cel::{Value, objects::Key};
use once_cell::sync::Lazy;
use serde::Deserialize;

use super::{
    fact::{FactType, Facts, Values, map},
    reading::options,
};
use crate::{
    empathy::{Pattern, Policy},
    protocol::{Speaker, Turn},
    sentiment::Embedding,
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

/// The signals that ask what the user said before.
pub(super) const OF_HISTORY: [&str; 2] = ["repeats", "stuck"];

/// From which cosine on two turns say the same: measured on `tests/rules/pairs.tsv` (`docs/rules.md`).
pub(super) const SAME_MEANING: f32 = 0.86;

/// From which likeness of their letters (Sørensen-Dice over pairs) two turns say the same, where the model says nothing of
/// them, and from which share of words in common.
const SAME_LETTERS: f64 = 0.80;
const SAME_WORDS: f64 = 0.67;

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
    /// What the model makes of this turn, and of the user's latest ones, the newest first, as far as it has been asked.
    pub(super) meaning: Option<&'a Embedding>,
    pub(super) before: &'a [Embedding],
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

/// Whether the turn says what one of the user's latest ones said.
fn repeats(sources: &Sources<'_>) -> bool {
    let by_meaning = sources
        .meaning
        .is_some_and(|meaning| sources.before.iter().any(|before| meaning.similarity(before) >= SAME_MEANING));
    let said = |past: &&crate::protocol::Utterance| past.speaker == Speaker::User;
    let mut before = sources.turn.history.iter().rev().filter(said).take(COMPARED);
    by_meaning || before.any(|past| is_same(&sources.turn.text, &past.text))
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
            number.checked_sub(1).and_then(|next| said.get(next)).is_some_and(|next| is_same(next, text))
                || (*number == 0 && is_same(&sources.turn.text, text));
        stated.persists() || PATTERNS.doubts.is_match(words.as_bytes()) || is_asked_again
    };
    said.iter().enumerate().take_while(leads_nowhere).count()
}

/// Whether two texts say the same by their letters or their words.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    let words = |text: &str| {
        text.split(' ').filter(|word| word.len() > 2).map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let (one_words, other_words) = (words(&one), words(&other));
    if one_words.len().min(other_words.len()) < 2 {
        return !one.is_empty() && one == other && one.len() > 3;
    }
    let both = one_words.intersection(&other_words).count();
    let all = one_words.union(&other_words).count();
    #[expect(clippy::cast_precision_loss, reason = "a turn has few words")]
    let share = both as f64 / all as f64;
    // What was said before, with more around it.
    let contains = both >= 3 && (both == one_words.len() || both == other_words.len());
    contains || share >= SAME_WORDS || strsim::sorensen_dice(&one, &other) >= SAME_LETTERS
}

/// A text's words in small letters, and nothing between them.
fn plain(text: &str) -> String {
    let lower = text.chars().take(500).collect::<String>().to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text with straight apostrophes and single spaces, as the patterns read it.
fn straight(text: &str) -> String {
    let short: String =
        text.chars().take(2_000).map(|c| if matches!(c, '\u{2018}' | '\u{2019}') { '\'' } else { c }).collect();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}
