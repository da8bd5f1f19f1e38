//! What is known of an exchange, as conditions and templates see it.

use std::{collections::BTreeSet, sync::Arc};

use cel::{Context, Value};
use http::HeaderMap;

use super::{
    Rest, Rule, Rules,
    condition::{ENV, mentions},
    decide::Undecided,
    fact::{Facts, Values, map, string},
    reading,
    repeats::fingerprint,
    signals::{Sources, of_facts, of_turn, sample as sample_signals},
};
use crate::{
    conversation::{Memory, Pace},
    empathy::{Policy, Weight},
    protocol::{Speaker, Turn},
    sentiment::Sentiment,
};

/// How many characters of an earlier message are told.
const SAID: usize = 2_000;

/// What is known of a turn when rules are asked.
pub(crate) struct Known<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) turn: &'a Turn,
    pub(crate) sentiment: &'a Sentiment,
    pub(crate) weight: Weight,
    pub(crate) memory: &'a Memory,
    /// How the user came to the turn, where a chat widget tells.
    pub(crate) pace: Pace,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What rules know of the facts so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct FactValues(pub(super) Values);

pub(super) fn integer(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn number(number: f32) -> Value {
    // As it is written, not as its bits are: 0.3 and not 0.30000001.
    Value::Float(number.to_string().parse().unwrap_or_default())
}

impl Rules {
    /// What a request tells of the facts.
    pub(crate) fn facts_in_request(&self, headers: &HeaderMap, body: &[u8]) -> FactValues {
        FactValues(self.0.facts.in_request(headers, body))
    }

    /// Adds what the head of the reply tells of them.
    pub(crate) fn facts_in_head(&self, headers: &HeaderMap, facts: &mut FactValues) {
        self.0.facts.in_head(headers, &mut facts.0);
    }

    /// Facts that are given, by name: of those that are declared and of the right type.
    #[cfg(feature = "cli")]
    pub(crate) fn facts_given(&self, given: &serde_json::Map<String, serde_json::Value>) -> Result<FactValues, String> {
        let mut values = Values::default();
        for (name, value) in given {
            let fact = self.0.facts.get(name).ok_or_else(|| format!("the fact `{name}` is not declared in [facts]"))?;
            let written = value.to_string();
            let value = fact.kind.read(crate::protocol::Raw::of(&written));
            values.set(name, Some(value.ok_or_else(|| format!("the fact `{name}` is not of its type: {written}"))?));
        }
        Ok(FactValues(values))
    }

    /// Asks the rules about a turn.
    pub(crate) fn open(&self, known: &Known<'_>, facts: FactValues) -> Undecided {
        let variables = variables(known, &self.0.spoken);
        Undecided::new(self.clone(), variables, facts.0, known.policy.clone(), self.rested(known))
    }

    /// Which rules have spoken in the conversation, and are silent for now.
    fn rested(&self, known: &Known<'_>) -> Vec<bool> {
        let silent = |rule: &Rule| match rule.rest {
            Rest::Once => usize::MAX,
            Rest::Turns(turns) => turns,
        };
        if known.turn.history.is_empty() {
            let spoke = |rule: &Rule| known.memory.turns_since_rule(&rule.name);
            return self.0.rules.iter().map(|rule| spoke(rule).is_some_and(|turns| turns < silent(rule))).collect();
        }
        let mut rested = vec![false; self.0.rules.len()];
        let mut turns = 0;
        for past in known.turn.history.iter().rev() {
            match past.speaker {
                Speaker::User => turns += 1,
                Speaker::Bot => {
                    for number in self.0.recogniser.rules_in(known.policy.tone(), &past.text) {
                        if let (Some(rule), Some(rested)) = (self.0.rules.get(number), rested.get_mut(number)) {
                            *rested |= turns < silent(rule);
                        }
                    }
                }
            }
        }
        rested
    }
}

/// The signals of a turn that hold.
pub(crate) fn signals(known: &Known<'_>, rules: &Rules, facts: &FactValues) -> Vec<&'static str> {
    let of_facts = of_facts(&rules.0.facts, &facts.0);
    let signals = of_turn(&sources(known), |name| !of_facts.iter().any(|(other, _)| *other == name));
    signals.into_iter().chain(of_facts).filter(|(_, holds)| *holds == Value::Bool(true)).map(|(name, _)| name).collect()
}

fn sources<'a>(known: &Known<'a>) -> Sources<'a> {
    Sources {
        turn: known.turn,
        policy: known.policy,
        asked_before: known.memory.turns() > 0
            && fingerprint(&known.turn.text).is_some_and(|asked| known.memory.was_asked(asked)),
        troubles_in_a_row: known.memory.troubles_in_a_row(),
        turns: known.memory.turns(),
    }
}

/// What conditions and templates speak of: nothing else is computed.
#[derive(Debug, Default)]
pub(super) struct SpokenOf {
    /// `turn.text`; or `turn`, of which all counts.
    names: BTreeSet<String>,
    is_all: bool,
}

impl SpokenOf {
    /// Everything.
    fn all() -> Self {
        Self { names: BTreeSet::new(), is_all: true }
    }

