//! A file of rules: the facts it declares, its rules, and examples of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::Spanned;

use super::{
    Inner, Layer, Rest, Rule, RulesError,
    condition::{Condition, Mistake},
    fact::FactSpec,
    scope::Sight,
    situation::Sample,
    vocabulary::hint,
};
use crate::empathy::{Place, Tone};

/// For how many turns a rule is silent after it has spoken, unless it says otherwise.
const COOL_DOWN: usize = 3;

/// The name under which the sentence of a late reply is told of, among the rules that spoke.
pub(crate) const LATE: &str = "late-reply";

/// How many rules there may be.
const RULES: usize = 1_000;

/// A file of rules as it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct RulesFile {
    text: String,
    facts: BTreeMap<String, Spanned<FactSpec>>,
    rules: Vec<Spanned<RuleSpec>>,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line tries them"))]
    pub(crate) examples: Vec<Spanned<Example>>,
}

/// The tables of a file that is for rules alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    facts: BTreeMap<String, Spanned<FactSpec>>,
    #[serde(default)]
    rule: Vec<Spanned<RuleSpec>>,
    #[serde(default)]
    example: Vec<Spanned<Example>>,
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSpec {
    name: Spanned<String>,
    layer: Layer,
    when: Spanned<String>,
    #[serde(default)]
    place: Place,
    say: Spanned<Say>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    once: bool,
    cool_down: Option<usize>,
}

