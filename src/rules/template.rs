//! Templates: the words that a rule says, read and tried before anything depends on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aho_corasick::AhoCorasick;
use cel::{Value as Cel, objects::Key};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::{
    condition::Mistake,
    fact::Facts,
    scope::Sight,
    signals,
    vocabulary::{FACTS, VARIABLES, hint, variable},
};
use crate::empathy::Tone;

/// How many steps a template may take, and how many characters it may say.
const FUEL: u64 = 10_000;
const LENGTH: usize = 600;

/// How long a stretch of a template's own words must be to be recognised in a history, in bytes.
pub(super) const RECOGNISED: usize = 12;

/// The templates of every rule.
#[derive(Debug)]
pub(super) struct Templates(Environment<'static>);

/// What is known of a template.
#[derive(Debug)]
pub(super) struct Template {
    /// Whether it speaks of the reply.
    pub(super) needs_reply: bool,
    /// What it speaks of, such as `turn.text`, or all of `turn`.
    pub(super) spoken: BTreeSet<String>,
}

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("date", date);
        Self(environment)
    }
}

/// The date of a moment, as `strftime` writes it: `{{ facts.due | date("%-d %B") }}` is "25 November".
fn date(moment: i64, format: Option<&str>) -> Result<String, Error> {
    let wrong = |error: jiff::Error| Error::new(ErrorKind::InvalidOperation, error.to_string());
    let moment = Timestamp::from_second(moment).map_err(wrong)?.to_zoned(TimeZone::UTC);
    jiff::fmt::strtime::format(format.unwrap_or("%-d %B"), &moment).map_err(wrong)
}

/// The byte at which a line begins, from 1.
fn line_start(source: &str, line: Option<usize>) -> usize {
    source.split_inclusive('\n').take(line.unwrap_or(1).saturating_sub(1)).map(str::len).sum()
}

fn name(rule: &str, tone: Tone) -> String {
    format!("{rule}/{tone}")
}

impl Templates {
    /// Adds what a rule says in a tone, having tried it on the sample.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn add(
        &mut self,
        rule: &str,
        tone: Tone,
        source: &str,
        facts: &Facts,
        sample: Sight<'_>,
    ) -> Result<Template, Mistake> {
        let name = name(rule, tone);
        let mistake = |error: &Error| Mistake { at: line_start(source, error.line()), message: in_plain_words(error) };
        self.0.add_template_owned(name.clone(), source.to_owned()).map_err(|error| mistake(&error))?;
        let template = self.0.get_template(&name).map_err(|error| mistake(&error))?;
        let undeclared = template.undeclared_variables(true);
        let found = undeclared.iter().map(|name| {
            name.split_once('.')
                .map_or((&**name, None), |(name, member)| (name, Some(member.split('.').next().unwrap_or_default())))
        });
        let found: Vec<_> = found.collect();
        for (name, member) in &found {
            check_name(name, *member, facts)
                .map_err(|message| Mistake { at: source.find(name).unwrap_or_default(), message })?;
        }
        let mut needs_reply = false;
        let mut spoken = BTreeSet::new();
        // It does not find what stands in slices and filters of blocks, nor what a tag names anew.
        for (name, member) in found.into_iter().chain(names(source)) {
            needs_reply |= is_of_reply(name, member, facts);
            spoken.insert(member.map_or_else(|| name.to_owned(), |member| format!("{name}.{member}")));
        }
        match template.render(seen(sample, &spoken)) {
            // What a sample lacks (a third choice, a slot) may be there.
            Err(error) if !matches!(error.kind(), ErrorKind::UndefinedError) => return Err(mistake(&error)),
            _ => {}
        }
        Ok(Template { needs_reply, spoken })
    }

    /// What a rule whose words speak of these names says in a tone; nothing where the template comes out empty.
    ///
    /// # Errors
    ///
    /// Why it cannot be said.
    pub(super) fn say(
        &self,
        rule: &str,
        tone: Tone,
        sight: Sight<'_>,
        spoken: &BTreeSet<String>,
    ) -> Result<Option<String>, String> {
        let template = self.0.get_template(&name(rule, tone)).map_err(|error| in_plain_words(&error))?;
        let said = template.render(seen(sight, spoken)).map_err(|error| in_plain_words(&error))?;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.chars().count() > LENGTH {
            return Err(format!("it says more than {LENGTH} characters"));
        }
        Ok((!said.is_empty()).then_some(said))
    }

    /// The longest stretch of a rule's words that it always says in a tone, if there is one to be recognised by.
    pub(super) fn own(&self, rule: &str, tone: Tone) -> Option<String> {
        let template = self.0.get_template(&name(rule, tone)).ok()?;
        longest_own(template.source()).map(str::to_owned)
    }
}

