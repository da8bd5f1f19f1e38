//! Conditions made ready to be computed: names are numbers, lists of words that are written out are compiled, and what is
//! plain is asked first.

use cel::{
    ExecutionError, Value,
    common::ast::{Expr, IdedExpr, operators},
};

use super::{
    condition::{Verdict, first_line},
    mentions::{self, Words},
    plain::Plain,
    scope::Sight,
    vocabulary::{FACTS, Name},
};

/// A condition made ready: parts that must all hold. It does not matter in which order they are asked: what is false makes
/// all of it false, whatever the rest is or whether it can be computed.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What is seen at once.
    plain: Vec<Part>,
    /// What takes longer, the texts that are read before what is computed.
    others: Vec<Part>,
    /// The facts without which the others cannot be computed.
    needed: Vec<String>,
    /// The lists of words that are looked for.
    words: Vec<Words>,
}

/// A part of a condition.
#[derive(Debug)]
struct Part {
    plain: Option<Plain>,
    expression: IdedExpr,
}

impl Prepared {
    pub(super) fn new(mut expression: IdedExpr) -> Self {
        let mut needed = Vec::new();
        note_needed(&expression, &mut needed);
        let mut words = Vec::new();
        prepare(&mut expression, &mut words, &mut Vec::new());
        let (mut plain, mut others) = (Vec::new(), Vec::new());
        for expression in parts(expression) {
            let part = Part { plain: Plain::of(&expression), expression };
            let is_quick = part.plain.as_ref().is_some_and(|plain| !plain.reads());
            if is_quick { plain.push(part) } else { others.push(part) }
        }
        others.sort_by_key(|part| part.plain.is_none());
        Self { plain, others, needed, words }
    }

    /// Whether it holds. Without a fact that it always reads it does not, whatever else of it fails.
    pub(super) fn holds(&self, sight: Sight<'_>) -> Verdict {
        let sight = sight.with_words(&self.words);
        let at_once = all_hold(&self.plain, sight);
        if at_once == Verdict::DoesNot {
            return at_once;
        }
        if let Some(fact) = self.needed.iter().find(|fact| !sight.facts.0.contains_key(*fact)) {
            return Verdict::Missing(fact.clone());
        }
        match (at_once, all_hold(&self.others, sight)) {
            (_, Verdict::DoesNot) => Verdict::DoesNot,
            (Verdict::Holds, verdict) | (verdict, _) => verdict,
        }
    }
}

/// Whether all of these hold; one that does not counts more than one that fails.
fn all_hold(parts: &[Part], sight: Sight<'_>) -> Verdict {
    let mut failed = None;
    for part in parts {
        match part.holds(sight) {
            Verdict::Holds => {}
            Verdict::DoesNot => return Verdict::DoesNot,
            verdict => failed = failed.or(Some(verdict)),
        }
    }
    failed.unwrap_or(Verdict::Holds)
}

impl Part {
    fn holds(&self, sight: Sight<'_>) -> Verdict {
        let told = self.plain.as_ref().and_then(|plain| plain.holds(sight));
        match told.map(Value::Bool).map_or_else(|| Value::resolve(&self.expression, &sight.context()), Ok) {
            Ok(Value::Bool(true)) => Verdict::Holds,
            Ok(Value::Bool(false)) => Verdict::DoesNot,
            Ok(other) => Verdict::Fails(format!("it is a {}, neither true nor false", other.type_of())),
            Err(ExecutionError::NoSuchKey(name)) => Verdict::Missing(name.to_string()),
            Err(error) => Verdict::Fails(first_line(&error.to_string())),
        }
    }
}

/// What must all hold for an expression to hold.
fn parts(expression: IdedExpr) -> Vec<IdedExpr> {
    match expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => call.args.into_iter().flat_map(parts).collect(),
        _ => vec![expression],
    }
}

/// What stands in a prepared expression for something that it looks up. No name that is written in a condition is like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Name(Name),
    /// One of the condition's lists of words, by its number.
    Words(usize),
}

impl Reference {
    fn written(self) -> String {
        match self {
            Self::Name(name) => format!("#{}", name.number()),
            Self::Words(number) => format!("#words-{number}"),
        }
    }

    pub(super) fn read(name: &str) -> Option<Self> {
        let name = name.strip_prefix('#')?;
        match name.strip_prefix("words-") {
            Some(number) => number.parse().ok().map(Self::Words),
            None => name.parse().ok().and_then(Name::numbered).map(Self::Name),
        }
    }
}

/// What an expression names, if it is a plain variable or a member of one.
fn named(expression: &Expr) -> Option<Name> {
    match expression {
        Expr::Ident(name) => Name::find(name, ""),
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(name) => Name::find(name, &select.field),
            _ => None,
        },
        _ => None,
    }
}

