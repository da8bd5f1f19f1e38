//! The first step of a decision: what is known of a turn in, what is to be said out.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    Apologies, Intent, Kind, Saying, Shape, Toning, Weight,
    voice::{Courtesy, Danger, Line, Openings, Phrasebook, SignalPatterns, Signals, Tone, is_foreign},
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

/// By how much a sentence that names no feeling must be stronger than the best one that does, to be said in its place:
/// one rung of the phrasebook, and what rounding may take from it.
const RUNG: f32 = 0.16;

/// From which probability a turn counts as one of danger, where the classifier tells it.
const DANGER: f32 = 0.5;

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
    phrasebook: Arc<Phrasebook>,
    pub(super) voice: Arc<Voice>,
    tone: Tone,
    floor: Weight,
    apologies: Apologies,
    pub(super) toning: Toning,
    person: Option<Person>,
    thanks: bool,
    condolences: bool,
    danger: Option<Arc<str>>,
}

/// The patterns by which turns and replies are read, compiled.
#[derive(Debug)]
pub(super) struct Voice {
    danger: Danger,
    signals: SignalPatterns,
    pub(super) openings: Openings,
    pub(super) courtesy: Courtesy,
}

/// The operator's way to a person.
#[derive(Clone)]
struct Person {
    say: Arc<str>,
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
    /// The phrasebook has no line that fits this turn before this reply.
    NoLine,
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
            Self::NoLine => "no-line",
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

    /// Whether a turn speaks of danger to life and limb, by the patterns that come with undertone.
    #[must_use]
    pub fn is_danger(&self, turn: &str) -> bool {
        self.voice.danger.is_in(turn)
    }

    /// Decides from the turn alone. The same turn of the same conversation always gets the same sentences.
    #[must_use]
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let Facts { turn, sentiment, weight, .. } = *facts;
        if self.is_danger(&turn.text) || sentiment.danger.is_some_and(|probability| probability >= DANGER) {
            return match &self.danger {
                Some(say) => Plan::Review(Intent::fixed(say, Kind::Danger, weight, Silence::Danger)),
                None => Plan::Leave(Silence::Danger),
            };
        }
        if is_foreign(&turn.text) {
            return Plan::Leave(Silence::Language);
        }
        let signals = self.voice.signals.read(&turn.text);
        let is_pleasant = is_pleasant(sentiment) && !signals.sarcasm;
        let choice = match self.cause(facts, signals, is_pleasant) {
            Ok(cause) => Choice::new(self, facts, &cause),
            Err(silence) => Choice::silent(silence),
        };
        match (self.toning, choice.silence()) {
            (Toning::Off, Some(silence)) => Plan::Leave(silence),
            _ => Plan::Review(Intent::new(weight, is_pleasant, choice.silence, |shape| choice.before(shape))),
        }
    }

    /// What the turn calls for, if it calls for words.
    fn cause(&self, facts: &Facts<'_>, signals: Signals, is_pleasant: bool) -> Result<Cause, Silence> {
        let Facts { sentiment, weight, .. } = *facts;
        if signals.loss && self.condolences {
            return Ok(Cause::of(Kind::Loss, Weight::clamped(1.0)));
        }
        if signals.mistake && !is_pleasant {
            return Ok(Cause::of(Kind::Mistake, if weight < OWNED { OWNED } else { weight }));
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
        cause.named = Kind::naming(sentiment.emotion())
            .filter(|_| probability >= SHOWN && (probability >= CERTAIN || weight.get() >= NAMED));
        // Where the words name a feeling that is sure, the feeling counts; otherwise what they say happened does.
        cause.stated = match (signals.repeat, signals.waiting) {
            (true, _) => Some(Kind::Repeat),
            (false, true) => Some(Kind::Waiting),
            (false, false) => None,
        };
        Ok(cause)
    }

    /// Whether the house lets a line of this kind be said.
    fn allows(&self, kind: Kind, line: &Line) -> bool {
        !line.apologises()
            || match self.apologies {
                Apologies::Yes => true,
                Apologies::OwnMistake => matches!(kind, Kind::Mistake | Kind::Loss),
                Apologies::Never => kind == Kind::Loss,
            }
    }
}

