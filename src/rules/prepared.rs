//! Conditions made ready to be computed: names are numbers, lists of words that are written out are compiled, and what is
//! plain is asked first.

use cel::{
    Value,
    common::ast::{Expr, IdedExpr, operators},
};

use super::{
    condition::Verdict,
    mentions::{self, Words},
    scope::Sight,
    vocabulary::{FACTS, Name},
};

/// A condition made ready.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) expression: IdedExpr,
    /// The lists of words that it looks for.
    pub(super) words: Vec<Words>,
    /// Parts of it that must all hold, in whatever order they are asked.
    plain: Vec<Plain>,
    /// The facts without which it cannot be computed.
    needed: Vec<String>,
}

/// A part that is asked without computing.
#[derive(Debug)]
enum Plain {
    /// Whether what goes by this name is true, or whether it is false.
    Is(Name, bool),
    /// Whether there is a fact of this name.
    Has(String),
}

/// What stands in a prepared expression for something that it looks up. No name that is written in a condition is like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Name(Name),
    /// One of the condition's lists of words, by its number.
    Words(usize),
}

impl Prepared {
    pub(super) fn new(mut expression: IdedExpr) -> Self {
        let (mut plain, mut needed) = (Vec::new(), Vec::new());
        note_plain(&expression, &mut plain);
        note_needed(&expression, &mut needed);
        let mut words = Vec::new();
        prepare(&mut expression, &mut words, &mut Vec::new());
        Self { expression, words, plain, needed }
    }

    /// What it is, where that is seen without computing it: what is false in a row of `&&` makes all of it false, whatever
    /// the rest, and without a fact that it reads it does not hold, whatever else is false in it or fails.
    pub(super) fn seen(&self, sight: Sight<'_>) -> Option<Verdict> {
        let is_false = |plain: &Plain| match plain {
            Plain::Is(name, expected) => matches!(sight.get(*name), Some(Value::Bool(is)) if is != expected),
            Plain::Has(fact) => !sight.facts.0.contains_key(fact),
        };
        if self.plain.iter().any(is_false) {
            return Some(Verdict::DoesNot);
        }
        self.needed.iter().find(|fact| !sight.facts.0.contains_key(*fact)).cloned().map(Verdict::Missing)
    }
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

/// Notes the plain ones among the parts that must all hold.
fn note_plain(expression: &IdedExpr, into: &mut Vec<Plain>) {
    match &expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
            call.args.iter().for_each(|part| note_plain(part, into));
        }
        Expr::Call(call) if call.func_name == operators::LOGICAL_NOT => {
            into.extend(call.args.first().and_then(|part| named(&part.expr)).map(|name| Plain::Is(name, false)));
        }
        Expr::Select(select) if select.test && matches!(&select.operand.expr, Expr::Ident(name) if name == FACTS) => {
            into.push(Plain::Has(select.field.clone()));
        }
        other => into.extend(named(other).map(|name| Plain::Is(name, true))),
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
        scope::{Lent, Scope},
    };

    /// What each condition is made of: names that are true, false and not there, and what may go round them.
    const PARTS: [&str; 18] = [
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
        "mentions(turn.text, [facts.word])",
        "facts.list.all(now, now.size() == 1)",
        "facts.list.exists(part, mentions(part, ['b']) && now > 1)",
        "facts.others.all(part, !(part in facts.list))",
        "(now / 0 > 1)",
    ];

    fn scope(is_stuck: bool) -> Scope {
        let mut scope = Scope::default();
        scope.set(Name::of("turn", "text"), string("Where is my order?"));
        scope.set(Name::of("signals", "doubts"), Value::Bool(true));
        scope.set(Name::of("signals", "stuck"), Value::Bool(is_stuck));
        scope.set(Name::of("now", ""), Value::Int(10));
        scope
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
            let expression = ENV.compile(&written).unwrap().expression().clone();
            let (scope, none, facts) = (scope(is_stuck), Scope::default(), facts(known));
            let sight = Sight { scopes: [&scope, &none], facts: &facts, lent: &[], words: &[] };
            let plainly = Value::resolve(&expression, &sight.context());
            let prepared = Prepared::new(expression);
            let seen = prepared.seen(sight);
            let lent = Lent::all(sight.scopes, sight.facts);
            let sight = Sight { lent: &lent, ..sight.with_words(&prepared.words) };
            let computed = Value::resolve(&prepared.expression, &sight.context());
            proptest::prop_assert_eq!(&plainly, &computed, "{}", written);
            match seen {
                Some(Verdict::DoesNot) => proptest::prop_assert_eq!(plainly, Ok(Value::Bool(false)), "{}", written),
                Some(_) => proptest::prop_assert!(plainly != Ok(Value::Bool(true)), "{}", written),
                None => {}
            }
        }
    }

    #[test]
    fn what_is_plain_or_missing_is_seen_without_computing() {
        let (scope, none) = (scope(false), Scope::default());
        let facts = facts(0);
        let sight = Sight { scopes: [&scope, &none], facts: &facts, lent: &[], words: &[] };
        let seen = |written: &str| Prepared::new(ENV.compile(written).unwrap().expression().clone()).seen(sight);
        assert_eq!(seen("signals.stuck && now / 0 > 1"), Some(Verdict::DoesNot));
        assert_eq!(seen("now / 0 > 1 && (has(facts.due) && !signals.doubts)"), Some(Verdict::DoesNot));
        assert_eq!(seen("signals.doubts && facts.due + 1 < now"), Some(Verdict::Missing("due".to_owned())));
        assert_eq!(seen("!(has(facts.due) && facts.due < now)"), None);
        assert_eq!(seen("signals.stuck || signals.doubts"), None);
    }
}