/// The words of a rule: the same in every tone, or one for each.
#[derive(Debug, Clone, PartialEq)]
enum Say {
    Same(String),
    ByTone(ByTone),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByTone {
    formal: String,
    collaborative: String,
    warm: String,
}

/// What rules make of one exchange, in each tone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line tries them"))]
pub(crate) struct Example {
    /// What the user says.
    pub(crate) user: String,
    /// What the bot answers.
    pub(crate) bot: String,
    /// The conversation before, the oldest first.
    #[serde(default)]
    pub(crate) history: Vec<Before>,
    /// What the facts are, by name.
    #[serde(default)]
    pub(crate) facts: toml::Table,
    /// When it is.
    pub(crate) now: Option<String>,
    /// What the turn weighs, in the place of what the classifier says.
    pub(crate) weight: Option<crate::empathy::Weight>,
    /// What the user reads, in each tone that is shown.
    pub(crate) formal: Option<String>,
    pub(crate) collaborative: Option<String>,
    pub(crate) warm: Option<String>,
}

/// An exchange before the one of an example.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line tries them"))]
pub(crate) struct Before {
    pub(crate) user: String,
    pub(crate) bot: Option<String>,
}

impl RulesFile {
    /// Reads a file that is for rules alone.
    ///
    /// # Errors
    ///
    /// If it is not TOML, or says something that is not known.
    pub(crate) fn parse(text: &str) -> Result<Self, RulesError> {
        let tables: Tables = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
            let message = match unknown {
                Some((key, known)) => {
                    format!("unknown key `{key}`{}", hint(key, known.split('`').skip(1).step_by(2)))
                }
                None => message.replace("missing field", "missing key"),
            };
            RulesError::at(text, at, message)
        })?;
        Ok(Self { text: text.to_owned(), facts: tables.facts, rules: tables.rule, examples: tables.example })
    }

    /// The rules of a file that has other tables too.
    #[cfg(feature = "cli")]
    pub(crate) fn of(text: String, facts: BTreeMap<String, Spanned<FactSpec>>, rules: Vec<Spanned<RuleSpec>>) -> Self {
        Self { text, facts, rules, examples: Vec::new() }
    }

    /// At which line an example begins.
    #[cfg(feature = "cli")]
    pub(crate) fn line_of(&self, example: &Spanned<Example>) -> usize {
        RulesError::at(&self.text, example.span().start, "").line
    }

    /// Adds its facts and rules to those of other files.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub(super) fn compile(&self, into: &mut Inner) -> Result<(), RulesError> {
        for (name, spec) in &self.facts {
            let at = |message: String| RulesError::at(&self.text, spec.span().start, message);
            if !is_identifier(name) {
                return Err(at(format!("`{name}` cannot be spoken of; name a fact with letters, digits and `_`")));
            }
            let fact = spec.get_ref().fact().map_err(at)?;
            into.facts.add(name, fact).map_err(at)?;
        }
        let sample = Sample::of(&into.facts);
        let lent = sample.lent();
        for spec in &self.rules {
            let rule = self.rule(spec, into, sample.sight(&lent))?;
            into.rules.push(rule);
        }
        Ok(())
    }

    fn rule(&self, spec: &Spanned<RuleSpec>, into: &mut Inner, sample: Sight<'_>) -> Result<Rule, RulesError> {
        let rule = spec.get_ref();
        let name = rule.name.get_ref();
        let at = |byte: usize, message: String| RulesError::at(&self.text, byte, message);
        if !is_token(name) {
            let message = format!(
                "`{name}` cannot be told in a header; name a rule with small letters, digits and `-`, 40 at most"
            );
            return Err(at(rule.name.span().start, message));
        }
        if name == LATE {
            let message = format!("`{LATE}` is the name of the sentence of [late]; take another");
            return Err(at(rule.name.span().start, message));
        }
        if Tone::ALL.iter().any(|tone| rule.say.get_ref().of(*tone).trim().is_empty()) {
            return Err(at(rule.say.span().start, "`say`: there are no words".to_owned()));
        }
        if into.rules.iter().any(|other| *other.name == **name) {
            return Err(at(rule.name.span().start, format!("another rule is called `{name}`")));
        }
        if into.rules.len() >= RULES {
            return Err(at(
                spec.span().start,
                format!("more than {RULES} rules; nobody could say which of them speaks"),
            ));
        }
        if rule.once && rule.cool_down.is_some() {
            return Err(at(spec.span().start, "`once` is for good; leave out `cool_down`".to_owned()));
        }
        if rule.layer == Layer::Emotional && matches!(rule.place, Place::End | Place::Instead) {
            let message = "a rule of the emotional layer stands where the acknowledgment does; its `place` is \"front\" or \"after\"";
            return Err(at(spec.span().start, message.to_owned()));
        }
        let when = Condition::new(rule.when.get_ref(), &into.facts, sample)
            .map_err(|mistake| self.within(&rule.when.span(), rule.when.get_ref(), &mistake, "when"))?;
        into.spoken.add(when.spoken.iter().map(String::as_str));
        let mut says_reply = false;
        let mut says = BTreeSet::new();
        for tone in Tone::ALL {
            let source = rule.say.get_ref().of(tone);
            let template = into
                .templates
                .add(name, tone, source, &into.facts, sample)
                .map_err(|mistake| self.within(&rule.say.span(), source, &mistake, "say"))?;
            says_reply |= template.needs_reply;
            says.extend(template.spoken);
        }
        into.spoken.add(says.iter().map(String::as_str));
        Ok(Rule {
            name: name.as_str().into(),
            layer: rule.layer,
            place: rule.place,
            priority: rule.priority,
            rest: if rule.once { Rest::Once } else { Rest::Turns(rule.cool_down.unwrap_or(COOL_DOWN)) },
            when,
            says,
            says_reply,
        })
    }

    /// A mistake inside a string of the file.
    fn within(&self, span: &std::ops::Range<usize>, source: &str, mistake: &Mistake, key: &str) -> RulesError {
        let written = self.text.get(span.clone()).unwrap_or_default();
        // The tone that is meant may stand in a table of its own.
        let (from, written) = match written.contains(source) {
            true => (span.start, written),
            false => (span.start, self.text.get(span.start..).unwrap_or_default()),
        };
        let Some(start) = written.find(source) else {
            return RulesError::at(&self.text, from, format!("`{key}`: {}", mistake.message));
        };
        RulesError::at(&self.text, from + start + mistake.at.min(source.len()), format!("`{key}`: {}", mistake.message))
    }
}

impl Say {
    fn of(&self, tone: Tone) -> &str {
        match (self, tone) {
            (Self::Same(words), _) => words,
            (Self::ByTone(words), Tone::Formal) => &words.formal,
            (Self::ByTone(words), Tone::Collaborative) => &words.collaborative,
            (Self::ByTone(words), Tone::Warm) => &words.warm,
        }
    }
}

impl<'de> Deserialize<'de> for Say {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> Visitor<'de> for Words {
            type Value = Say;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or one for each of formal, collaborative and warm")
            }

            fn visit_str<E>(self, text: &str) -> Result<Say, E> {
                Ok(Say::Same(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Say, A::Error> {
                ByTone::deserialize(MapAccessDeserializer::new(map)).map(Say::ByTone)
            }
        }
        deserializer.deserialize_any(Words)
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a name is a token of a structured header (RFC 9651) in small letters.
fn is_token(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
