//! What the conversation so far makes of a turn: what was said in it, how long its trouble has gone on, and when it is
//! enough.

use std::{borrow::Cow, ops::Range};

use super::{
    Kind, Policy, Silence, Weight,
    choice::{Cause, RUNG},
    review::is_invisible,
    voice::{Own, Signals},
};
use crate::{
    conversation::{Memory, Past, Said, TextHash},
    protocol::{Speaker, Turn, Utterance},
};

/// How many times in one conversation something is said: after that it is nothing but a habit.
const ENOUGH: usize = 4;

/// For how many turns after something was said nothing is said for the same cause, and for how many for another.
const REST: (usize, usize) = (2, 1);

/// By how much a turn must weigh more than the one that something was said to, for more to be said at once.
const RISE: f32 = 0.15;

/// What each earlier turn in trouble adds to the weight of one that says that the trouble goes on, for how many of them,
/// and up to which weight: the third attempt weighs more than the first, and nobody shouts.
const PERSISTENCE: (f32, usize, f32) = (0.08, 3, 0.85);

/// How many bytes of each of the user's messages before a turn are read, and of all of them, the newest first: nothing may
/// grow with a history.
const READ_BEFORE: (usize, usize) = (1 << 10, 8 << 10);

impl Policy {
    /// Which bytes of a bot's words in a history are undertone's own, with the white space after them: at the beginning,
    /// or after a greeting. None are where nothing else is there.
    #[must_use]
    pub fn own_words(&self, text: &str) -> Range<usize> {
        let Some((start, own)) = self.own(text) else { return 0..0 };
        let mut rest = text.get(start + own.length..).unwrap_or_default().trim_start();
        if let Some(person) = &self.person {
            rest = rest.strip_prefix(&*person.say).unwrap_or(rest).trim_start();
        }
        if rest.is_empty() { 0..0 } else { start..text.len() - rest.len() }
    }

    /// The line of the phrasebook that a bot's words in a history begin with, perhaps after a greeting, and where.
    fn own(&self, text: &str) -> Option<(usize, Own)> {
        let blank = text.len() - text.trim_start_matches(is_invisible).len();
        let visible = text.get(blank..)?;
        if let Some(own) = self.phrasebook.own(visible) {
            return Some((blank, own));
        }
        let greeting = self.voice.courtesy.greeting_end(visible, true)?;
        Some((blank + greeting, self.phrasebook.own(visible.get(greeting..)?)?))
    }

    /// What is remembered of the conversation: by its history where the request carries one, else by the store.
    pub(super) fn recollect<'a>(&self, turn: &Turn, memory: &'a Memory) -> Cow<'a, Memory> {
        if turn.history.is_empty() {
            return Cow::Borrowed(memory);
        }
        let mut told = Memory::default();
        let mut past: Option<Past> = None;
        let persisting = |(number, words)| self.voice.signals.read(words).persists().then_some(number);
        let persisting: Vec<usize> = words_before(turn).filter_map(persisting).collect();
        for (number, utterance) in turn.history.iter().enumerate() {
            match utterance.speaker {
                Speaker::User => {
                    if let Some(past) = past.take() {
                        told.add(past);
                    }
                    let is_same = utterance.text.trim().eq_ignore_ascii_case(turn.text.trim());
                    past = Some(Past::new(None, is_same || persisting.contains(&number)));
                }
                Speaker::Bot => {
                    let Some((start, own)) = self.own(&utterance.text) else { continue };
                    // Bots say that they are welcome by themselves.
                    if own.kind == Kind::Thanks && !self.thanks {
                        continue;
                    }
                    let said = utterance.text.get(start..start + own.length).unwrap_or_default();
                    // Of two messages in a row both are remembered.
                    if let Some(told_before) = past.take_if(|past| past.said.is_some()) {
                        told.add(told_before);
                    }
                    let is_trouble = past.take().is_none_or(|past| past.is_trouble);
                    // The turn weighed what the sentence does, or up to a rung more.
                    let weight = own.weight.get() + RUNG;
                    past = Some(Past::new(Some(Said::new(said, own.kind.as_str(), weight)), is_trouble));
                }
            }
        }
        if let Some(past) = past {
            told.add(past);
        }
        Cow::Owned(told)
    }
}

/// What the user said before this turn, as far as it is read, the newest first; with its place in the history.
pub(super) fn words_before(turn: &Turn) -> impl Iterator<Item = (usize, &str)> {
    let (most, mut left) = READ_BEFORE;
    let of_user = turn.history.iter().enumerate().rev().filter(|(_, utterance)| utterance.speaker == Speaker::User);
    of_user.map_while(move |(number, Utterance { text, .. })| {
        let words = text.get(..text.floor_char_boundary(most))?;
        left = left.checked_sub(words.len())?;
        Some((number, words))
    })
}

/// The weight of a turn that says that its trouble goes on, after others that told of trouble.
pub(super) fn persistent(weight: Weight, signals: Signals, memory: &Memory) -> Weight {
    let (step, most, limit) = PERSISTENCE;
    if !signals.persists() || weight.get() >= limit {
        return weight;
    }
    let steps = u8::try_from(memory.troubles().min(most)).unwrap_or(u8::MAX);
    Weight::clamped((weight.get() + step * f32::from(steps)).min(limit))
}

/// Nothing becomes a habit: a rest after what was said, and an end to it.
pub(super) fn restrain(memory: &Memory, cause: Cause) -> Result<Cause, Silence> {
    let Some((last, turns_since)) = memory.last() else { return Ok(cause) };
    if memory.count() >= ENOUGH && cause.kind != Kind::Loss {
        return Err(Silence::Enough);
    }
    let is_same = cause.kinds().any(|kind| TextHash::new(kind.as_str()) == last.cause);
    let rests = turns_since < if is_same { REST.0 } else { REST.1 };
    let rises = cause.weight.get() - last.weight >= RISE;
    let is_other_matter = !is_same && matches!(cause.kind, Kind::Mistake | Kind::Asked | Kind::Loss);
    if rests && !rises && !is_other_matter { Err(Silence::CoolDown) } else { Ok(cause) }
}