/// Recognises in a bot's messages what rules have said.
#[derive(Debug, Default)]
pub(super) struct Recogniser {
    /// By tone: what rules always say, and which rule each is of.
    tones: Vec<(AhoCorasick, Vec<usize>)>,
}

impl Recogniser {
    /// Of these rules.
    pub(super) fn new<'r>(templates: &Templates, rules: impl Iterator<Item = &'r str> + Clone) -> Self {
        let of_tone = |tone| {
            let own = rules.clone().enumerate().filter_map(|(number, rule)| Some((number, templates.own(rule, tone)?)));
            let (numbers, own): (Vec<_>, Vec<_>) = own.unzip();
            Some((AhoCorasick::new(own).ok()?, numbers))
        };
        Self { tones: Tone::ALL.into_iter().filter_map(of_tone).collect() }
    }

    /// The numbers of the rules that a message has the words of.
    pub(super) fn rules_in<'s>(&'s self, tone: Tone, message: &'s str) -> impl Iterator<Item = usize> + 's {
        let found = self.tones.get(tone as usize).into_iter();
        found.flat_map(move |(own, numbers)| {
            own.find_overlapping_iter(message).filter_map(|found| numbers.get(found.pattern().as_usize()).copied())
        })
    }
}

/// The names that stand in a template's tags, with what is asked of them by name.
fn names(source: &str) -> Vec<(&str, Option<&str>)> {
    let mut names = Vec::new();
    let mut rest = source;
    while let Some(begin) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let inside = rest.get(begin + 2..).unwrap_or_default();
        let end = inside.find("}}").into_iter().chain(inside.find("%}")).min().unwrap_or(inside.len());
        let (tag, behind) = inside.split_at_checked(end).unwrap_or((inside, ""));
        names_in(tag, &mut names);
        rest = behind;
    }
    names
}

fn names_in<'t>(tag: &'t str, into: &mut Vec<(&'t str, Option<&'t str>)>) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = tag;
    let mut is_member = false;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => rest.get(1..).and_then(|inner| inner.find(first)).map_or(rest.len(), |end| end + 2),
            _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if is_part(first) && !is_member {
            let member = behind.trim_start().strip_prefix('.').map(str::trim_start);
            let member = member.and_then(|member| member.get(..member.find(|c| !is_part(c)).unwrap_or(member.len())));
            into.push((piece, member.filter(|member| !member.is_empty())));
        }
        is_member = first == '.' || (is_member && first.is_whitespace());
        rest = behind;
    }
}

/// The longest stretch of a template that stands in it as it is said, whatever the case: in no branch and no loop.
fn longest_own(source: &str) -> Option<&str> {
    let mut rest = source;
    let mut longest = "";
    let mut depth = 0_usize;
    while !rest.is_empty() {
        let own = rest.find("{{").into_iter().chain(rest.find("{%")).min().unwrap_or(rest.len());
        let (stretch, after) = rest.split_at_checked(own)?;
        if depth == 0 && stretch.trim().len() > longest.len() {
            longest = stretch.trim();
        }
        let end = after.find("}}").into_iter().chain(after.find("%}")).min().map_or(after.len(), |end| end + 2);
        let (tag, behind) = after.split_at_checked(end)?;
        let word = tag.strip_prefix("{%").map(|tag| tag.trim_start_matches('-').trim_start());
        depth = match word {
            Some(word) if word.starts_with("end") => depth.saturating_sub(1),
            Some(word) if word.starts_with("if") || word.starts_with("for") => depth + 1,
            _ => depth,
        };
        rest = behind;
    }
    (longest.len() >= RECOGNISED && !longest.contains('\n')).then_some(longest)
}

