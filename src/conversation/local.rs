//! The store that ships: in this process, bounded in number and in time.

use std::time::Duration;

use moka::{ops::compute::Op, sync::Cache};

use super::{ConversationKey, Memory, Past, Recall, Store};

/// Conversations remembered at most.
pub const DEFAULT_CAPACITY: u64 = 100_000;

/// How long a conversation is remembered after something was said in it.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// Remembers conversations in this process. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct LocalStore(Cache<ConversationKey, Memory>);

impl LocalStore {
    /// Remembers up to `capacity` conversations, each for `time_to_live` after the latest word.
    #[must_use]
    pub fn new(capacity: u64, time_to_live: Duration) -> Self {
        Self(Cache::builder().max_capacity(capacity).time_to_live(time_to_live).build())
    }
}

impl Default for LocalStore {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY, DEFAULT_TIME_TO_LIVE)
    }
}

impl Store for LocalStore {
    fn recall(&self, conversation: ConversationKey) -> Recall {
        Recall::ready(self.0.get(&conversation).unwrap_or_default())
    }

    fn record(&self, conversation: ConversationKey, past: Past) {
        self.0.entry(conversation).and_compute_with(|entry| {
            let mut memory = entry.map(moka::Entry::into_value).unwrap_or_default();
            memory.add(past);
            Op::Put(memory)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Said;

    #[tokio::test]
    async fn what_is_said_is_remembered_by_conversation() {
        let store = LocalStore::default();
        let (ours, other) = (ConversationKey::new("a"), ConversationKey::new("b"));
        let one = Said::new("One.", "anger", 0.5);
        store.record(ours, Past::new(Some(one), true));
        store.record(ours, Past::default());
        let memory = store.recall(ours).await.unwrap();
        assert_eq!((memory.last(), memory.troubles()), (Some((one, 1)), 1));
        assert_eq!(store.recall(other).await, Some(Memory::default()));
    }

    #[test]
    fn the_number_of_conversations_is_bounded() {
        let store = LocalStore::new(10, DEFAULT_TIME_TO_LIVE);
        for name in 0..1_000 {
            store.record(ConversationKey::new(&name.to_string()), Past::default());
        }
        store.0.run_pending_tasks();
        assert!(store.0.entry_count() <= 10);
    }
}
