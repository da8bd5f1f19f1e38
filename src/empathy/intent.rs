//! What is to be said, and what an opener of the bot's own may show, before the reply is there.

use std::sync::Arc;

use super::{Adjustment, Interjection, Kind, Place, Shape, Silence, Weight};
use crate::conversation::{Past, Said};

/// One sentence that may be said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Saying {
    /// The sentence.
    pub sentence: String,
    /// The section of the phrasebook that it is from.
    pub kind: Kind,
    /// What is said right after it: the way to a person.
    pub(super) then: Option<Arc<str>>,
    /// The rule that says it, where none of the phrasebook's lines does.
    pub rule: Option<Arc<str>>,
}

impl Saying {
    /// This sentence, of this kind.
    #[must_use]
    pub const fn new(sentence: String, kind: Kind) -> Self {
        Self { sentence, kind, then: None, rule: None }
    }

    /// The sentence, and what is said right after it.
    pub(crate) fn words(&self) -> String {
        [Some(self.sentence.as_str()), self.then.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// What is to be said before a reply of each shape, and how much feeling its own opener may show.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// In the order of [`Shape::ALL`], and last what fits any reply.
    sayings: [Option<Arc<Saying>>; Shape::ALL.len() + 1],
    /// Why nothing is said where there is nothing to say.
    pub(super) silence: Silence,
    /// How much empathy the turn calls for.
    pub(super) weight: Weight,
    /// Whether the turn is a pleasant one.
    pub(super) is_pleasant: bool,
    is_trouble: bool,
    /// Whether the turn has no words, and only rules may speak to it.
    pub(super) is_wordless: bool,
    /// What a rule says besides.
    pub(super) interjection: Option<Arc<Interjection>>,
}

impl Intent {
    /// What `saying` gives for each shape, and for a reply whose shape does not show.
    pub(super) fn new(
        weight: Weight,
        is_pleasant: bool,
        silence: Silence,
        mut saying: impl FnMut(Option<Shape>) -> Option<Arc<Saying>>,
    ) -> Self {
        let [question, no, steps, done, info] = Shape::ALL.map(|shape| saying(Some(shape)));
        let sayings = [question, no, steps, done, info, saying(None)];
        Self { sayings, silence, weight, is_pleasant, is_trouble: false, is_wordless: false, interjection: None }
    }

    /// What rules may do about a turn to which nothing else is done: of one without words ("?"), what such a sign means
    /// to them; of any other, nothing.
    #[must_use]
    pub fn of_wordless(turn: &str, silence: Silence) -> Option<Self> {
        let is_wordless = silence == Silence::Language && !turn.chars().any(char::is_alphabetic);
        is_wordless.then(|| Self { is_wordless: true, ..Self::new(Weight::clamped(0.0), false, silence, |_| None) })
    }

    /// The same, to a user in trouble or not.
    #[must_use]
    pub(super) const fn in_trouble(mut self, is_trouble: bool) -> Self {
        self.is_trouble = is_trouble;
        self
    }

    /// The same, with what a rule says besides.
    #[must_use]
    pub fn with_interjection(mut self, interjection: Arc<Interjection>) -> Self {
        self.interjection = Some(interjection);
        self
    }

    /// The same, with a rule's words in the place of the acknowledgment.
    #[must_use]
    pub fn with_acknowledgment(mut self, interjection: &Interjection) -> Self {
        let mut saying = Saying::new(interjection.text.clone(), Kind::Problem);
        saying.rule = Some(Arc::clone(&interjection.rule));
        let saying = Arc::new(saying);
        self.sayings = [const { None }; Shape::ALL.len() + 1].map(|_: Option<()>| Some(Arc::clone(&saying)));
        self
    }

    /// What is left to say once it has been said that the reply is late: no acknowledgment again if there was one, and
    /// `then` before the answer, if no rule speaks.
    #[must_use]
    pub(crate) fn after_late(mut self, has_acknowledged: bool, then: Option<Arc<Interjection>>) -> Self {
        if has_acknowledged {
            self.sayings = [const { None }; Shape::ALL.len() + 1];
            self.silence = Silence::Acknowledged;
        }
        self.interjection = self.interjection.or(then);
        self
    }

    /// What a rule says.
    #[must_use]
    pub const fn interjection(&self) -> Option<&Arc<Interjection>> {
        self.interjection.as_ref()
    }

    /// What will be done to a reply whose beginning allows it; nothing where nothing will.
    #[must_use]
    pub fn planned(&self) -> Option<Adjustment> {
        match (self.silence(), self.interjection.as_ref().map(|interjection| interjection.place)) {
            (None, Some(Place::Instead)) => Some(Adjustment::Replace),
            (None, _) => Some(Adjustment::Prepend),
            (Some(_), Some(Place::End)) => Some(Adjustment::Append),
            (Some(_), _) => None,
        }
    }

    /// What a rule says before the answer.
    #[must_use]
    pub fn before_answer(&self) -> Option<&Arc<Interjection>> {
        self.interjection.as_ref().filter(|interjection| interjection.is_before())
    }

    /// The exchange, for whoever remembers it, once this has been said, if anything has.
    #[must_use]
    pub fn past(&self, saying: Option<&Saying>) -> Past {
        let said = saying.map(|saying| Said::new(&saying.sentence, saying.kind.as_str(), self.weight.get()));
        Past::new(said, self.is_trouble)
    }

    /// The same sentence before any reply, to a turn of this weight.
    #[must_use]
    pub fn saying(sentence: &str, kind: Kind, weight: Weight) -> Self {
        Self::fixed(sentence, kind, weight, Silence::NoLine)
    }

    /// The same, with the reason why nothing would be said otherwise.
    pub(super) fn fixed(sentence: &str, kind: Kind, weight: Weight, silence: Silence) -> Self {
        let saying = Arc::new(Saying::new(sentence.to_owned(), kind));
        Self::new(weight, false, silence, |_| Some(Arc::clone(&saying)))
    }

    /// Whether the turn speaks of danger. Then the reply's own words are nobody's to judge.
    #[must_use]
    pub const fn is_danger(&self) -> bool {
        matches!(self.silence, Silence::Danger)
    }

    /// What is to be said before a reply of this shape; of none, before one whose shape does not show.
    #[must_use]
    pub fn before(&self, shape: Option<Shape>) -> Option<&Arc<Saying>> {
        let index = shape.map_or(Shape::ALL.len(), |shape| shape as usize);
        self.sayings.get(index)?.as_ref()
    }

    /// Why nothing will be said before any reply, if nothing will.
    #[must_use]
    pub fn silence(&self) -> Option<Silence> {
        let speaks = self.interjection.as_ref().is_some_and(|interjection| interjection.place != Place::End);
        (self.sayings.iter().all(Option::is_none) && !speaks).then_some(self.silence)
    }
}