/// What kinds of words a turn calls for.
#[derive(Debug, Clone, Copy)]
struct Cause {
    /// What fits in any case.
    kind: Kind,
    /// The feeling that the words show.
    named: Option<Kind>,
    /// What the words say happened.
    stated: Option<Kind>,
    weight: Weight,
}

impl Cause {
    const fn of(kind: Kind, weight: Weight) -> Self {
        Self { kind, named: None, stated: None, weight }
    }
}

/// The lines that fit a turn, from which one is chosen for each shape of reply.
struct Choice<'a> {
    silence: Silence,
    lines: Vec<Candidate<'a>>,
    seed: u64,
    then: Option<Arc<str>>,
}

/// A line that fits a turn.
struct Candidate<'a> {
    line: &'a Line,
    kind: Kind,
    /// Whether it takes up what is particular to the turn.
    is_particular: bool,
    sentence: String,
}

impl<'a> Choice<'a> {
    fn silent(silence: Silence) -> Self {
        Self { silence, lines: Vec::new(), seed: 0, then: None }
    }

    fn new(policy: &'a Policy, facts: &Facts<'_>, cause: &Cause) -> Self {
        let Facts { turn, memory, weight, .. } = *facts;
        let topic = policy.phrasebook.topics().find(&turn.text);
        let was_said = |sentence: &str| {
            memory.was_just_said(sentence)
                || turn.last_reply.as_deref().is_some_and(|reply| reply.trim_start().starts_with(sentence))
        };
        let mut lines = Vec::new();
        let mut repeats = false;
        for kind in [Some(cause.kind), cause.stated, cause.named].into_iter().flatten() {
            for line in policy.phrasebook.lines(kind, policy.tone) {
                if line.weight > cause.weight || !policy.allows(kind, line) {
                    continue;
                }
                let Some(sentence) = line.sentence(topic.as_ref()) else { continue };
                if was_said(&sentence) {
                    repeats = true;
                    continue;
                }
                lines.push(Candidate { line, kind, is_particular: kind != Kind::Problem, sentence });
            }
        }
        let is_angry = facts.sentiment.emotion() == Emotion::Anger;
        let person = policy.person.as_ref().filter(|person| is_angry && weight >= person.from);
        Self {
            silence: if repeats { Silence::Repeat } else { Silence::BelowFloor },
            lines,
            seed: seed(turn),
            then: person.map(|person| Arc::clone(&person.say)),
        }
    }

    /// Why nothing can be said, if nothing can.
    fn silence(&self) -> Option<Silence> {
        self.lines.is_empty().then_some(self.silence)
    }

    /// The sentence before a reply of this shape: the strongest that fits, and of several as strong one that this turn
    /// always gets. One that takes up what is particular to the turn goes before one of the next rung that does not.
    fn before(&self, shape: Option<Shape>) -> Option<Arc<Saying>> {
        let fitting = || self.lines.iter().filter(|candidate| candidate.line.fits(shape));
        let strongest = |is_particular| {
            let weights = fitting().filter(|candidate| candidate.is_particular == is_particular);
            weights.map(|candidate| candidate.line.weight.get()).max_by(f32::total_cmp)
        };
        let (is_particular, best) = match (strongest(true), strongest(false)) {
            (Some(particular), Some(general)) if general - particular < RUNG => (true, particular),
            (_, Some(general)) => (false, general),
            (Some(particular), None) => (true, particular),
            (None, None) => return None,
        };
        let equals: Vec<_> =
            fitting().filter(|found| found.is_particular == is_particular && found.line.weight.get() >= best).collect();
        let choice = usize::try_from(self.seed).unwrap_or_default().checked_rem(equals.len())?;
        let chosen = equals.get(choice)?;
        let mut saying = Saying::new(chosen.sentence.clone(), chosen.kind);
        saying.then.clone_from(&self.then);
        Some(Arc::new(saying))
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
