//! What else is to be said: rules of the operator's that confirm, clarify or summarise, and say how things stand.
//!
//! A rule has a condition ([CEL](https://cel.dev)) over what is known of an exchange, and a sentence (a template of
//! [minijinja](https://docs.rs/minijinja)) that is said where it holds: before the reply, after the acknowledgment, behind
//! the reply, or in its place. There are none unless a file has some. At most one of them speaks to a turn besides the
//! acknowledgment, and one of the emotional layer in its place; the highest priority wins, and then the first in the file.
//!
//! A rule that cannot work is refused when it is read: what does not compile, an unknown name, a type that does not fit.
//! One that fails over an exchange is passed over, and told.
//!
//! ```
//! use undertone::rules::Rules;
//!
//! let rules = Rules::from_toml(
//!     "[[rule]]\nname = 'anything-else'\nlayer = 'cognitive'\nwhen = 'signals.affirms'\nplace = 'end'\n\
//!      say = 'Anything else?'",
//! )?;
//! assert_eq!(rules.names().collect::<Vec<_>>(), ["anything-else"]);
//! # Ok::<(), undertone::rules::RulesError>(())
//! ```

mod condition;
mod decide;
mod error;
mod fact;
mod file;
mod mentions;
mod plain;
mod prepared;
mod reading;
mod repeats;
mod scope;
mod signals;
mod situation;
mod template;
mod vocabulary;

pub use self::error::RulesError;
#[cfg(feature = "cli")]
pub(crate) use self::{
    decide::Why,
    fact::{FactSpec, seconds},
    file::{Before, Example, RuleSpec},
};
pub(crate) use self::{
    decide::{Decided, Stage, Undecided},
    fact::seconds_at,
    file::{LATE, RulesFile},
    repeats::fingerprint,
    situation::{FactValues, Known, signals},
};

use std::{collections::BTreeSet, fmt, sync::Arc, time::SystemTime};

use http::HeaderMap;

use self::{
    condition::Condition,
    situation::SpokenOf,
    template::{Recogniser, Templates},
};
use crate::{
    conversation::Pace,
    empathy::{Facts, Interjection, Place, Policy},
};

/// The rules of one or more files, compiled. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rules(Arc<Inner>);

#[derive(Default)]
struct Inner {
    facts: fact::Facts,
    /// The highest priority first, and of the same the first in the file.
    rules: Vec<Rule>,
    templates: Templates,
    /// What conditions and templates speak of: nothing else is computed.
    spoken: SpokenOf,
    recogniser: Recogniser,
}

/// One rule, compiled.
struct Rule {
    name: Arc<str>,
    layer: Layer,
    place: Place,
    priority: i32,
    rest: Rest,
    when: Condition,
    /// What its words speak of, such as `turn.text`, or all of `turn`.
    says: BTreeSet<String>,
    /// Whether they speak of the reply.
    says_reply: bool,
}

/// Which kind of interaction a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layer {
    /// It acknowledges: it stands in the place of undertone's own acknowledgment.
    Emotional,
    /// It confirms, clarifies or summarises.
    Cognitive,
    /// It says what is being done, or how things stand.
    Procedural,
}

/// How long a rule is silent after it has spoken, in turns of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// For good.
    Once,
    /// For so many.
    Turns(usize),
}

impl Rules {
    /// Reads the rules in a text.
    ///
    /// # Errors
    ///
    /// The line at which it cannot be used, and why.
    pub fn from_toml(text: &str) -> Result<Self, RulesError> {
        Self::of([&RulesFile::parse(text)?]).map_err(|(_, error)| error)
    }

    /// Reads the rules in several texts, which share their facts.
    ///
    /// # Errors
    ///
    /// In which of the texts the first mistake is, from 0, and what it is.
    pub fn from_tomls<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, (usize, RulesError)> {
        let parse = |(number, text)| RulesFile::parse(text).map_err(|error| (number, error));
        let files: Vec<_> = texts.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Self::of(&files)
    }

