//! The first step of a decision: what is known of a turn in, what is to be said out.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use super::{
    Apologies, Intent, Kind, Shape, Silence, Toning, Weight,
    choice::{Cause, Choice},
    past::{persistent, restrain, words_before},
    voice::{Answers, Courtesy, Danger, Line, Openings, Phrasebook, SignalPatterns, Signals, Tone, ends, is_foreign},
};
use crate::{
    conversation::Memory,
    protocol::Turn,
    sentiment::{Emotion, Sentiment},
};

/// From which probability a feeling counts as shown by the user's words.
const SHOWN: f32 = 0.5;

/// From which probability the classifier is certain of a feeling, and it may be named from the phrasebook's `naming`
/// weight on; otherwise only from [`NAMED`].
const CERTAIN: f32 = 0.85;

/// From which weight a feeling may be named that is shown and not certain.
const NAMED: f32 = 0.55;

/// From which probability a turn counts as one of danger, where the classifier tells it.
pub(crate) const DANGER: f32 = 0.5;

/// Up to which weight a turn only hints at a feeling, and how sure the classifier must be of it there for a light touch:
/// of 2,000 turns typed to task bots it takes 1 in 50 for a hint, and is sure of 1 in 120.
const HINT: (f32, f32) = (0.40, 0.70);

/// The weight at which the bot's own mistake is owned, however calmly it is pointed out.
const OWNED: Weight = Weight::clamped(0.30);

/// Below which weight nothing is said, unless the operator sets it. A mild hint of a feeling weighs 1/3.
pub const DEFAULT_FLOOR: Weight = Weight::clamped(0.3);

/// What decides: a style guide, a voice, a floor. Pure, and cheap to clone.
#[derive(Clone)]
pub struct Policy {
    pub(super) phrasebook: Arc<Phrasebook>,
    pub(super) voice: Arc<Voice>,
    pub(super) tone: Tone,
    floor: Weight,
    apologies: Apologies,
    pub(super) toning: Toning,
    pub(super) person: Option<Person>,
    pub(super) thanks: bool,
    condolences: bool,
    danger: Option<Arc<str>>,
}

/// The patterns by which turns and replies are read, compiled.
#[derive(Debug)]
pub(super) struct Voice {
    danger: Danger,
    pub(super) signals: SignalPatterns,
    pub(super) openings: Openings,
    pub(super) courtesy: Courtesy,
    pub(super) answers: Answers,
}

