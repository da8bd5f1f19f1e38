//! What was said before?
//!
//! Protocols whose clients send the history back carry it in the request. For the others a [`Store`] keeps by
//! conversation what undertone itself has said: hashes, weights and counts, never text. [`LocalStore`] keeps it in
//! this process.

mod local;
mod pace;

use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::pace::{PaceEvent, Paces};
pub use self::{
    local::{DEFAULT_CAPACITY, DEFAULT_TIME_TO_LIVE, LocalStore},
    pace::Pace,
};

/// What a store remembers of a conversation, to come.
pub type Recall = crate::pending::Pending<Memory>;

/// Keeps what was said, by conversation. Shared by all exchanges, so no call may block.
pub trait Store: Send + Sync + 'static {
    /// Looks up a conversation and returns at once; the answer comes while the bot works. One that comes too late, or
    /// not at all, counts as an empty memory.
    fn recall(&self, conversation: ConversationKey) -> Recall;

    /// Remembers an exchange, and returns at once. What cannot be remembered is lost.
    fn record(&self, conversation: ConversationKey, past: Past);
}

/// A conversation's name, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConversationKey(u64);

impl ConversationKey {
    /// The key of the conversation that a protocol calls `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }

    /// The hash, for stores that keep it elsewhere.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A text, hashed: a sentence, or what it was said for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextHash(u64);

impl TextHash {
    /// The hash of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

/// One thing that undertone said.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Said {
    /// The sentence.
    pub sentence: TextHash,
    /// What it was said for.
    pub cause: TextHash,
    /// What the turn weighed that it was said to, 0 to 1.
    pub weight: f32,
}

impl Said {
    /// This sentence, said for this cause to a turn of this weight.
    #[must_use]
    pub fn new(sentence: &str, cause: &str, weight: f32) -> Self {
        Self { sentence: TextHash::new(sentence), cause: TextHash::new(cause), weight }
    }
}

/// One exchange, as far as it is remembered.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Past {
    /// What was said in it, if anything was.
    pub said: Option<Said>,
    /// Whether the user was in trouble.
    pub is_trouble: bool,
    /// The rules that spoke, by the hashes of their names.
    pub rules: Vec<TextHash>,
    /// What the turn asked, if it asked something and rules compare turns: a hash of the words that say so.
    pub asked: Option<TextHash>,
}

impl Past {
    /// An exchange in which this was said, if anything, to a user in trouble or not.
    #[must_use]
    pub const fn new(said: Option<Said>, is_trouble: bool) -> Self {
        Self { said, is_trouble, rules: Vec::new(), asked: None }
    }
}

/// How many of the latest sentences, and of the rules that spoke, a [`Memory`] keeps.
const KEPT: usize = 32;

/// Of how many of the latest turns a [`Memory`] keeps what they asked.
const ASKED: usize = 5;

/// What is remembered of one conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    turns: usize,
    count: usize,
    troubles: usize,
    troubles_in_a_row: usize,
    /// The latest things said, each with the number of its turn.
    latest: Vec<(usize, Said)>,
    /// The rules that spoke, each with the number of the latest turn it did.
    rules: Vec<(usize, TextHash)>,
    /// What the latest turns asked, the oldest first.
    asked: Vec<TextHash>,
}

impl Memory {
    /// How many turns there were.
    #[must_use]
    pub const fn turns(&self) -> usize {
        self.turns
    }

    /// How many things have been said in all.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// In how many turns the user was in trouble.
    #[must_use]
    pub const fn troubles(&self) -> usize {
        self.troubles
    }

    /// In how many of the latest turns, without one between them, the user was in trouble.
    #[must_use]
    pub const fn troubles_in_a_row(&self) -> usize {
        self.troubles_in_a_row
    }

    /// How many turns have gone by since a rule spoke, 0 for the turn before this one; nothing if it has not.
    #[must_use]
    pub fn turns_since_rule(&self, name: &str) -> Option<usize> {
        let hash = TextHash::new(name);
        let (turn, _) = self.rules.iter().find(|(_, rule)| *rule == hash)?;
        Some(self.turns.saturating_sub(turn + 1))
    }

    /// Whether one of the latest turns asked this.
    #[must_use]
    pub fn was_asked(&self, asked: TextHash) -> bool {
        self.asked.contains(&asked)
    }

    /// The last thing said, and how many turns have gone by since, 0 for the turn before this one.
    #[must_use]
    pub fn last(&self) -> Option<(Said, usize)> {
        self.latest.last().map(|(turn, said)| (*said, self.turns.saturating_sub(turn + 1)))
    }

    /// The latest things said, the newest last; 32 at most.
    pub fn latest(&self) -> impl Iterator<Item = &Said> {
        self.latest.iter().map(|(_, said)| said)
    }

    /// Whether this sentence has been said.
    #[must_use]
    pub fn was_said(&self, sentence: &str) -> bool {
        let mut latest = self.latest().peekable();
        // Most conversations are new.
        latest.peek().is_some() && {
            let hash = TextHash::new(sentence);
            latest.any(|said| said.sentence == hash)
        }
    }

    /// Whether anything has been said for this cause.
    #[must_use]
    pub fn was_caused(&self, cause: &str) -> bool {
        let hash = TextHash::new(cause);
        self.latest().any(|said| said.cause == hash)
    }

    /// Adds the exchange that has just been.
    pub fn add(&mut self, past: Past) {
        if let Some(said) = past.said {
            self.count += 1;
            if self.latest.len() == KEPT {
                self.latest.remove(0);
            }
            self.latest.push((self.turns, said));
        }
        for rule in past.rules {
            self.rules.retain(|(_, other)| *other != rule);
            if self.rules.len() == KEPT {
                self.rules.remove(0);
            }
            self.rules.push((self.turns, rule));
        }
        if let Some(asked) = past.asked {
            if self.asked.len() == ASKED {
                self.asked.remove(0);
            }
            self.asked.push(asked);
        }
        self.troubles += usize::from(past.is_trouble);
        self.troubles_in_a_row = if past.is_trouble { self.troubles_in_a_row + 1 } else { 0 };
        self.turns += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_counts_everything_and_keeps_the_latest() {
        let mut memory = Memory::default();
        for turn in 0..100 {
            memory.add(Past::new((turn % 2 == 0).then(|| Said::new(&turn.to_string(), "a", 0.5)), turn < 3));
        }
        assert_eq!((memory.count(), memory.troubles(), memory.latest().count()), (50, 3, KEPT));
        assert!(memory.was_said("98") && !memory.was_said("0") && memory.was_caused("a") && !memory.was_caused("b"));
        let (last, since) = memory.last().unwrap();
        assert_eq!((last, since), (Said::new("98", "a", 0.5), 1));
    }
}
