//! What conditions and templates see, by name. Nothing is copied for a condition: it borrows what it asks for.

use cel::{
    Context, ExecutionError, Value,
    common::{
        traits::Indexer,
        types::{CelBool, CelDouble, CelInt, CelString, MAP_TYPE, Type},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};

use super::{
    condition::ENV,
    fact::Values,
    mentions::Words,
    vocabulary::{Variable, variable},
};

/// Values by the names of their variables and of their members, as `turn` and `text`; a plain variable's member is empty.
/// The first of a name counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope(Vec<(&'static str, &'static str, Value)>);

impl Scope {
    pub(super) fn set(&mut self, variable: &'static str, member: &'static str, value: Value) {
        self.0.push((variable, member, value));
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn get(&self, variable: &str, member: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, of_it, _)| *of_it == member && *known == variable);
        found.map(|(_, _, value)| value)
    }
}

/// All that is known when rules are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'s> {
    /// What was known when the turn came, and what the reply adds.
    pub(super) scopes: [&'s Scope; 2],
    pub(super) facts: &'s Values,
    /// The lists of words of a condition, by their [names](Words::name).
    pub(super) words: &'s [Words],
}

impl<'s> Sight<'s> {
    /// What a condition with these lists of words sees.
    pub(super) const fn with_words(self, words: &'s [Words]) -> Self {
        Self { words, ..self }
    }

    /// What a condition is computed in.
    pub(super) fn context(&'s self) -> Context<'s, 's> {
        let mut context = Context::with_env(std::sync::Arc::clone(&ENV));
        context.set_variable_resolver(self);
        context
    }

    fn get(&self, variable: &str, member: &str) -> Option<&'s Value> {
        match variable {
            "facts" => self.facts.0.get(member),
            _ => self.scopes.iter().find_map(|scope| scope.get(variable, member)),
        }
    }

    /// Everything: the name of a variable, that of its member, and the value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'s str, &'s str, &'s Value)> {
        let known = self.scopes.into_iter().flat_map(|scope| &scope.0);
        let known = known.map(|(variable, member, value)| (*variable, *member, value));
        known.chain(self.facts.0.iter().map(|(fact, value)| ("facts", fact.as_str(), value)))
    }
}

impl VariableResolver for Sight<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (name, member) = name.split_once('.').unwrap_or((name, ""));
        if let Some(value) = self.get(name, member) {
            return seen(value);
        }
        if let Some(number) = Words::number(name) {
            return self.words.get(number).map(|words| CowVal::Borrowed(words as &dyn Val));
        }
        let has_members = |variable: &&Variable| !variable.members.is_empty() || variable.name == "facts";
        let variable = variable(name).filter(has_members).filter(|_| member.is_empty())?;
        Some(CowVal::owned(Members { sight: self, variable: variable.name }))
    }
}

/// A value as conditions take it.
fn seen(value: &Value) -> Option<CowVal<'_, '_>> {
    Some(match value {
        Value::Bool(flag) => CowVal::owned(CelBool::from(*flag)),
        Value::Int(number) => CowVal::owned(CelInt::from(*number)),
        Value::Float(number) => CowVal::owned(CelDouble::from(*number)),
        Value::String(text) => CowVal::owned(CelString::from(text.as_str())),
        other => CowVal::Owned(other.clone().try_into().ok()?),
    })
}

/// A variable with members, asked for one that may be missing.
#[derive(Debug, Clone, Copy)]
struct Members<'s> {
    sight: &'s Sight<'s>,
    variable: &'static str,
}

impl<'s> Members<'s> {
    fn member(&self, name: &dyn Val) -> Result<CowVal<'s, 's>, ExecutionError> {
        let member = name.downcast_ref::<CelString<'_>>().map(CelString::inner).unwrap_or_default();
        let value = self.sight.get(self.variable, member).and_then(seen);
        value.ok_or_else(|| ExecutionError::no_such_key(member))
    }
}

impl Val for Members<'_> {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Members<'_> {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.member(name)
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.member(name).map(CowVal::into_owned)
    }
}
