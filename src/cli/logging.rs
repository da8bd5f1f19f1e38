//! What undertone does, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Logs at this level, or as `UNDERTONE_LOG` or else `RUST_LOG` says; a filter that cannot be read is as good as none.
pub(super) fn start(level: &str) {
    let filter = EnvFilter::try_from_env("UNDERTONE_LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new(level));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // An error means that somebody has set up logging already, and theirs is as good.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colour)
        .with_writer(io::stderr)
        .try_init();
}
