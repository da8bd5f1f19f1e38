//! The decision: facts in, a change out.

use std::{fmt, ops::Range, sync::Arc};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    Weight,
    voice::{Danger, Openers, Opening, Phrasebook, Tone, is_foreign},
};
use crate::{
    conversation::Memory,
    protocol::Turn,
    sentiment::{Emotion, Sentiment},
};

/// From which probability a feeling counts as shown by the user's words.
const SHOWN: f32 = 0.5;

/// Below which weight nothing is said, unless the operator sets it. A mild hint of a feeling weighs 1/3.
pub const DEFAULT_FLOOR: Weight = Weight::clamped(0.3);

/// White space at the head of a reply up to this many bytes is repeated after the sentence that goes before its first
/// word, so that the reply still stands apart as its author meant it to.
const REPEATED: usize = 16;

/// What decides: a style guide, a voice, a floor. Pure, and cheap to clone.
#[derive(Clone)]
pub struct Policy {
    phrasebook: Arc<Phrasebook>,
    openers: Arc<Openers>,
    danger: Arc<Danger>,
    tone: Tone,
    floor: Weight,
}

/// What is known when it is decided what to say.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// What the user says.
    pub turn: &'a Turn,
    /// What the words express.
    pub sentiment: &'a Sentiment,
    /// How much empathy they call for.
    pub weight: Weight,
    /// What undertone has said before in this conversation, where a store remembers it.
    pub memory: &'a Memory,
}

impl<'a> Facts<'a> {
    /// The facts of a turn, its weight that of its sentiment.
    #[must_use]
    pub fn new(turn: &'a Turn, sentiment: &'a Sentiment, memory: &'a Memory) -> Self {
        Self { turn, sentiment, weight: Weight::of(sentiment), memory }
    }

    /// The same with another weight.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }
}

/// What is to be done to a reply, as far as the turn alone decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Nothing.
    Leave(Silence),
    /// Something is to be said, if the reply's own opening allows it.
    Speak(Intent),
}

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intent {
    /// The sentence.
    pub sentence: String,
    /// The section of the phrasebook that it is from: a feeling's, or `problem`.
    pub section: &'static str,
}

/// What the beginning of a reply makes of an [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Review {
    /// Too little of the reply is there to tell.
    Wait,
    /// Nothing.
    Leave(Silence),
    /// This change.
    Change(Change),
    /// This change if the reply goes on, and nothing if it is over: some single words are answers to a program.
    ChangeIfMore(Change),
}

/// One change of a reply's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Which bytes of the text go; none where something is only put in.
    pub cut: Range<usize>,
    /// What comes in their place.
    pub put: String,
    /// What this is, for whoever tells of it.
    pub adjustment: Adjustment,
}

impl Change {
    /// The text with the change made. `text` begins with what was reviewed.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let (before, after) = (text.get(..self.cut.start), text.get(self.cut.end..));
        match (before, after) {
            (Some(before), Some(after)) => [before, &self.put, after].concat(),
            _ => text.to_owned(),
        }
    }
}

/// What can be done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Adjustment {
    /// A sentence is put before it.
    Prepend,
}

impl Adjustment {
    /// The name, as in the `undertone` response header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepend => "prepend",
        }
    }
}

/// Why nothing is said. The names are those of the `undertone` response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Silence {
    /// The turn speaks of danger to life and limb: no phrasebook has words for that, and none are put before the reply.
    Danger,
    /// The turn is in another language than the phrasebook, or has no words.
    Language,
    /// The turn's weight is below the floor, or below that of the lightest sentence.
    BelowFloor,
    /// The feeling is a pleasant one: the bot's answer is enough.
    Pleasant,
    /// Everything that fits was said just before.
    Repeat,
    /// The bot acknowledges the turn itself.
    Acknowledged,
    /// The bot says hello first.
    Greeting,
    /// The reply is JSON, markup, code, or other data.
    Structured,
    /// The reply is a single word: a verdict, a label or a number.
    OneWord,
    /// The reply has no words.
    Empty,
}

impl Silence {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Language => "language",
            Self::BelowFloor => "below-floor",
            Self::Pleasant => "pleasant",
            Self::Repeat => "repeat",
            Self::Acknowledged => "acknowledged",
            Self::Greeting => "greeting",
            Self::Structured => "structured",
            Self::OneWord => "one-word",
            Self::Empty => "empty",
        }
    }
}

impl Policy {
    /// Speaks in another voice; [`Tone::Collaborative`] unless set.
    #[must_use]
    pub const fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Says something only to turns of at least this weight; [`DEFAULT_FLOOR`] unless set.
    #[must_use]
    pub const fn with_floor(mut self, floor: Weight) -> Self {
        self.floor = floor;
        self
    }

    /// Speaks by another style guide; the built-in English one unless set.
    #[must_use]
    pub fn with_phrasebook(mut self, phrasebook: Phrasebook) -> Self {
        self.phrasebook = Arc::new(phrasebook);
        self
    }

