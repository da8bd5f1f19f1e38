//! Conditions: expressions in CEL, read and tried before anything depends on them.

use std::{collections::BTreeSet, sync::Arc};

use cel::{
    Context, Env, ExecutionError, Program, Value,
    common::{
        ast::{EntryExpr, Expr, IdedExpr},
        types::{LIST_TYPE, STRING_TYPE},
    },
    extensions,
};
use once_cell::sync::Lazy;

use super::{
    fact::Facts,
    mentions,
    prepared::Prepared,
    scope::Sight,
    signals,
    vocabulary::{VARIABLES, hint, variable},
};

/// How long a condition may be, in bytes, of how many parts, and how deep its loops: they run over lists of at most a
/// hundred, once per exchange and level.
const LENGTH: usize = 2_000;
const PARTS: usize = 500;
const LOOPS: usize = 2;

/// What operators are called in errors, and how they are written.
const SIGNS: [(&str, &str); 5] = [("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"), ("rem", "%")];

/// What conditions can do: CEL's standard functions, its extension for strings (`lowerAscii`, `split` and so on), and
/// [`mentions`](mentions).
pub(super) static ENV: Lazy<Arc<Env>> = Lazy::new(|| {
    let mut env = Env::stdlib();
    // None of them declares what another does, and tests call them.
    let _ = env.add_extension(extensions::strings);
    let _ = env.add_overload(mentions::NAME, "mentions_list", vec![STRING_TYPE, LIST_TYPE], mentions::mentions_list);
    let ready = vec![STRING_TYPE, mentions::WORDS.to_owned()];
    let _ = env.add_overload(mentions::NAME, "mentions_words", ready, mentions::mentions_ready);
    Arc::new(env)
});

/// A condition, compiled.
#[derive(Debug)]
pub(super) struct Condition {
    prepared: Prepared,
    /// Whether it can be decided only when the reply is there.
    pub(super) needs_reply: bool,
    /// What it speaks of, such as `turn.text`.
    pub(super) spoken: BTreeSet<String>,
}

/// Why it is none, and at which byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) message: String,
}

/// How a condition came out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    Holds,
    DoesNot,
    /// What it speaks of is not there.
    Missing(String),
    /// It cannot be computed.
    Fails(String),
}

impl Condition {
    /// Reads a condition. `sample` has a value of the right type for everything that it can speak of.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn new(source: &str, facts: &Facts, sample: Sight<'_>) -> Result<Self, Mistake> {
        let mistake = |at, message: &str| Mistake { at, message: message.to_owned() };
        if source.len() > LENGTH {
            return Err(mistake(0, "the condition is longer than 2,000 bytes; split the rule in two"));
        }
        let program = ENV.compile(source).map_err(|errors| {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let message = first.map_or_else(|| errors.to_string(), |error| in_plain_words(&error.msg));
            Mistake { at: byte(source, line, column), message }
        })?;
        let sample = &sample.context();
        let mut reading = Reading {
            source,
            program: &program,
            facts,
            sample,
            variables: BTreeSet::new(),
            used: BTreeSet::new(),
            spoken: BTreeSet::new(),
            bound: Vec::new(),
            parts: 0,
        };
        reading.read(program.expression())?;
        let Reading { variables, used, spoken, .. } = reading;
        match program.execute(sample) {
            Ok(Value::Bool(_)) | Err(_) => {}
            Ok(other) => {
                let found = other.type_of();
                return Err(mistake(
                    0,
                    &format!("a condition is true or false, and this is a {found}; compare it with something"),
                ));
            }
        }
        let is_of_reply = |name: &&str| variable(name).is_some_and(|variable| variable.is_of_reply);
        let needs_reply = variables.iter().any(is_of_reply)
            || used.iter().any(|name| facts.get(name).is_some_and(super::fact::Fact::is_of_reply))
            || spoken
                .iter()
                .filter_map(|name| name.strip_prefix("signals."))
                .any(|name| signals::is_of_reply(name, facts));
        Ok(Self { prepared: Prepared::new(program.expression().clone()), needs_reply, spoken })
    }

    /// Whether it holds.
    pub(super) fn holds(&self, sight: Sight<'_>) -> Verdict {
        self.prepared.holds(sight)
    }
}

/// One pass over a condition: which names it speaks of, and whether they are known.
struct Reading<'r, 'c, 'v> {
    source: &'r str,
    program: &'r Program,
    facts: &'r Facts,
    sample: &'r Context<'c, 'v>,
    variables: BTreeSet<&'static str>,
    used: BTreeSet<String>,
    spoken: BTreeSet<String>,
    /// The variables of the loops around what is read.
    bound: Vec<String>,
    parts: usize,
}

