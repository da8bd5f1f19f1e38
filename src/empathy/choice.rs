//! Which of the phrasebook's lines is said: those that fit the turn, and of them the one that fits the reply.

use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    Kind, Policy, Saying, Shape, Silence, Weight,
    voice::{Line, Topic, ends},
};
use crate::{conversation::Memory, protocol::Turn};

/// By how much a sentence that names no feeling must be stronger than the best one that does, to be said in its place:
/// one rung of the phrasebook, and what rounding may take from it.
pub(super) const RUNG: f32 = 0.16;

/// What kinds of words a turn calls for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    /// What fits in any case.
    pub(super) kind: Kind,
    /// The feeling that the words show.
    pub(super) named: Option<Kind>,
    /// Whether it is sure enough to be named.
    pub(super) may_name: bool,
    /// What the words say happened.
    pub(super) stated: Option<Kind>,
    pub(super) weight: Weight,
}

impl Cause {
    pub(super) const fn of(kind: Kind, weight: Weight) -> Self {
        Self { kind, named: None, may_name: true, stated: None, weight }
    }

    /// Every kind that fits it.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        [Some(self.kind), self.stated, self.named].into_iter().flatten()
    }
}

/// The lines that fit a turn, from which one is chosen for each shape of reply.
pub(super) struct Choice<'a> {
    /// Why nothing is said where no line fits.
    pub(super) silence: Silence,
    lines: Vec<Candidate<'a>>,
    /// The matter, for the slots.
    topic: Option<Topic<'a>>,
    seed: u64,
    /// What is said right after the line.
    then: Option<Arc<str>>,
}

/// A line that fits a turn.
struct Candidate<'a> {
    line: &'a Line,
    kind: Kind,
    /// Whether it takes up what is particular to the turn.
    is_particular: bool,
}

impl<'a> Choice<'a> {
    pub(super) const fn silent(silence: Silence) -> Self {
        Self { silence, lines: Vec::new(), topic: None, seed: 0, then: None }
    }

    /// The lines that fit the cause of a turn, without those that were said in the conversation.
    pub(super) fn new(policy: &'a Policy, turn: &Turn, memory: &Memory, cause: &Cause) -> Self {
        let topic = policy.phrasebook.topics().find(&ends(&turn.text));
        let mut lines = Vec::new();
        let mut repeats = false;
        for kind in cause.kinds() {
            for line in policy.phrasebook.lines(kind, policy.tone) {
                let is_named = kind.emotion().is_some() && line.weight >= policy.phrasebook.naming();
                if line.weight > cause.weight || (is_named && !cause.may_name) || !policy.allows(kind, line) {
                    continue;
                }
                if !line.takes(topic.as_ref()) {
                    continue;
                }
                // Only in the conversations where something was said is a sentence put together to compare it.
                if memory.count() > 0 && line.sentence(topic.as_ref()).is_some_and(|said| memory.was_said(&said)) {
                    repeats = true;
                    continue;
                }
                lines.push(Candidate { line, kind, is_particular: kind != Kind::Problem });
            }
        }
        let silence = if repeats { Silence::Repeat } else { Silence::BelowFloor };
        Self { silence, lines, topic, seed: seed(turn), then: None }
    }

    /// The same, with what is said right after the line.
    #[must_use]
    pub(super) fn and_then(mut self, then: Option<&Arc<str>>) -> Self {
        self.then = then.map(Arc::clone);
        if self.then.is_some() {
            // What a colon announces is the reply.
            self.lines.retain(|candidate| !candidate.line.words().ends_with(':'));
        }
        self
    }

    /// The sentence before a reply of this shape, or of any where it does not show: of the variants the one that this
    /// turn always gets.
    pub(super) fn before(&self, shape: Option<Shape>) -> Option<Arc<Saying>> {
        let variants = self.variants(shape);
        let choice = usize::try_from(self.seed).unwrap_or_default().checked_rem(variants.len())?;
        let chosen = variants.get(choice)?;
        let sentence = chosen.line.sentence(self.topic.as_ref())?;
        let mut saying = Saying::new(sentence.into_owned(), chosen.kind);
        saying.then.clone_from(&self.then);
        Some(Arc::new(saying))
    }

    /// The sentences that may stand before a reply of this shape, for one to be chosen.
    pub(super) fn sentences(&self, shape: Option<Shape>) -> Vec<String> {
        let variants = self.variants(shape).into_iter();
        variants.filter_map(|found| Some(found.line.sentence(self.topic.as_ref())?.into_owned())).collect()
    }

    /// The strongest lines that fit. One that takes up what is particular to the turn goes before one of the next rung
    /// that does not.
    fn variants(&self, shape: Option<Shape>) -> Vec<&Candidate<'a>> {
        let is_refusal = shape == Some(Shape::No);
        // What fits any reply does not grate before a refusal, and what was written for one is better.
        let is_left_out = is_refusal && self.lines.iter().any(|candidate| candidate.line.is_for(Shape::No));
        let mut fitting: Vec<_> = self.lines.iter().filter(|candidate| candidate.line.fits(shape)).collect();
        fitting.retain(|candidate| !(is_left_out && candidate.line.fits_any()));
        let strongest = |is_particular| {
            let weights = fitting.iter().filter(|candidate| candidate.is_particular == is_particular);
            weights.map(|candidate| candidate.line.weight.get()).max_by(f32::total_cmp)
        };
        let (is_particular, best) = match (strongest(true), strongest(false)) {
            (Some(particular), Some(general)) if general - particular < RUNG => (true, particular),
            (_, Some(general)) => (false, general),
            (Some(particular), None) => (true, particular),
            (None, None) => return Vec::new(),
        };
        // There is not much to say before a refusal, and a rung makes little difference to it.
        let least = if is_refusal { best - RUNG } else { best };
        fitting.retain(|found| found.is_particular == is_particular && found.line.weight.get() >= least);
        fitting
    }
}

/// A number that is the same whenever this turn of this conversation comes again, on any machine.
fn seed(turn: &Turn) -> u64 {
    let conversation = turn.conversation.as_deref().unwrap_or_default();
    let ordinal = u64::try_from(turn.ordinal).unwrap_or(u64::MAX);
    xxh3_64_with_seed(turn.text.as_bytes(), xxh3_64(conversation.as_bytes()).wrapping_add(ordinal))
}
