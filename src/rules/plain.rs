//! Parts of conditions that are plain enough to be told without computing them.

use std::cmp::Ordering;

use cel::{
    Value,
    common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators},
};

use super::{
    mentions,
    prepared::Reference,
    scope::Sight,
    vocabulary::{FACTS, Name},
};

/// A part of a condition.
#[derive(Debug)]
pub(super) enum Plain {
    /// Whether what goes by this name is true, or whether it is false.
    Is(Name, bool),
    /// Whether there is a fact of this name.
    Has(String),
    /// Whether a value, or how long it is, compares so with what is written out.
    Compares { name: Name, by_size: bool, is: fn(Ordering) -> bool, written: Value },
    /// Whether a text has one of the condition's lists of words, or whether it has none of it.
    Mentions { name: Name, words: usize, expected: bool },
}

impl Plain {
    /// What a prepared expression is, if it is plain.
    pub(super) fn of(part: &IdedExpr) -> Option<Self> {
        match &part.expr {
            Expr::Select(select) if select.test => match &select.operand.expr {
                Expr::Ident(name) if name == FACTS => Some(Self::Has(select.field.clone())),
                _ => None,
            },
            Expr::Call(call) if call.func_name == operators::LOGICAL_NOT => match Self::of(call.args.first()?)? {
                Self::Is(name, expected) => Some(Self::Is(name, !expected)),
                Self::Mentions { name, words, expected } => Some(Self::Mentions { name, words, expected: !expected }),
                Self::Has(_) | Self::Compares { .. } => None,
            },
            Expr::Call(call) if call.func_name == mentions::NAME => match &*call.args {
                [text, list] => Some(Self::Mentions { name: named(text)?, words: words(list)?, expected: true }),
                _ => None,
            },
            Expr::Call(call) => Self::comparison(call),
            _ => named(part).map(|name| Self::Is(name, true)),
        }
    }

    fn comparison(call: &CallExpr) -> Option<Self> {
        let [left, right] = &*call.args else { return None };
        let is: fn(Ordering) -> bool = match &*call.func_name {
            operators::EQUALS => Ordering::is_eq,
            operators::NOT_EQUALS => Ordering::is_ne,
            operators::LESS => Ordering::is_lt,
            operators::LESS_EQUALS => Ordering::is_le,
            operators::GREATER => Ordering::is_gt,
            operators::GREATER_EQUALS => Ordering::is_ge,
            _ => return None,
        };
        let written = match &right.expr {
            Expr::Literal(LiteralValue::Int(number)) => Value::Int(*number.inner()),
            Expr::Literal(LiteralValue::Double(number)) => Value::Float(*number.inner()),
            Expr::Literal(LiteralValue::String(text)) => super::fact::string(text.inner()),
            _ => return None,
        };
        let measured = match &left.expr {
            Expr::Call(call) if call.func_name == "size" => call.target.as_deref().into_iter().chain(&call.args).next(),
            _ => None,
        };
        let name = named(measured.unwrap_or(left))?;
        Some(Self::Compares { name, by_size: measured.is_some(), is, written })
    }

    /// Whether it holds; nothing where that takes computing, as where a whole number is compared with a fraction.
    pub(super) fn holds(&self, sight: Sight<'_>) -> Option<bool> {
        match self {
            Self::Is(name, expected) => match sight.get(*name)? {
                Value::Bool(is) => Some(is == expected),
                _ => None,
            },
            Self::Has(fact) => Some(sight.facts.0.contains_key(fact)),
            Self::Compares { name, by_size: false, is, written } => compare(sight.get(*name)?, written).map(is),
            Self::Compares { name, by_size: true, is, written } => compare(&size(sight.get(*name)?)?, written).map(is),
            Self::Mentions { name, words, expected } => match sight.get(*name)? {
                Value::String(text) => sight.words.get(*words).map(|words| words.are_in(text) == *expected),
                _ => None,
            },
        }
    }

    /// Whether a text is read for it.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Mentions { .. })
    }
}

fn named(part: &IdedExpr) -> Option<Name> {
    match reference(part)? {
        Reference::Name(name) => Some(name),
        Reference::Words(_) => None,
    }
}

fn words(part: &IdedExpr) -> Option<usize> {
    match reference(part)? {
        Reference::Words(number) => Some(number),
        Reference::Name(_) => None,
    }
}

fn reference(part: &IdedExpr) -> Option<Reference> {
    match &part.expr {
        Expr::Ident(name) => Reference::read(name),
        _ => None,
    }
}

fn compare(value: &Value, written: &Value) -> Option<Ordering> {
    match (value, written) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn size(value: &Value) -> Option<Value> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::List(list) => list.len(),
        _ => return None,
    };
    Some(super::situation::integer(size))
}