/// The operator's way to a person.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) say: Arc<str>,
    from: Weight,
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
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Plan {
    /// Nothing, whatever the reply.
    Leave(Silence),
    /// To look how the reply begins, and then what the intent says.
    Review(Intent),
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

    /// Says sorry when the house does; [`Apologies::OwnMistake`] unless set.
    #[must_use]
    pub const fn with_apologies(mut self, apologies: Apologies) -> Self {
        self.apologies = apologies;
        self
    }

    /// What becomes of an opener of the bot's own that is out of proportion; [`Toning::Full`] unless set.
    #[must_use]
    pub const fn with_toning(mut self, toning: Toning) -> Self {
        self.toning = toning;
        self
    }

    /// Says how to reach a person right after the acknowledgment of an angry turn of at least this weight. Nothing is
    /// said of people unless this is set.
    #[must_use]
    pub fn with_person(mut self, say: &str, from: Weight) -> Self {
        self.person = Some(Person { say: say.into(), from });
        self
    }

    /// Answers thanks with a word. Off unless set.
    #[must_use]
    pub const fn with_thanks(mut self, thanks: bool) -> Self {
        self.thanks = thanks;
        self
    }

    /// Says one line of condolence where a death is stated. On unless set.
    #[must_use]
    pub const fn with_condolences(mut self, condolences: bool) -> Self {
        self.condolences = condolences;
        self
    }

    /// Puts this text before the reply to a turn that speaks of danger. Such a reply passes as it is unless this is set.
    #[must_use]
    pub fn with_danger(mut self, say: &str) -> Self {
        self.danger = Some(say.into());
        self
    }

    /// The voice it speaks in.
    #[must_use]
    pub const fn tone(&self) -> Tone {
        self.tone
    }

    /// What the words of a turn state.
    pub(crate) fn stated(&self, turn: &str) -> Signals {
        self.voice.signals.read(&ends(turn))
    }

    /// Whether openers are toned down, so that a reply is looked at even where nothing will be said.
    #[must_use]
    pub fn tones(&self) -> bool {
        self.toning != Toning::Off
    }

    /// Below which weight nothing is said.
    #[must_use]
    pub fn floor(&self) -> Weight {
        self.floor
    }

    /// Whether a turn speaks of danger to life and limb, by the patterns that come with undertone.
    #[must_use]
    pub fn is_danger(&self, turn: &str) -> bool {
        self.voice.danger.is_in(&ends(turn))
    }

    /// Decides from the turn alone. The same turn of the same conversation always gets the same sentences.
    #[must_use]
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let Facts { turn, sentiment, .. } = *facts;
        if self.is_danger(&turn.text) || is_dangerous(sentiment) {
            return match &self.danger {
                Some(say) => Plan::Review(Intent::fixed(say, Kind::Danger, facts.weight, Silence::Danger)),
                None => Plan::Leave(Silence::Danger),
            };
        }
        if words_before(turn).any(|(_, words)| self.voice.danger.is_in(words)) {
            return Plan::Leave(Silence::Danger);
        }
        let text = &*ends(&turn.text);
        if is_foreign(text) {
            return Plan::Leave(Silence::Language);
        }
        let mut signals = self.voice.signals.read(text);
        if signals.task {
            return Plan::Leave(Silence::Task);
        }
        let is_pleasant = is_pleasant(sentiment) && !signals.sarcasm;
        let memory = &*self.recollect(turn, facts.memory);
        let has_answered = memory.turns() > 0;
        signals.mistake |= signals.mistake_perhaps && has_answered;
        let weight = persistent(facts.weight, signals, memory);
        let facts = &Facts { memory, weight, ..*facts };
        let choice = match self.cause(facts, signals, is_pleasant).and_then(|cause| restrain(memory, cause)) {
            Ok(cause) => Choice::new(self, turn, memory, &cause).and_then(self.person(facts)),
            Err(silence) => Choice::silent(silence),
        };
        let is_trouble = signals.persists() || (!is_pleasant && weight >= self.floor);
        // No sympathy of the bot's own is out of proportion to grave news.
        let felt = if signals.loss || signals.grave { Weight::clamped(1.0) } else { weight };
        Plan::Review(
            Intent::new(felt, is_pleasant, choice.silence, |shape| choice.before(shape)).in_trouble(is_trouble),
        )
    }

    /// What the turn calls for, if it calls for words.
    fn cause(&self, facts: &Facts<'_>, signals: Signals, is_pleasant: bool) -> Result<Cause, Silence> {
        let Facts { sentiment, weight, .. } = *facts;
        if signals.loss && self.condolences && !facts.memory.was_caused(Kind::Loss.as_str()) {
            return Ok(Cause::of(Kind::Loss, Weight::clamped(1.0)));
        }
        if signals.mistake || signals.asked {
            let kind = if signals.asked { Kind::Asked } else { Kind::Mistake };
            return Ok(Cause::of(kind, if weight < OWNED { OWNED } else { weight }));
        }
        if is_pleasant && self.thanks && sentiment.emotion() == Emotion::Gratitude && weight >= self.floor {
            return Ok(Cause::of(Kind::Thanks, weight));
        }
        if weight < self.floor {
            return Err(Silence::BelowFloor);
        }
        if is_pleasant {
            return Err(Silence::Pleasant);
        }
        let probability = sentiment.emotions.get(sentiment.emotion());
        if weight.get() < HINT.0 && (sentiment.emotion() == Emotion::None || probability < HINT.1) {
            return Err(Silence::BelowFloor);
        }
        let mut cause = Cause::of(Kind::Problem, weight);
        cause.named = Kind::naming(sentiment.emotion()).filter(|_| probability >= SHOWN);
        cause.may_name = probability >= CERTAIN || weight.get() >= NAMED;
        // Where the words name a feeling that is sure, the feeling counts; otherwise what they say happened does.
        cause.stated = match (signals.repeat, signals.waiting) {
            (true, _) => Some(Kind::Repeat),
            (false, true) => Some(Kind::Waiting),
            (false, false) => None,
        };
        Ok(cause)
    }

    /// The way to a person, where the operator has one for so angry a turn.
    fn person(&self, facts: &Facts<'_>) -> Option<&Arc<str>> {
        let is_angry = facts.sentiment.emotion() == Emotion::Anger;
        self.person.as_ref().filter(|person| is_angry && facts.weight >= person.from).map(|person| &person.say)
    }

    /// The sentences that a turn of this kind and weight may get before a reply of this shape, one of which is chosen;
    /// `None` is a reply whose shape does not show. `matter` is what the turn is about, in a user's words ("my order"),
    /// or empty.
    #[must_use]
    pub fn variants(&self, kind: Kind, weight: Weight, shape: Option<Shape>, matter: &str) -> Vec<String> {
        let turn = Turn { text: matter.to_owned(), ..Turn::default() };
        let mut cause = Cause::of(kind, weight);
        if kind.emotion().is_some() || matches!(kind, Kind::Waiting | Kind::Repeat) {
            cause = Cause { kind: Kind::Problem, named: Some(kind), ..cause };
        }
        let memory = Memory::default();
        Choice::new(self, &turn, &memory, &cause).sentences(shape)
    }

    /// Whether the house lets a line of this kind be said.
    pub(super) fn allows(&self, kind: Kind, line: &Line) -> bool {
        !line.apologises()
            || match self.apologies {
                Apologies::Yes => true,
                Apologies::OwnMistake => matches!(kind, Kind::Mistake | Kind::Asked | Kind::Loss),
                Apologies::Never => kind == Kind::Loss,
            }
    }
}

impl Default for Policy {
    /// The built-in English phrasebook, in the collaborative tone.
    fn default() -> Self {
        static ENGLISH: LazyLock<(Arc<Phrasebook>, Arc<Voice>)> = LazyLock::new(|| {
            let voice = Voice {
                danger: Danger::english(),
                signals: SignalPatterns::english(),
                openings: Openings::english(),
                courtesy: Courtesy::english(),
                answers: Answers::english(),
            };
            (Arc::new(Phrasebook::english()), Arc::new(voice))
        });
        let (phrasebook, voice) = &*ENGLISH;
        Self {
            phrasebook: Arc::clone(phrasebook),
            voice: Arc::clone(voice),
            tone: Tone::default(),
            floor: DEFAULT_FLOOR,
            apologies: Apologies::default(),
            toning: Toning::default(),
            person: None,
            thanks: false,
            condolences: true,
            danger: None,
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("language", &self.phrasebook.language())
            .field("tone", &self.tone)
            .field("floor", &self.floor)
            .field("apologies", &self.apologies)
            .field("toning", &self.toning)
            .finish_non_exhaustive()
    }
}

/// Whether the model hears danger to life and limb.
pub(crate) fn is_dangerous(sentiment: &Sentiment) -> bool {
    sentiment.danger.is_some_and(|probability| probability >= DANGER)
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

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
#[path = "policy_tests.rs"]
mod tests;
