//! What a chat widget tells of a user who is writing: counts by conversation, never text.

use std::time::Duration;

use moka::{ops::compute::Op, sync::Cache};
use serde::Deserialize;

use super::ConversationKey;

/// Conversations of which something is known at most, and for how long.
const CAPACITY: u64 = 100_000;
const TIME_TO_LIVE: Duration = Duration::from_secs(10 * 60);

/// Up to where anything is counted: more tells nothing.
const MOST: u16 = 1_000;

/// How a user came to a turn, since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Pace {
    /// How many times they stopped writing.
    pub pauses: u16,
    /// How many times they cleared what they had written.
    pub cleared: u16,
    /// How many options were on their screen at the latest count.
    pub options: u16,
}

/// One event of a chat widget's, as it comes: `{"conversation": "c1", "event": "paused"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PaceEvent {
    /// The conversation's name, as in its chat requests.
    pub(crate) conversation: String,
    event: What,
    /// How many options are on the screen.
    #[serde(default)]
    options: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    /// The user began to write.
    Typing,
    /// They stopped, and sent nothing.
    Paused,
    /// They cleared what they had written.
    Cleared,
    /// Options are on the screen.
    Options,
}

/// The pace of every conversation, in this process. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub(crate) struct Paces(Cache<ConversationKey, Pace>);

impl Default for Paces {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build())
    }
}

impl Paces {
    /// Counts an event.
    pub(crate) fn note(&self, event: &PaceEvent) {
        self.0.entry(ConversationKey::new(&event.conversation)).and_compute_with(|entry| {
            let mut pace = entry.map(moka::Entry::into_value).unwrap_or_default();
            match event.event {
                What::Typing => {}
                What::Paused => pace.pauses = (pace.pauses + 1).min(MOST),
                What::Cleared => pace.cleared = (pace.cleared + 1).min(MOST),
                What::Options => pace.options = event.options.min(MOST),
            }
            Op::Put(pace)
        });
    }

    /// Takes what is known of a conversation, whose user has sent a message.
    pub(crate) fn take(&self, conversation: ConversationKey) -> Pace {
        self.0.remove(&conversation).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_count_until_the_next_turn() {
        let paces = Paces::default();
        let note = |text: &str| paces.note(&serde_json::from_str(text).unwrap());
        for event in ["typing", "paused", "typing", "paused", "cleared"] {
            note(&format!("{{\"conversation\":\"c\",\"event\":\"{event}\"}}"));
        }
        note("{\"conversation\":\"c\",\"event\":\"options\",\"options\":3}");
        note("{\"conversation\":\"d\",\"event\":\"paused\"}");
        let key = ConversationKey::new("c");
        assert_eq!(paces.take(key), Pace { pauses: 2, cleared: 1, options: 3 });
        assert_eq!(paces.take(key), Pace::default());
        assert!(serde_json::from_str::<PaceEvent>("{\"conversation\":\"c\",\"event\":\"shouting\"}").is_err());
    }

    #[test]
    fn nothing_counts_without_end() {
        let paces = Paces::default();
        let event: PaceEvent = serde_json::from_str("{\"conversation\":\"c\",\"event\":\"paused\"}").unwrap();
        (0..5_000).for_each(|_| paces.note(&event));
        assert_eq!(paces.take(ConversationKey::new("c")).pauses, MOST);
    }
}
