//! The buffers and waits of the layer that can be set, with their bounds.

use serde::Deserialize;

/// How much the layer may hold, and how long it may wait. Past a limit the exchange goes on untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request body that are collected to read the turn, at a chat's address and wherever JSON is posted; of one
    /// that is compressed, also what it stands for. Default: 16 MiB, as requests may carry photos.
    pub max_request_bytes: usize,
    /// Milliseconds to wait for the whole request body; of one that may be no chat and does not say how long it is, a second
    /// at most. Default: 10,000.
    pub max_request_wait_ms: u64,
    /// Bytes of a reply that comes whole, collected to edit it; of one that is compressed, also what it stands for. Default:
    /// 4 MiB.
    pub max_reply_bytes: usize,
    /// Milliseconds to wait for the rest of a reply that comes whole, once its head is there. Default: 10,000.
    pub max_reply_wait_ms: u64,
    /// Bytes of requests and replies that all exchanges together hold. Default: 256 MiB.
    pub max_total_bytes: usize,
    /// Bytes of a streamed reply held back while its beginning is read; also the longest event
    /// that is read. Default: 1 MiB, as some gateways send a whole reply in one event.
    pub max_held_bytes: usize,
    /// Milliseconds for which the beginning of a streamed reply is held back while it can still turn out to be an
    /// acknowledgment of the bot's own, or an event of it while it is incomplete. A reply that begins with its answer,
    /// in whole events, is not held at all; one whose first word may be a program's verdict waits for the second, a
    /// tenth of a second at most. After this time the beginning is decided with what is
    /// there, and an event that is still incomplete is let go unread; once a text has been changed, it is waited for.
    /// Default: 500.
    pub max_held_ms: u64,
    /// Milliseconds for which a streamed reply is held back that gushes, until its opener ends and can be taken out.
    /// Default: 3,000, as models write some twenty words in a second.
    pub max_opener_ms: u64,
    /// Milliseconds to wait for the decision once there is text to be decided upon. Default: 30.
    pub budget_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 16 << 20,
            max_request_wait_ms: 10_000,
            max_reply_bytes: 4 << 20,
            max_reply_wait_ms: 10_000,
            max_total_bytes: 256 << 20,
            max_held_bytes: 1 << 20,
            max_held_ms: 500,
            max_opener_ms: 3_000,
            budget_ms: 30,
        }
    }
}