    pub(super) fn add(&mut self, names: impl IntoIterator<Item = String>) {
        self.names.extend(names);
    }

    pub(super) fn has(&self, variable: &str, member: &str) -> bool {
        let is_of = |name: &String| match name.strip_prefix(variable) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('.') == Some(member),
            None => false,
        };
        self.is_all || self.names.iter().any(is_of)
    }
}

/// A variable with those of its members that are spoken of.
fn object<const N: usize>(
    spoken: &SpokenOf,
    name: &'static str,
    members: [(&'static str, &dyn Fn() -> Value); N],
) -> (&'static str, Value) {
    let members = members.into_iter().filter(|(member, _)| spoken.has(name, member));
    (name, map(members.map(|(member, value)| (member, value()))))
}

/// What is known before the reply is there, by name.
fn variables(known: &Known<'_>, spoken: &SpokenOf) -> Vec<(&'static str, Value)> {
    let Known { policy, turn, sentiment, weight, memory, pace, now } = *known;
    let said = |speaker| turn.history.iter().filter(move |past| past.speaker == speaker);
    let last = |speaker| {
        let past = said(speaker).next_back();
        string(&past.map(|past| past.text.chars().take(SAID).collect::<String>()).unwrap_or_default())
    };
    let signals = of_turn(&sources(known), |name| spoken.has("signals", name));
    vec![
        object(
            spoken,
            "turn",
            [
                ("text", &|| string(&turn.text.chars().take(SAID).collect::<String>())),
                ("words", &|| integer(turn.text.split_whitespace().count())),
                ("ordinal", &|| integer(turn.ordinal.max(memory.turns()) + 1)),
                ("is_question", &|| Value::Bool(reading::ends_with_question(&turn.text))),
            ],
        ),
        object(
            spoken,
            "sentiment",
            [
                ("weight", &|| number(weight.get())),
                ("valence", &|| number(sentiment.valence)),
                ("affect", &|| number(sentiment.affect)),
                ("emotion", &|| string(sentiment.emotion().as_str())),
                ("target", &|| string(sentiment.target().as_str())),
            ],
        ),
        object(
            spoken,
            "history",
            [
                ("user", &|| integer(said(Speaker::User).count())),
                ("bot", &|| integer(said(Speaker::Bot).count())),
                ("last_user", &|| last(Speaker::User)),
                ("last_bot", &|| last(Speaker::Bot)),
            ],
        ),
        object(
            spoken,
            "conversation",
            [
                ("turns", &|| integer(turn.ordinal.max(memory.turns()))),
                ("troubles", &|| integer(memory.troubles())),
                ("acknowledged", &|| integer(memory.count())),
            ],
        ),
        object(
            spoken,
            "pace",
            [
                ("pauses", &|| integer(pace.pauses.into())),
                ("cleared", &|| integer(pace.cleared.into())),
                ("options", &|| integer(pace.options.into())),
            ],
        ),
        ("signals", map(signals)),
        ("tone", string(policy.tone().as_str())),
        ("now", Value::Int(now)),
        ("day", Value::Int(86_400)),
        ("hour", Value::Int(3_600)),
        ("minute", Value::Int(60)),
    ]
}

/// What a whole reply adds, by name.
pub(super) fn of_reply(reply: &str, policy: &Policy, spoken: &SpokenOf) -> (&'static str, Value) {
    object(
        spoken,
        "reply",
        [
            ("text", &|| string(reply)),
            ("length", &|| integer(reply.chars().count())),
            ("words", &|| integer(reply.split_whitespace().count())),
            ("shape", &|| string(policy.shape_of(reply).map_or("", crate::empathy::Shape::as_str))),
            ("options", &|| {
                Value::List(Arc::new(reading::options(reply).iter().map(|option| string(option)).collect()))
            }),
            ("ends_with_question", &|| Value::Bool(reading::ends_with_question(reply))),
        ],
    )
}

/// A value of the right type for everything that can be spoken of.
pub(super) fn sample(facts: &Facts) -> Vec<(&'static str, Value)> {
    let policy = Policy::default();
    let turn = Turn { text: "Where is it?".to_owned(), ..Turn::default() };
    let (sentiment, memory) = (Sentiment::default(), Memory::default());
    let known = Known {
        policy: &policy,
        turn: &turn,
        sentiment: &sentiment,
        weight: Weight::of(&sentiment),
        memory: &memory,
        pace: Pace::default(),
        now: 1_800_000_000,
    };
    let mut variables = variables(&known, &SpokenOf::all());
    variables.retain(|(name, _)| *name != "signals");
    variables.push(("signals", sample_signals()));
    variables.push(("facts", map(facts.iter().map(|(name, fact)| (name, fact.kind.sample())))));
    variables.push(of_reply("You could take:\n- one\n- two", &policy, &SpokenOf::all()));
    variables
}

/// What a condition is computed in.
pub(super) fn context<'v>(variables: impl IntoIterator<Item = (&'static str, Value)>) -> Context<'v, 'v> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    // Nothing else has its name.
    let _ = context.add_function("mentions", |text: Arc<String>, words: Arc<Vec<Value>>| mentions(&text, &words));
    for (name, value) in variables {
        context.add_variable_from_value(name, value);
    }
    context
}
