//! What, if anything, is said: pure functions, text in and a decision out.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Opening, Phrasebook, Tone, Weight};
use crate::{
    conversation::Said,
    protocol::Turn,
    sentiment::{Emotion, Sentiment},
};

/// From which probability a feeling counts as shown by the user's words.
const SHOWN: f32 = 0.5;

/// Below which weight nothing is said, unless the operator sets it. A mild hint of a feeling weighs 1/3.
pub const DEFAULT_FLOOR: Weight = Weight::clamped(0.3);

/// What is to be done to a reply, as far as the turn alone decides it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Plan {
    /// Nothing.
    Silence(Silence),
    /// A sentence is to be put before the reply, if the reply's own opening allows it.
    Prepend(Acknowledgment),
}

/// A sentence to be put before a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgment {
    /// The sentence.
    pub sentence: String,
    /// The section of the phrasebook that it is from: a feeling's, or `problem`.
    pub section: &'static str,
}

/// What is done to a reply that is there in full.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adjustment {
    /// Nothing.
    Silence(Silence),
    /// An acknowledgment is put before it.
    Prepend {
        /// The sentence and what separates it from the reply.
        prefix: String,
        /// The section of the phrasebook that it is from: a feeling's, or `problem`.
        section: &'static str,
    },
}

/// Why nothing is said. The names are those of the `undertone` response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Silence {
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
    /// The reply is JSON, markup or code.
    Structured,
    /// The reply has no words.
    Empty,
}

impl Silence {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BelowFloor => "below-floor",
            Self::Pleasant => "pleasant",
            Self::Repeat => "repeat",
            Self::Acknowledged => "acknowledged",
            Self::Greeting => "greeting",
            Self::Structured => "structured",
            Self::Empty => "empty",
        }
    }
}

/// The style in which to decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'a> {
    /// The sentences.
    pub(super) phrasebook: &'a Phrasebook,
    /// The voice.
    pub(super) tone: Tone,
    /// Below this weight nothing is said.
    pub(super) floor: Weight,
}

/// Decides from the turn alone. `last_said` is what was said just before in this conversation, where that is known
/// from memory; the turn's own history counts as well.
///
/// The same turn of the same conversation always gets the same sentence.
pub(super) fn plan(
    style: Style<'_>,
    turn: &Turn,
    sentiment: &Sentiment,
    weight: Weight,
    last_said: Option<Said>,
) -> Plan {
    if weight < style.floor {
        return Plan::Silence(Silence::BelowFloor);
    }
    if is_pleasant(sentiment) {
        return Plan::Silence(Silence::Pleasant);
    }
    let emotion = sentiment.emotion();
    let shown = (sentiment.emotions.get(emotion) >= SHOWN).then_some(emotion);
    let was_said = |sentence: &str| {
        last_said == Some(Said::new(sentence))
            || turn.last_reply.as_deref().is_some_and(|reply| reply.trim_start().starts_with(sentence))
    };
    let mut candidates = style.phrasebook.candidates(shown, style.tone, weight);
    if candidates.is_empty() {
        return Plan::Silence(Silence::BelowFloor);
    }
    candidates.retain(|candidate| !was_said(&candidate.variant.say));
    let Some(best) = candidates.last().copied() else { return Plan::Silence(Silence::Repeat) };
    candidates.retain(|other| other.variant.weight >= best.variant.weight && other.is_named == best.is_named);
    let choice = usize::try_from(seed(turn)).unwrap_or_default().checked_rem(candidates.len()).unwrap_or_default();
    let chosen = candidates.get(choice).unwrap_or(&best);
    let section = if chosen.is_named { emotion.as_str() } else { "problem" };
    Plan::Prepend(Acknowledgment { sentence: chosen.variant.say.clone(), section })
}

/// What goes before a reply that begins so, its separator included; or the reason why nothing does.
///
/// # Errors
///
/// [`Silence`] when the reply's own opening forbids it, or does not yet show that it does not.
pub(crate) fn fit(sentence: &str, reply: &str, opening: Opening) -> Result<String, Silence> {
    if reply.trim().is_empty() {
        return Err(Silence::Empty);
    }
    match opening {
        Opening::Plain | Opening::Block => Ok(format!("{sentence}{}", opening.separator(reply))),
        Opening::Acknowledgment | Opening::Undecided => Err(Silence::Acknowledged),
        Opening::Greeting => Err(Silence::Greeting),
        Opening::Machine => Err(Silence::Structured),
    }
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
#[path = "decision_tests.rs"]
mod tests;
