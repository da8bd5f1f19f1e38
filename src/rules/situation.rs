//! What is known of an exchange, as conditions and templates see it.

use std::sync::{Arc, OnceLock};

use cel::Value;
use http::HeaderMap;

use super::{
    Rest, Rule, Rules,
    decide::Undecided,
    fact::{Facts, Values, string},
    reading,
    repeats::fingerprint,
    scope::{Lent, OnDemand, Scope, Sight},
    signals::{NAMES, Sources, of_facts, of_turn},
    vocabulary::{Name, variable},
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
        let scope = before_reply(known, &self.0.spoken);
        Undecided::new(self.clone(), scope, facts.0, known.policy.clone(), self.rested(known))
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
    let of_turn = of_turn(&sources(known), |_| true);
    of_turn.into_iter().chain(of_facts).filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
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
#[derive(Debug)]
pub(super) struct SpokenOf([bool; Name::COUNT]);

impl Default for SpokenOf {
    fn default() -> Self {
        Self([false; Name::COUNT])
    }
}

impl SpokenOf {
    /// Everything.
    const fn all() -> Self {
        Self([true; Name::COUNT])
    }

    /// Adds names such as `turn.text`; `turn` alone stands for all of its members. Facts are known anyway.
    pub(super) fn add<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            let (name, member) = name.split_once('.').map_or((name, None), |(name, member)| (name, Some(member)));
            let Some(variable) = variable(name) else { continue };
            let all = variable.members.iter().copied().filter(|_| member.is_none());
            for name in all.chain(member).filter_map(|member| Name::find(name, member)) {
                self.0.get_mut(name.number()).into_iter().for_each(|spoken| *spoken = true);
            }
        }
    }

    fn has(&self, name: Name) -> bool {
        self.0.get(name.number()).is_some_and(|spoken| *spoken)
    }
}

/// Sets what is spoken of, and computes nothing else.
macro_rules! tell {
    ($scope:ident, $spoken:ident, $($variable:literal . $member:literal: $value:expr;)*) => {
        $(if $spoken.has(const { Name::of($variable, $member) }) {
            $scope.set(const { Name::of($variable, $member) }, $value);
        })*
    };
}

fn signal_name(signal: &str) -> Option<Name> {
    Name::find("signals", signal)
}

fn set_signals(scope: &mut Scope, signals: impl IntoIterator<Item = (&'static str, bool)>) {
    for (signal, holds) in signals {
        signal_name(signal).into_iter().for_each(|name| scope.set(name, Value::Bool(holds)));
    }
}

/// What is known before the reply is there.
fn before_reply(known: &Known<'_>, spoken: &SpokenOf) -> Scope {
    let Known { policy, turn, sentiment, weight, memory, pace, now } = *known;
    let said = |speaker| turn.history.iter().filter(move |past| past.speaker == speaker);
    let last = |speaker| {
        let past = said(speaker).next_back();
        string(&past.map(|past| past.text.chars().take(SAID).collect::<String>()).unwrap_or_default())
    };
    let mut scope = Scope::default();
    tell! { scope, spoken,
        "turn"."text": string(&turn.text.chars().take(SAID).collect::<String>());
        "turn"."words": integer(turn.text.split_whitespace().count());
        "turn"."ordinal": integer(turn.ordinal.max(memory.turns()) + 1);
        "turn"."is_question": Value::Bool(reading::ends_with_question(&turn.text));
        "sentiment"."weight": number(weight.get());
        "sentiment"."valence": number(sentiment.valence);
        "sentiment"."affect": number(sentiment.affect);
        "sentiment"."emotion": string(sentiment.emotion().as_str());
        "sentiment"."target": string(sentiment.target().as_str());
        "history"."user": integer(said(Speaker::User).count());
        "history"."bot": integer(said(Speaker::Bot).count());
        "history"."last_user": last(Speaker::User);
        "history"."last_bot": last(Speaker::Bot);
        "conversation"."turns": integer(turn.ordinal.max(memory.turns()));
        "conversation"."troubles": integer(memory.troubles());
        "conversation"."acknowledged": integer(memory.count());
        "pace"."pauses": integer(pace.pauses.into());
        "pace"."cleared": integer(pace.cleared.into());
        "pace"."options": integer(pace.options.into());
    }
    scope.set(const { Name::of("tone", "") }, string(policy.tone().as_str()));
    scope.set(const { Name::of("now", "") }, Value::Int(now));
    scope.set(const { Name::of("day", "") }, Value::Int(86_400));
    scope.set(const { Name::of("hour", "") }, Value::Int(3_600));
    scope.set(const { Name::of("minute", "") }, Value::Int(60));
    let is_spoken = |signal| signal_name(signal).is_some_and(|name| spoken.has(name));
    set_signals(&mut scope, of_turn(&sources(known), is_spoken));
    scope
}

/// Names that are told when they are asked for, each with how.
macro_rules! on_demand {
    ($($variable:literal . $member:literal: $value:expr;)*) => {{
        const NAMES: &[Name] = &[$(Name::of($variable, $member)),*];
        OnDemand::new(NAMES, move |name| match name {
            $(name if name == const { Name::of($variable, $member) } => $value,)*
            _ => None,
        })
    }};
}

/// What facts add, and a whole reply.
pub(super) fn of_reply<'r>(reply: Option<&'r str>, policy: Policy, signals: [(&'static str, bool); 3]) -> OnDemand<'r> {
    let [low_confidence, three_slots, slots_complete] = signals.map(|(_, holds)| Some(Value::Bool(holds)));
    let read = OnceLock::new();
    on_demand! {
        "signals"."low_confidence": low_confidence.clone();
        "signals"."three_slots": three_slots.clone();
        "signals"."slots_complete": slots_complete.clone();
        "signals"."options": reply.map(|reply| Value::Bool(!read.get_or_init(|| reading::options(reply)).is_empty()));
        "reply"."text": reply.map(string);
        "reply"."length": reply.map(|reply| integer(reply.chars().count()));
        "reply"."words": reply.map(|reply| integer(reply.split_whitespace().count()));
        "reply"."shape": reply.map(|reply| string(policy.shape_of(reply).map_or("", crate::empathy::Shape::as_str)));
        "reply"."options": reply.map(|reply| {
            let options = read.get_or_init(|| reading::options(reply)).iter();
            Value::List(Arc::new(options.map(|option| string(option)).collect()))
        });
        "reply"."ends_with_question": reply.map(|reply| Value::Bool(reading::ends_with_question(reply)));
    }
}

/// A value of the right type for everything that can be spoken of.
pub(super) struct Sample {
    scope: Scope,
    on_demand: OnDemand<'static>,
    facts: Values,
}

impl Sample {
    pub(super) fn of(facts: &Facts) -> Self {
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
        let everything = SpokenOf::all();
        let mut scope = before_reply(&known, &everything);
        set_signals(&mut scope, NAMES.map(|signal| (signal, true)));
        let values = facts.iter().map(|(name, fact)| (name.to_owned(), fact.kind.sample()));
        let values = Values(values.collect());
        let on_demand = of_reply(Some("You could take:\n- one\n- two"), policy, of_facts(facts, &values));
        Self { scope, on_demand, facts: values }
    }

    /// Its lists.
    pub(super) fn lent(&self) -> Lent<'_> {
        Lent::all(&self.facts)
    }

    pub(super) const fn sight<'s>(&'s self, lent: &'s Lent<'s>) -> Sight<'s> {
        Sight { scope: &self.scope, on_demand: &self.on_demand, facts: &self.facts, lent, words: &[] }
    }
}