impl Reading<'_, '_, '_> {
    fn read(&mut self, expression: &IdedExpr) -> Result<(), Mistake> {
        self.parts += 1;
        if self.parts > PARTS {
            return Err(
                self.mistake(expression, "the condition has more than 500 parts; split the rule in two".to_owned())
            );
        }
        match &expression.expr {
            Expr::Ident(name) => self.name(expression, name, None),
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr
                    && !self.bound.contains(name)
                {
                    return self.name(expression, name, Some(&select.field));
                }
                self.read(&select.operand)
            }
            Expr::Call(call) => {
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.read(part)?;
                }
                self.try_out(expression)
            }
            Expr::Comprehension(comprehension) => {
                if self.bound.len() / 2 >= LOOPS {
                    return Err(self.mistake(expression, "loops in loops in loops; two are the most".to_owned()));
                }
                // What functions make (`split`) has no bound.
                if matches!(comprehension.iter_range.expr, Expr::Call(_)) {
                    let message = "a loop runs over a list that is there: a fact, `reply.options`, or one written out";
                    return Err(self.mistake(expression, message.to_owned()));
                }
                self.read(&comprehension.iter_range)?;
                self.bound.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                let parts = [
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ];
                let read = parts.into_iter().try_for_each(|part| self.read(part));
                self.bound.truncate(self.bound.len().saturating_sub(2));
                read
            }
            Expr::List(list) => list.elements.iter().try_for_each(|part| self.read(part)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.read(&entry.key).and_then(|()| self.read(&entry.value)),
                EntryExpr::StructField(field) => self.read(&field.value),
            }),
            Expr::Struct(_) => Err(self.mistake(expression, "there are no types of messages here".to_owned())),
            Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    /// A variable, and the member of it that is spoken of.
    fn name(&mut self, expression: &IdedExpr, name: &str, member: Option<&str>) -> Result<(), Mistake> {
        if self.bound.iter().any(|bound| bound == name) {
            return Ok(());
        }
        let Some(variable) = variable(name) else {
            let hint = hint(name, VARIABLES.iter().map(|variable| variable.name));
            return Err(self.mistake(expression, format!("`{name}` is not known{hint}")));
        };
        self.variables.insert(variable.name);
        match (variable.name, member) {
            ("facts", Some(fact)) if self.facts.get(fact).is_some() => {
                self.used.insert(fact.to_owned());
                Ok(())
            }
            ("facts", Some(fact)) => {
                let hint = hint(fact, self.facts.names());
                Err(self.mistake(expression, format!("the fact `{fact}` is not declared{hint}; add it to [facts]")))
            }
            (_, None) if name == "facts" || !variable.members.is_empty() => {
                Err(self.mistake(expression, format!("say what of `{name}`, as in `{name}.{}`", variable.example())))
            }
            (_, Some(member)) if !variable.members.contains(&member) => {
                let hint = hint(member, variable.members.iter().copied());
                Err(self.mistake(expression, format!("`{name}` has no `{member}`{hint}")))
            }
            (_, member) => {
                self.spoken.extend(member.map(|member| format!("{name}.{member}")));
                Ok(())
            }
        }
    }

    /// Tries a call on the sample, so that types that do not fit show even behind an `||`. In a loop there is no value to
    /// try it on.
    fn try_out(&self, expression: &IdedExpr) -> Result<(), Mistake> {
        if !self.bound.is_empty() {
            return Ok(());
        }
        match Value::resolve(expression, self.sample) {
            Err(error @ (ExecutionError::NoSuchOverload(_) | ExecutionError::UndeclaredReference(_))) => {
                Err(self.mistake(expression, first_line(&error.to_string())))
            }
            Err(ExecutionError::UnsupportedBinaryOperator(operator, one, other)) => {
                let sign = SIGNS.iter().find(|(name, _)| *name == operator).map_or(operator, |(_, sign)| *sign);
                let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
                let hint =
                    if is_number(&one) && is_number(&other) { "; write 2.0 for 2, or `double(…)`" } else { "" };
                let message = format!("`{sign}` does not take {} and {}{hint}", called(&one), called(&other));
                Err(self.mistake(expression, message))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn mistake(&self, expression: &IdedExpr, message: String) -> Mistake {
        let at = self.program.source_info().offset_for(expression.id).map_or(0, |(start, _)| start as usize);
        Mistake { at: at.min(self.source.len()), message }
    }
}

/// What kind of value it is, in the words of the documentation.
const fn called(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) => "a whole number",
        Value::Float(_) => "a fraction",
        Value::String(_) => "a text",
        Value::Bool(_) => "a flag",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        _ => "what is no value",
    }
}

/// The byte of a line and a column, both from 1.
fn byte(source: &str, line: isize, column: isize) -> usize {
    let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    (before + usize::try_from(column).unwrap_or(1).saturating_sub(1)).min(source.len())
}

pub(super) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

fn in_plain_words(message: &str) -> String {
    first_line(message).replace("<EOF>", "the end").replace("Syntax error: ", "")
}