    /// Decides from the turn alone. The same turn of the same conversation always gets the same sentence.
    #[must_use]
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let Facts { turn, sentiment, weight, memory } = *facts;
        if self.danger.is_in(&turn.text) {
            return Plan::Leave(Silence::Danger);
        }
        if is_foreign(&turn.text) {
            return Plan::Leave(Silence::Language);
        }
        if weight < self.floor {
            return Plan::Leave(Silence::BelowFloor);
        }
        if is_pleasant(sentiment) {
            return Plan::Leave(Silence::Pleasant);
        }
        let emotion = sentiment.emotion();
        let shown = (sentiment.emotions.get(emotion) >= SHOWN).then_some(emotion);
        let was_said = |sentence: &str| {
            memory.was_just_said(sentence)
                || turn.last_reply.as_deref().is_some_and(|reply| reply.trim_start().starts_with(sentence))
        };
        let mut candidates = self.phrasebook.candidates(shown, self.tone, weight);
        if candidates.is_empty() {
            return Plan::Leave(Silence::BelowFloor);
        }
        candidates.retain(|candidate| !was_said(&candidate.variant.say));
        let Some(best) = candidates.last().copied() else { return Plan::Leave(Silence::Repeat) };
        candidates.retain(|other| other.variant.weight >= best.variant.weight && other.is_named == best.is_named);
        let choice = usize::try_from(seed(turn)).unwrap_or_default().checked_rem(candidates.len()).unwrap_or_default();
        let chosen = candidates.get(choice).unwrap_or(&best);
        let section = if chosen.is_named { emotion.as_str() } else { "problem" };
        Plan::Speak(Intent { sentence: chosen.variant.say.clone(), section })
    }

    /// Decides from the beginning of the reply's visible text. `is_complete` says that no more of it will come.
    ///
    /// More of a reply never changes what was decided from less of it, and a complete one is always decided.
    #[must_use]
    pub fn review(&self, intent: &Intent, beginning: &str, is_complete: bool) -> Review {
        let visible = beginning.trim_start_matches(is_invisible);
        if visible.is_empty() {
            return if is_complete { Review::Leave(Silence::Empty) } else { Review::Wait };
        }
        let blank = beginning.strip_suffix(visible).unwrap_or_default();
        let separator = match self.openers.read(blank, visible, is_complete) {
            Opening::Undecided => return Review::Wait,
            Opening::Acknowledgment => return Review::Leave(Silence::Acknowledged),
            Opening::Greeting => return Review::Leave(Silence::Greeting),
            Opening::Machine => return Review::Leave(Silence::Structured),
            Opening::Block => "\n\n",
            Opening::Plain if blank.is_empty() || blank.len() > REPEATED => " ",
            Opening::Plain => blank,
        };
        let change = Change {
            cut: blank.len()..blank.len(),
            put: [&intent.sentence, separator].concat(),
            adjustment: Adjustment::Prepend,
        };
        match (is_verdict(visible), is_complete) {
            (true, true) => Review::Leave(Silence::OneWord),
            (true, false) => Review::ChangeIfMore(change),
            (false, _) => Review::Change(change),
        }
    }
}

impl Default for Policy {
    /// The built-in English phrasebook, in the collaborative tone.
    fn default() -> Self {
        Self {
            phrasebook: Arc::new(Phrasebook::english()),
            openers: Arc::new(Openers::english()),
            danger: Arc::new(Danger::english()),
            tone: Tone::default(),
            floor: DEFAULT_FLOOR,
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("language", &self.phrasebook.language())
            .field("tone", &self.tone)
            .field("floor", &self.floor)
            .finish_non_exhaustive()
    }
}

/// White space, and what some models put before their first word without anybody seeing it.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// Words with which programs are answered, and which people are not left alone with.
const VERDICTS: [&str; 26] = [
    "allow",
    "allowed",
    "block",
    "blocked",
    "correct",
    "deny",
    "denied",
    "fail",
    "false",
    "incorrect",
    "irrelevant",
    "mixed",
    "negative",
    "neutral",
    "no",
    "none",
    "null",
    "ok",
    "okay",
    "pass",
    "positive",
    "relevant",
    "safe",
    "true",
    "unsafe",
    "yes",
];

/// Whether there is nothing so far but one word such as programs read: a label in small letters or in capitals, a
/// number, an address, or a verdict. A word that begins like a sentence is none.
fn is_verdict(visible: &str) -> bool {
    let word = visible.split(is_invisible).next().unwrap_or_default();
    let has_more = visible.get(word.len()..).is_some_and(|rest| !rest.trim_start_matches(is_invisible).is_empty());
    if has_more || !word.is_ascii() {
        return false;
    }
    let mut letters = word.chars();
    let begins_sentence = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '\'');
    !begins_sentence || VERDICTS.iter().any(|verdict| begins_with(verdict, word))
}

/// Whether `text` begins with this, whatever the case of its letters.
fn begins_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning))
}

/// Whether the words express a pleasant feeling. Where the emotion does not tell, their valence does.
fn is_pleasant(sentiment: &Sentiment) -> bool {
    match sentiment.emotion() {
        Emotion::Gratitude | Emotion::Joy => true,
        Emotion::Surprise | Emotion::None => sentiment.valence > 0.0,
        Emotion::Anger
        | Emotion::Frustration
        | Emotion::Disappointment
        | Emotion::Sadness
        | Emotion::Worry
        | Emotion::Confusion => false,
    }
}

/// A number that is the same whenever this turn of this conversation comes again, on any machine.
fn seed(turn: &Turn) -> u64 {
    let conversation = turn.conversation.as_deref().unwrap_or_default();
    let ordinal = u64::try_from(turn.ordinal).unwrap_or(u64::MAX);
    xxh3_64_with_seed(turn.text.as_bytes(), xxh3_64(conversation.as_bytes()).wrapping_add(ordinal))
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
