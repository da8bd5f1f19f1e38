//! `[proxy]`: how the proxy treats its two sides, and for how long it waits.

use std::num::NonZeroUsize;

use serde::Deserialize;

/// How the proxy treats its two sides, and for how long it waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Proxy {
    /// For a connection to the bot, in milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// For the head of the bot's answer, in milliseconds.
    pub(crate) answer_timeout_ms: u64,
    /// For open replies when undertone is told to stop, in milliseconds.
    pub(crate) drain_ms: u64,
    /// Connections served at the same time; without it as many as there are file descriptors for.
    pub(crate) max_connections: Option<NonZeroUsize>,
    /// Whether the bot is told the name that the client uses.
    pub(crate) preserve_host: bool,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            answer_timeout_ms: 300_000,
            drain_ms: 30_000,
            max_connections: None,
            preserve_host: true,
        }
    }
}
