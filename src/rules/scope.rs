//! What conditions and templates see, by name. Conditions borrow what they ask for.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

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
    prepared::Reference,
    vocabulary::{FACTS, Name, variable},
};

/// Values by their names.
#[derive(Debug, Clone)]
pub(super) struct Scope(Vec<Option<Value>>);

impl Default for Scope {
    fn default() -> Self {
        Self(vec![None; Name::COUNT])
    }
}

impl Scope {
    pub(super) fn set(&mut self, name: Name, value: Value) {
        if let Some(known) = self.0.get_mut(name.number()) {
            *known = Some(value);
        }
    }

    fn get(&self, name: Name) -> Option<&Value> {
        self.0.get(name.number())?.as_ref()
    }
}

/// What is told when it is first asked for: most rules fall before they ask.
pub(super) struct OnDemand<'t> {
    names: &'static [Name],
    /// One for each of the names.
    told: Vec<OnceLock<Option<Told>>>,
    tell: Box<dyn Fn(Name) -> Option<Value> + Send + Sync + 't>,
}

impl<'t> OnDemand<'t> {
    /// Tells these names so.
    pub(super) fn new(names: &'static [Name], tell: impl Fn(Name) -> Option<Value> + Send + Sync + 't) -> Self {
        Self { names, told: names.iter().map(|_| OnceLock::new()).collect(), tell: Box::new(tell) }
    }

    fn get(&self, name: Name) -> Option<&Value> {
        let at = self.names.iter().position(|known| *known == name)?;
        let told = self.told.get(at)?.get_or_init(|| (self.tell)(name).map(Told::new));
        told.as_ref().map(|told| &told.value)
    }

    fn taken(&self, value: &Value) -> Option<&dyn Val> {
        let mut told = self.told.iter().filter_map(|told| told.get()?.as_ref());
        told.find(|told| std::ptr::eq(&told.value, value)).and_then(|told| told.taken.of(value))
    }
}

impl fmt::Debug for OnDemand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").field("told", &self.told).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Told {
    value: Value,
    taken: Taken,
}

impl Told {
    fn new(value: Value) -> Self {
        Self { value, taken: Taken::default() }
    }
}

/// A list or a map as conditions take it, which is made of it once.
#[derive(Debug, Default)]
struct Taken(OnceLock<Option<Box<dyn Val>>>);

impl Taken {
    fn of(&self, value: &Value) -> Option<&dyn Val> {
        self.0.get_or_init(|| value.clone().try_into().ok()).as_deref()
    }
}

/// The lists and maps among the facts, as conditions take them.
#[derive(Debug, Default)]
pub(super) struct Lent<'s>(Vec<(&'s Value, Taken)>);

impl<'s> Lent<'s> {
    pub(super) fn all(facts: &'s Values) -> Self {
        let lists = facts.0.values().filter(|value| matches!(value, Value::List(_) | Value::Map(_)));
        Self(lists.map(|list| (list, Taken::default())).collect())
    }

    fn taken(&self, value: &Value) -> Option<&dyn Val> {
        let (list, taken) = self.0.iter().find(|(list, _)| std::ptr::eq(*list, value))?;
        taken.of(list)
    }
}

/// All that is known when rules are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'s> {
    /// What was known when the turn came.
    pub(super) scope: &'s Scope,
    /// What the reply and the facts add.
    pub(super) on_demand: &'s OnDemand<'s>,
    pub(super) facts: &'s Values,
    /// The lists and maps among them.
    pub(super) lent: &'s Lent<'s>,
    /// The lists of words of the condition that looks, in the order of their [references](Reference).
    pub(super) words: &'s [Words],
}

impl<'s> Sight<'s> {
    /// What a condition with these lists of words sees.
    pub(super) const fn with_words(self, words: &'s [Words]) -> Self {
        Self { words, ..self }
    }

    /// What a condition is computed in.
    pub(super) fn context(&'s self) -> Context<'s, 's> {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(self);
        context
    }

    pub(super) fn get(&self, name: Name) -> Option<&'s Value> {
        self.scope.get(name).or_else(|| self.on_demand.get(name))
    }

    /// A value as conditions take it.
    fn lend(&self, value: &'s Value) -> Option<CowVal<'s, 's>> {
        Some(match value {
            Value::Bool(flag) => CowVal::owned(CelBool::from(*flag)),
            Value::Int(number) => CowVal::owned(CelInt::from(*number)),
            Value::Float(number) => CowVal::owned(CelDouble::from(*number)),
            Value::String(text) => CowVal::owned(CelString::from(text.as_str())),
            list => CowVal::Borrowed(self.on_demand.taken(list).or_else(|| self.lent.taken(list))?),
        })
    }

    pub(super) fn member(&self, variable: &str, member: &str) -> Option<&'s Value> {
        if variable == FACTS { self.facts.0.get(member) } else { self.get(Name::find(variable, member)?) }
    }
}

impl VariableResolver for Sight<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        match Reference::read(name) {
            Some(Reference::Name(name)) => return self.get(name).and_then(|value| self.lend(value)),
            Some(Reference::Words(number)) => {
                return self.words.get(number).map(|words| CowVal::Borrowed(words as &dyn Val));
            }
            None => {}
        }
        if let Some((name, member)) = name.split_once('.') {
            return self.member(name, member).and_then(|value| self.lend(value));
        }
        let variable = variable(name)?;
        if variable.is_plain() {
            return self.member(name, "").and_then(|value| self.lend(value));
        }
        Some(CowVal::owned(Members { sight: self, variable: variable.name }))
    }
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
        let value = self.sight.member(self.variable, member).and_then(|value| self.sight.lend(value));
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