/// Whether a name, and what is asked of it, is known.
///
/// # Errors
///
/// What is not.
fn check_name(name: &str, member: Option<&str>, facts: &Facts) -> Result<(), String> {
    let Some(variable) = variable(name) else {
        let hint = hint(name, VARIABLES.iter().map(|variable| variable.name));
        return Err(format!("`{name}` is not known{hint}"));
    };
    match (variable.name, member) {
        (FACTS, Some(fact)) if facts.get(fact).is_none() => {
            let hint = hint(fact, facts.names());
            Err(format!("the fact `{fact}` is not declared{hint}; add it to [facts]"))
        }
        (_, Some(member)) if !variable.members.is_empty() && !variable.members.contains(&member) => {
            let hint = hint(member, variable.members.iter().copied());
            Err(format!("`{name}` has no `{member}`{hint}"))
        }
        _ => Ok(()),
    }
}

/// Whether what is named is there only with the reply.
fn is_of_reply(name: &str, member: Option<&str>, facts: &Facts) -> bool {
    let Some(variable) = variable(name) else { return false };
    let is_meant = |name: &str| member.is_none_or(|member| member == name);
    match variable.name {
        FACTS => facts.iter().any(|(name, fact)| is_meant(name) && fact.is_of_reply()),
        "signals" => variable.members.iter().any(|signal| is_meant(signal) && signals::is_of_reply(signal, facts)),
        _ => variable.is_of_reply,
    }
}

/// What a template that speaks of these names sees.
fn seen(sight: Sight<'_>, spoken: &BTreeSet<String>) -> Value {
    let mut variables: BTreeMap<&str, Value> = BTreeMap::new();
    let mut members: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for name in spoken {
        let (name, member) = name.split_once('.').map_or((&**name, None), |(name, member)| (name, Some(member)));
        let Some(variable) = variable(name) else { continue };
        if variable.is_plain() {
            variables.extend(sight.member(name, "").map(|plain| (name, value(plain))));
            continue;
        }
        let facts = sight.facts.0.keys().map(String::as_str).filter(|_| name == FACTS);
        let all = variable.members.iter().copied().chain(facts).filter(|_| member.is_none());
        // It is there even where none of its members is: then a template says which of them is missing.
        let members = members.entry(name).or_default();
        members.extend(all.chain(member).filter_map(|member| Some((member, value(sight.member(name, member)?)))));
    }
    variables.extend(members.into_iter().map(|(name, members)| (name, Value::from_pairs(members))));
    Value::from_pairs(variables)
}

/// What a condition sees, for a template.
fn value(value: &Cel) -> Value {
    match value {
        Cel::List(items) => items.iter().map(self::value).collect(),
        Cel::Map(map) => {
            let member = |(key, value): (&Key, &Cel)| match key {
                Key::String(name) => Some((name.to_string(), self::value(value))),
                _ => None,
            };
            Value::from_pairs(map.map.iter().filter_map(member))
        }
        Cel::Int(number) => (*number).into(),
        Cel::UInt(number) => (*number).into(),
        // A count that came as a number is said as one.
        #[expect(clippy::cast_possible_truncation, reason = "whole, and far from the ends of an i64")]
        Cel::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).into(),
        Cel::Float(number) => (*number).into(),
        Cel::String(text) => Value::from(Arc::<str>::from(text.as_str())),
        Cel::Bool(flag) => (*flag).into(),
        _ => Value::from(()),
    }
}

fn in_plain_words(error: &Error) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand_in_tags() {
        let source = "now {{ facts.tags[:2] | join(turn . words) }}{% set day = day + \"now\" %}{{ a.tone }}{{ reply";
        let found = [
            ("facts", Some("tags")),
            ("2", None),
            ("join", None),
            ("turn", Some("words")),
            ("set", None),
            ("day", None),
            ("day", None),
            ("a", Some("tone")),
            ("reply", None),
        ];
        assert_eq!(names(source), found);
    }

    #[test]
    fn what_a_template_always_says_is_recognised() {
        assert_eq!(longest_own("Due {{ a }}, so it is late, {{ b }}."), Some(", so it is late,"));
        assert_eq!(longest_own("{% if a %}This is the longer branch{% else %}Short{% endif %}, said."), None);
        assert_eq!(
            longest_own("{%- for a in b %}a stretch of words{% endfor %} that is the end."),
            Some("that is the end.")
        );
        assert_eq!((longest_own("{{ a }}"), longest_own("{{"), longest_own("")), (None, None, None));
    }
}