    /// What rules say to a turn whose reply is there whole, without HTTP: the one in the place of the acknowledgment, and
    /// the other. `request` is what facts are looked for in, with its headers; `now` is when it is.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use undertone::{conversation::Memory, empathy::{Facts, Policy}, protocol::Turn, rules::Rules, sentiment::Sentiment};
    ///
    /// let rules = Rules::from_toml(
    ///     "[[rule]]\nname = 'compare'\nlayer = 'cognitive'\nwhen = 'signals.options'\nplace = 'end'\n\
    ///      say = 'Should I compare {{ reply.options | join(\" and \") }}?'",
    /// )?;
    /// let turn = Turn { text: "Which plans are there?".to_owned(), ..Turn::default() };
    /// let (sentiment, memory) = (Sentiment::default(), Memory::default());
    /// let facts = Facts::new(&turn, &sentiment, &memory);
    /// let reply = "- Basic: 10 a month\n- Plus: 20 a month";
    /// let said = rules.speak(&Policy::default(), &facts, &Default::default(), b"{}", reply, SystemTime::now());
    /// assert_eq!(said[0].text, "Should I compare Basic and Plus?");
    /// # Ok::<(), undertone::rules::RulesError>(())
    /// ```
    #[must_use]
    pub fn speak(
        &self,
        policy: &Policy,
        facts: &Facts<'_>,
        headers: &HeaderMap,
        request: &[u8],
        reply: &str,
        now: SystemTime,
    ) -> Vec<Arc<Interjection>> {
        let known = Known {
            policy,
            turn: facts.turn,
            sentiment: facts.sentiment,
            weight: facts.weight,
            memory: facts.memory,
            pace: Pace::default(),
            now: seconds_at(now),
        };
        let decided = self.open(&known, self.facts_in_request(headers, request)).decide(Stage::Whole(reply));
        decided.emotional.into_iter().chain(decided.other).collect()
    }

    /// The rules of several files, which share their facts.
    ///
    /// # Errors
    ///
    /// The first mistake, and in which of the files it is.
    pub(crate) fn of<'f>(files: impl IntoIterator<Item = &'f RulesFile>) -> Result<Self, (usize, RulesError)> {
        let mut inner = Inner::default();
        for (number, file) in files.into_iter().enumerate() {
            file.compile(&mut inner).map_err(|error| (number, error))?;
        }
        // The sort is stable: of the same priority, the first in the file stays first.
        inner.rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        inner.recogniser = Recogniser::new(&inner.templates, inner.rules.iter().map(|rule| &*rule.name));
        Ok(Self(Arc::new(inner)))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rules.is_empty()
    }

    /// What is worth knowing of rules that are no mistake.
    #[cfg(feature = "cli")]
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> {
        let needs_whole =
            |rule: &Rule| rule.place == Place::Instead || (rule.needs_reply() && rule.place != Place::End);
        let tones = crate::empathy::Tone::ALL;
        let is_known = move |rule: &Rule| tones.iter().all(|tone| self.0.templates.own(&rule.name, *tone).is_some());
        let remarks = move |rule: &Rule| {
            let name = &rule.name;
            let whole = needs_whole(rule)
                .then(|| format!("`{name}` needs a reply that comes whole: where the bot streams, it does not speak"));
            let unknown = (rule.rest != Rest::Turns(0) && !is_known(rule)).then(|| {
                format!(
                    "`{name}` has no {} letters in a row, on one line, that it always says: where requests carry the \
                     conversation, it is not seen to have spoken, and may speak again at once",
                    template::RECOGNISED
                )
            });
            whole.into_iter().chain(unknown)
        };
        self.0.rules.iter().flat_map(remarks)
    }

    /// The names of the rules, the highest priority first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.rules.iter().map(|rule| &*rule.name)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests;