/// Notes the facts that are read whenever it is computed and nothing makes it false.
fn note_needed(expression: &IdedExpr, into: &mut Vec<String>) {
    match &expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            call.args.iter().for_each(|part| note_needed(part, into));
        }
        _ => note_read(expression, into),
    }
}

/// Notes the facts that a part always reads: what goes round a fact (`&&`, `||`, `?`) or runs in a loop may not.
fn note_read(part: &IdedExpr, into: &mut Vec<String>) {
    let goes_round = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::CONDITIONAL];
    match &part.expr {
        Expr::Call(call) if !goes_round.contains(&&*call.func_name) => {
            call.target.as_deref().into_iter().chain(&call.args).for_each(|part| note_read(part, into));
        }
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(name) if name == FACTS => into.push(select.field.clone()),
            _ => note_read(&select.operand, into),
        },
        _ => {}
    }
}

/// Puts references in the place of names and of lists that are written out. `bound` has the variables of the loops around.
fn prepare(expression: &mut IdedExpr, words: &mut Vec<Words>, bound: &mut Vec<String>) {
    let is_bound = |name: &String| bound.contains(name);
    let shadowed = match &expression.expr {
        Expr::Ident(name) => is_bound(name),
        Expr::Select(select) => matches!(&select.operand.expr, Expr::Ident(name) if is_bound(name)),
        _ => false,
    };
    if let Some(name) = named(&expression.expr).filter(|_| !shadowed) {
        expression.expr = Expr::Ident(Reference::Name(name).written());
        return;
    }
    match &mut expression.expr {
        Expr::Call(call) => {
            if call.func_name == mentions::NAME
                && let [_, list] = call.args.as_mut_slice()
                && let Some(list_of_words) = Words::written(&list.expr)
            {
                list.expr = Expr::Ident(Reference::Words(words.len()).written());
                words.push(list_of_words);
            }
            let parts = call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args);
            parts.for_each(|part| prepare(part, words, bound));
        }
        Expr::Comprehension(loops) => {
            prepare(&mut loops.iter_range, words, bound);
            bound.extend([loops.iter_var.clone(), loops.accu_var.clone()]);
            let parts = [&mut loops.loop_cond, &mut loops.loop_step, &mut loops.result];
            parts.into_iter().for_each(|part| prepare(part, words, bound));
            bound.truncate(bound.len().saturating_sub(2));
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|part| prepare(part, words, bound)),
        Expr::Select(select) if !matches!(select.operand.expr, Expr::Ident(_)) => {
            prepare(&mut select.operand, words, bound);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::rules::{
        condition::ENV,
        fact::{Values, string},
        scope::{Lent, OnDemand, Scope},
    };

    /// What each condition is made of: names that are true, false and not there, and what may go round them.
    const PARTS: [&str; 30] = [
        "signals.doubts",
        "!signals.doubts",
        "signals.stuck",
        "!signals.stuck",
        "facts.paid",
        "!facts.paid",
        "has(facts.paid)",
        "has(facts.due)",
        "facts.due < now",
        "!(has(facts.due) && facts.due < now)",
        "(has(facts.due) ? facts.due < now : true)",
        "(signals.stuck || facts.due < now)",
        "mentions(turn.text, ['ORDER', 'box*'])",
        "!mentions(turn.text, ['ORDER', 'box*'])",
        "mentions(turn.text, ['rd'])",
        "turn.text.size() >= 19",
        "size(turn.text) > 19",
        "turn.text == 'Where is my \u{f6}rd order?'",
        "turn.text != ''",
        "now <= 10",
        "now > 10.0",
        "sentiment.weight < 0.4",
        "sentiment.weight >= 1",
        "reply.options.size() == 2",
        "reply.options.exists(option, option == 'b')",
        "mentions(turn.text, [facts.word])",
        "facts.list.all(now, now.size() == 1)",
        "facts.list.exists(part, mentions(part, ['b']) && now > 1)",
        "facts.others.all(part, !(part in facts.list))",
        "(now / 0 > 1)",
    ];

    fn scope(is_stuck: bool) -> Scope {
        let mut scope = Scope::default();
        scope.set(Name::of("turn", "text"), string("Where is my \u{f6}rd order?"));
        scope.set(Name::of("sentiment", "weight"), Value::Float(0.3));
        scope.set(Name::of("signals", "doubts"), Value::Bool(true));
        scope.set(Name::of("signals", "stuck"), Value::Bool(is_stuck));
        scope.set(Name::of("now", ""), Value::Int(10));
        scope
    }

    fn reply() -> OnDemand<'static> {
        OnDemand::new(const { &[Name::of("reply", "options")] }, |_| Some(vec!["a", "b"].into()))
    }

    fn written(condition: &str) -> IdedExpr {
        ENV.compile(condition).unwrap().expression().clone()
    }

    /// What comes of a look at what is known.
    fn seen<T>(is_stuck: bool, known: usize, look: impl FnOnce(Sight<'_>) -> T) -> T {
        let (scope, on_demand, facts) = (scope(is_stuck), reply(), facts(known));
        look(Sight { scope: &scope, on_demand: &on_demand, facts: &facts, lent: &Lent::all(&facts), words: &[] })
    }

    fn facts(number: usize) -> Values {
        let all = [
            ("paid", Value::Bool(number & 1 == 0)),
            ("due", Value::Int(5)),
            ("word", string("order")),
            ("list", vec!["a", "b"].into()),
            ("others", vec!["c"].into()),
        ];
        let known = all.into_iter().enumerate().filter(|(fact, _)| number >> (fact + 1) & 1 == 1);
        Values(known.map(|(_, (name, value))| (name.to_owned(), value)).collect::<HashMap<_, _>>())
    }

    proptest::proptest! {
        #[test]
        fn a_condition_that_is_prepared_holds_where_it_did(
            parts in proptest::collection::vec((proptest::sample::select(&PARTS[..]), proptest::bool::ANY), 1..4),
            known in 0..64_usize,
            is_stuck in proptest::bool::ANY,
        ) {
            let mut written = String::new();
            for (part, is_and) in parts {
                let joint = if is_and { " && " } else { " || " };
                written = if written.is_empty() { part.to_owned() } else { format!("{written}{joint}{part}") };
            }
            let expression = super::tests::written(&written);
            seen(is_stuck, known, |sight| {
                let computed = Value::resolve(&expression, &sight.context());
                let prepared = Prepared::new(expression);
                match (prepared.holds(sight), &computed) {
                    (Verdict::Holds, Ok(Value::Bool(true)))
                    | (Verdict::DoesNot, Ok(Value::Bool(false)))
                    | (Verdict::Missing(_), Ok(Value::Bool(false)) | Err(_))
                    | (Verdict::Fails(_), Err(_)) => {}
                    (verdict, _) => proptest::prop_assert!(false, "{written}: {verdict:?}, and {computed:?}"),
                }
                let sight = sight.with_words(&prepared.words);
                for part in prepared.plain.iter().chain(&prepared.others) {
                    let Some(told) = part.plain.as_ref().and_then(|plain| plain.holds(sight)) else { continue };
                    let computed = Value::resolve(&part.expression, &sight.context());
                    proptest::prop_assert_eq!(computed, Ok(Value::Bool(told)), "{:?}", part.plain);
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn what_is_plain_is_told_without_computing() {
        let told = |condition: &str| {
            let prepared = Prepared::new(written(condition));
            seen(false, 0b11, |sight| {
                let sight = sight.with_words(&prepared.words);
                let parts = prepared.plain.iter().chain(&prepared.others);
                parts.map(|part| part.plain.as_ref().and_then(|plain| plain.holds(sight))).collect::<Vec<_>>()
            })
        };
        assert_eq!(told("!signals.stuck && has(facts.due)"), [Some(true), Some(false)]);
        assert_eq!(
            told("now >= 10 && turn.text.size() < 5 && size(turn.text) != 5"),
            [Some(true), Some(false), Some(true)]
        );
        assert_eq!(told("!mentions(turn.text, ['box']) && signals.doubts"), [Some(true), Some(true)]);
        assert_eq!(told("reply.options.size() > 1 && turn.text == 'x'"), [Some(true), Some(false)]);
        assert_eq!(told("now < 10.5 && facts.paid && (signals.stuck || signals.doubts)"), [None, None, None]);
    }

    #[test]
    fn what_is_false_at_once_goes_before_what_is_missing_and_that_before_what_takes_longer() {
        let holds = |condition: &str| seen(false, 0, |sight| Prepared::new(written(condition)).holds(sight));
        assert_eq!(holds("now / 0 > 1 && signals.stuck"), Verdict::DoesNot);
        assert_eq!(holds("now / 0 > 1 && mentions(turn.text, ['box'])"), Verdict::DoesNot);
        assert_eq!(holds("facts.due < now && (has(facts.due) && !signals.doubts)"), Verdict::DoesNot);
        let missing = Verdict::Missing("due".to_owned());
        assert_eq!(holds("mentions(turn.text, ['box']) && facts.due + 1 < now"), missing);
        assert_eq!(holds("now / 0 > 1 && facts.due + 1 < now"), missing);
        assert!(matches!(holds("signals.doubts && now / 0 > 1"), Verdict::Fails(_)));
        assert_eq!(holds("!(has(facts.due) && facts.due < now)"), Verdict::Holds);
    }
}
