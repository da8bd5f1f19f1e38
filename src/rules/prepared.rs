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
    /// the rest, and where nothing is false, a fact that is not there makes it unknown.
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
