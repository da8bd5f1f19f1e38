//! One line of a phrasebook: how strong it is, what it says, and where it fits.

use std::borrow::Cow;

use serde::Deserialize;
use toml::Spanned;

use super::topics::{Topic, TopicClass, Topics};
use crate::empathy::{Shape, Weight};

/// What stands for the matter in a line.
pub(super) const SLOT: &str = "{topic}";

/// One line: how strong it is, what it says, and where it fits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    /// Said only to turns of at least this weight.
    pub(crate) weight: Weight,
    /// The words, perhaps with a slot.
    say: Spanned<Say>,
    /// The shapes of reply that it fits; any if there are none.
    #[serde(default)]
    before: Shapes,
    /// The classes of topic that its slot takes; any if there are none.
    #[serde(default)]
    topic: Vec<TopicClass>,
}

/// Some shapes of reply, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Vec<Shape>")]
struct Shapes(u8);

impl Shapes {
    const fn of(shape: Shape) -> Self {
        Self(1 << shape as u8)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of these is one of those.
    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl From<Vec<Shape>> for Shapes {
    fn from(shapes: Vec<Shape>) -> Self {
        Self(shapes.into_iter().fold(0, |bits, shape| bits | Self::of(shape).0))
    }
}

/// The words of a line, and where its slot is, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
struct Say {
    words: String,
    slot: Option<usize>,
    apologises: bool,
}

impl From<String> for Say {
    fn from(words: String) -> Self {
        let lower = words.to_ascii_lowercase();
        let apologises = lower.contains("sorry") || lower.contains("apolog");
        Self { slot: words.find(SLOT), apologises, words }
    }
}

impl Say {
    /// What stands before the slot, and after it; all of it, and nothing, if there is none.
    fn parts(&self) -> (&str, Option<&str>) {
        let Some(slot) = self.slot else { return (&self.words, None) };
        (self.words.get(..slot).unwrap_or_default(), self.words.get(slot + SLOT.len()..))
    }
}

impl Line {
    /// The words, perhaps with a slot.
    pub(crate) fn words(&self) -> &str {
        &self.say.get_ref().words
    }

    /// What stands before its slot; all of it if it has none.
    pub(super) fn start(&self) -> &str {
        self.say.get_ref().parts().0
    }

    /// Where in the file it stands, in bytes.
    pub(crate) fn place(&self) -> usize {
        self.say.span().start
    }

    /// Whether it fits a reply of this shape, or of any where the shape does not show.
    pub(crate) fn fits(&self, shape: Option<Shape>) -> bool {
        self.before.is_empty() || shape.is_some_and(|shape| self.before.meets(Shapes::of(shape)))
    }

    /// Whether it was written for replies of this shape alone.
    pub(crate) fn is_for(&self, shape: Shape) -> bool {
        self.before == Shapes::of(shape)
    }

    /// Whether it fits any reply.
    pub(crate) const fn fits_any(&self) -> bool {
        self.before.is_empty()
    }

    /// Whether it fits a reply that this other line fits too.
    pub(crate) fn shares_shape(&self, other: &Self) -> bool {
        self.before.is_empty() || other.before.is_empty() || self.before.meets(other.before)
    }

    /// Whether it says what topics it takes, and has no place for one.
    pub(crate) fn misses_slot(&self) -> bool {
        !self.topic.is_empty() && !self.has_slot()
    }

    /// Whether it needs a topic.
    pub(crate) fn has_slot(&self) -> bool {
        self.say.get_ref().slot.is_some()
    }

    /// Whether it says that somebody is sorry.
    pub(crate) fn apologises(&self) -> bool {
        self.say.get_ref().apologises
    }

    /// Whether it has no slot, or one that this topic fits.
    pub(in crate::empathy) fn takes(&self, topic: Option<&Topic<'_>>) -> bool {
        !self.has_slot() || topic.is_some_and(|topic| self.topic.is_empty() || self.topic.contains(&topic.class))
    }

    /// The sentence, with the matter in its slot; nothing if it has a slot and no topic fits.
    pub(in crate::empathy) fn sentence(&self, topic: Option<&Topic<'_>>) -> Option<Cow<'_, str>> {
        let (before, Some(after)) = self.say.get_ref().parts() else { return Some(Cow::Borrowed(self.words())) };
        let topic = topic.filter(|_| self.takes(topic))?;
        let said = format!("{before}{topic}{after}");
        let mut letters = said.chars();
        Some(letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect()).into())
    }

    /// Whether a text begins with this line, whatever stands in its slot.
    pub(super) fn begins(&self, text: &str, topics: &Topics) -> Option<usize> {
        let (before, after) = self.say.get_ref().parts();
        let rest = text.strip_prefix(before)?;
        let length = match after {
            None => before.len(),
            Some(after) => {
                let topic = topics.prefix(rest)?;
                rest.get(topic..)?.starts_with(after).then_some(before.len() + topic + after.len())?
            }
        };
        // Something always stands between it and what follows.
        let goes_on = text.get(length..)?.chars().next().is_some_and(|next| !next.is_whitespace());
        (!goes_on).then_some(length)
    }
}
