//! What is remembered between the turns of a conversation.
//!
//! Protocols whose clients send the history back need none of it. For the others the latest thing said is kept by
//! conversation: hashes, never text, bounded in number and in time.

use std::time::Duration;

use moka::sync::Cache;
use xxhash_rust::xxh3::xxh3_64;

/// Conversations remembered at most.
pub const DEFAULT_CAPACITY: u64 = 100_000;

/// How long a conversation is remembered after something was said in it.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// A conversation's name, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConversationKey(u64);

impl ConversationKey {
    /// The key of the conversation that a protocol calls `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }
}

/// A sentence, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Said(u64);

impl Said {
    /// The hash of a sentence.
    #[must_use]
    pub fn new(sentence: &str) -> Self {
        Self(xxh3_64(sentence.as_bytes()))
    }
}

/// Remembers, in this process, what was last said in each conversation. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Memory(Cache<ConversationKey, Said>);

impl Memory {
    /// Remembers up to `capacity` conversations, each for `time_to_live` after the latest word.
    #[must_use]
    pub fn new(capacity: u64, time_to_live: Duration) -> Self {
        Self(Cache::builder().max_capacity(capacity).time_to_live(time_to_live).build())
    }

    /// What was last said in a conversation.
    #[must_use]
    pub fn last(&self, conversation: ConversationKey) -> Option<Said> {
        self.0.get(&conversation)
    }

    /// Remembers what has just been said.
    pub fn remember(&self, conversation: ConversationKey, said: Said) {
        self.0.insert(conversation, said);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY, DEFAULT_TIME_TO_LIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sentence_is_remembered_by_conversation() {
        let memory = Memory::default();
        let (ours, other) = (ConversationKey::new("a"), ConversationKey::new("b"));
        memory.remember(ours, Said::new("One."));
        memory.remember(ours, Said::new("Two."));
        assert_eq!(memory.last(ours), Some(Said::new("Two.")));
        assert_eq!(memory.last(other), None);
    }

    #[test]
    fn the_number_of_conversations_is_bounded() {
        let memory = Memory::new(10, DEFAULT_TIME_TO_LIVE);
        for name in 0..1_000 {
            memory.remember(ConversationKey::new(&name.to_string()), Said::new("One."));
        }
        memory.0.run_pending_tasks();
        assert!(memory.0.entry_count() <= 10);
    }
}
