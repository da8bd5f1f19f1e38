//! What was said before?
//!
//! Protocols whose clients send the history back carry it in the request. For the others a [`Store`] keeps by
//! conversation what undertone itself has said: hashes, ordinals and counts, never text. [`LocalStore`] keeps it in
//! this process.

mod local;

use xxhash_rust::xxh3::xxh3_64;

pub use self::local::{DEFAULT_CAPACITY, DEFAULT_TIME_TO_LIVE, LocalStore};

/// What a store remembers of a conversation, to come.
pub type Recall = crate::pending::Pending<Memory>;

/// Keeps what was said, by conversation. Shared by all exchanges, so no call may block.
pub trait Store: Send + Sync + 'static {
    /// Looks up a conversation and returns at once; the answer comes while the bot works. One that comes too late, or
    /// not at all, counts as an empty memory.
    fn recall(&self, conversation: ConversationKey) -> Recall;

    /// Remembers something that has been said, and returns at once. What cannot be remembered is lost.
    fn record(&self, conversation: ConversationKey, said: Said);
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

/// A sentence, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SentenceHash(u64);

impl SentenceHash {
    /// The hash of a sentence.
    #[must_use]
    pub fn new(sentence: &str) -> Self {
        Self(xxh3_64(sentence.as_bytes()))
    }
}

/// One thing that undertone said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Said {
    /// The sentence.
    pub sentence: SentenceHash,
    /// How many turns of the user came before the one it was said to, as far as the request told.
    pub ordinal: usize,
}

impl Said {
    /// This sentence, said to the turn with this ordinal.
    #[must_use]
    pub fn new(sentence: &str, ordinal: usize) -> Self {
        Self { sentence: SentenceHash::new(sentence), ordinal }
    }
}

/// How many of the latest sentences a [`Memory`] keeps.
const KEPT: usize = 8;

/// What is remembered of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    count: usize,
    latest: Vec<Said>,
}

impl Memory {
    /// How many things have been said in all.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The latest things said, the newest last; 8 at most.
    #[must_use]
    pub fn latest(&self) -> &[Said] {
        &self.latest
    }

    /// Whether this sentence was the last thing said.
    #[must_use]
    pub fn was_just_said(&self, sentence: &str) -> bool {
        self.latest.last().is_some_and(|said| said.sentence == SentenceHash::new(sentence))
    }

    /// Adds what has just been said.
    pub fn add(&mut self, said: Said) {
        self.count += 1;
        if self.latest.len() == KEPT {
            self.latest.remove(0);
        }
        self.latest.push(said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_counts_everything_and_keeps_the_latest() {
        let mut memory = Memory::default();
        for ordinal in 0..20 {
            memory.add(Said::new(&ordinal.to_string(), ordinal));
        }
        assert_eq!(memory.count(), 20);
        assert_eq!(memory.latest().iter().map(|said| said.ordinal).collect::<Vec<_>>(), (12..20).collect::<Vec<_>>());
        assert!(memory.was_just_said("19") && !memory.was_just_said("18"));
    }
}
