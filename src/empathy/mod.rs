//! What, if anything, should be said?
//!
//! [`Empathy`] joins a classifier, a [`Phrasebook`] and what is remembered of conversations. The decision itself is a
//! pure function in two steps: the first decides from the turn, before the reply is there; the second looks at how the
//! reply begins. Silence is the default and the most common outcome.

mod decision;
mod opener;
mod phrasebook;
mod weight;

use std::{fmt, sync::Arc};

pub(crate) use self::{decision::fit, opener::Opening};
pub use self::{
    decision::{Acknowledgment, Adjustment, DEFAULT_FLOOR, Plan, Silence},
    phrasebook::{Phrasebook, PhrasebookError, Tone, UnknownTone},
    weight::{Weight, WeightError},
};
use self::{
    decision::{Style, plan},
    opener::Openers,
};
use crate::{
    conversation::{ConversationKey, Memory, Said},
    protocol::Turn,
    sentiment::{Classify, Pending, Sentiment},
};

/// Everything that decides what is said. Cheap to clone; clones share the classifier and the memory.
#[derive(Clone)]
pub struct Empathy {
    classifier: Arc<dyn Classify>,
    phrasebook: Arc<Phrasebook>,
    openers: Arc<Openers>,
    memory: Memory,
    tone: Tone,
    floor: Weight,
}

impl Empathy {
    /// Decides by what `classifier` says of a turn, with the built-in English phrasebook, in the collaborative tone.
    #[must_use]
    pub fn new(classifier: impl Classify) -> Self {
        Self {
            classifier: Arc::new(classifier),
            phrasebook: Arc::new(Phrasebook::english()),
            openers: Arc::new(Openers::english()),
            memory: Memory::default(),
            tone: Tone::default(),
            floor: DEFAULT_FLOOR,
        }
    }

    /// Goes by another classifier.
    #[must_use]
    pub fn with_classifier(mut self, classifier: impl Classify) -> Self {
        self.classifier = Arc::new(classifier);
        self
    }

    /// Speaks in another voice.
    #[must_use]
    pub const fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Says something only to turns of at least this weight; 0.3 unless set.
    #[must_use]
    pub const fn with_floor(mut self, floor: Weight) -> Self {
        self.floor = floor;
        self
    }

    /// Speaks by another style guide.
    #[must_use]
    pub fn with_phrasebook(mut self, phrasebook: Phrasebook) -> Self {
        self.phrasebook = Arc::new(phrasebook);
        self
    }

    /// Remembers conversations with other bounds.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Gives a turn to the classifier and returns at once.
    #[must_use]
    pub(crate) fn listen(&self, turn: &Turn) -> Pending {
        self.classifier.submit(&turn.text)
    }

    /// Decides from the turn alone.
    #[must_use]
    pub fn plan(&self, turn: &Turn, sentiment: &Sentiment, weight: Weight) -> Plan {
        let style = Style { phrasebook: &self.phrasebook, tone: self.tone, floor: self.floor };
        plan(style, turn, sentiment, weight, key(turn).and_then(|conversation| self.memory.last(conversation)))
    }

    /// Decides from the turn and the whole reply to it.
    #[must_use]
    pub fn adjust(&self, turn: &Turn, sentiment: &Sentiment, weight: Weight, reply: &str) -> Adjustment {
        let acknowledgment = match self.plan(turn, sentiment, weight) {
            Plan::Silence(silence) => return Adjustment::Silence(silence),
            Plan::Prepend(acknowledgment) => acknowledgment,
        };
        match fit(&acknowledgment.sentence, reply, self.read_opening(reply, true)) {
            Ok(prefix) => Adjustment::Prepend { prefix, section: acknowledgment.section },
            Err(silence) => Adjustment::Silence(silence),
        }
    }

    /// How a reply begins. `is_complete` says that no more of it will come.
    #[must_use]
    pub(crate) fn read_opening(&self, reply: &str, is_complete: bool) -> Opening {
        self.openers.read(reply, is_complete)
    }

    /// Remembers that `sentence` was said in reply to `turn`.
    pub(crate) fn remember(&self, turn: &Turn, sentence: &str) {
        if let Some(conversation) = key(turn) {
            self.memory.remember(conversation, Said::new(sentence));
        }
    }
}

fn key(turn: &Turn) -> Option<ConversationKey> {
    turn.conversation.as_deref().map(ConversationKey::new)
}

impl fmt::Debug for Empathy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Empathy")
            .field("language", &self.phrasebook.language())
            .field("tone", &self.tone)
            .field("floor", &self.floor)
            .finish_non_exhaustive()
    }
}
