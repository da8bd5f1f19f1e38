//! Every metric of undertone: its name, what it says, and its buckets, in one place.
//!
//! They go through the [`metrics`] facade: whoever embeds the layer brings the recorder.

use std::{sync::Arc, time::Duration};

/// Counter: recognised exchanges. Labels: `protocol`, `action` (`none`, or what was done), `family` and `reason` (why
/// nothing was, else empty).
pub const EXCHANGES: &str = "undertone_exchanges_total";

/// Counter: turns that speak of danger to life and limb, whatever became of their replies. Label: `protocol`.
pub const DANGER: &str = "undertone_danger_total";

/// Counter: rules that spoke or could not be computed or said. Labels: `rule`, `result` (`spoke`, `failed`).
pub const RULES: &str = "undertone_rules_total";

/// Histogram, in seconds: how long a reply that was there waited for the decision.
pub const WAIT: &str = "undertone_wait_seconds";

/// The upper bounds of [`WAIT`]'s buckets, in seconds; the default budget is 0.03.
pub const WAIT_BUCKETS: [f64; 8] = [0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.03, 0.1];

/// Tells the recorder that is installed what the metrics mean. To be called once, after it was installed.
pub fn describe() {
    metrics::describe_counter!(
        EXCHANGES,
        "Chat exchanges that were recognised, by what was done to the reply and why."
    );
    metrics::describe_counter!(DANGER, "Turns that speak of danger to life and limb.");
    metrics::describe_counter!(RULES, "Rules that spoke or failed.");
    metrics::describe_histogram!(
        WAIT,
        metrics::Unit::Seconds,
        "How long a reply that was there waited for undertone's decision."
    );
}

pub(super) fn exchange(protocol: &str, action: &'static str, family: &'static str, reason: &'static str) {
    let labels = [
        metrics::Label::new("protocol", protocol.to_owned()),
        metrics::Label::from_static_parts("action", action),
        metrics::Label::from_static_parts("family", family),
        metrics::Label::from_static_parts("reason", reason),
    ];
    metrics::counter!(EXCHANGES, labels.iter()).increment(1);
}

pub(super) fn rule(rule: &Arc<str>, result: &'static str) {
    metrics::counter!(RULES, "rule" => rule.to_string(), "result" => result).increment(1);
}

pub(super) fn danger(protocol: &str) {
    metrics::counter!(DANGER, "protocol" => protocol.to_owned()).increment(1);
}

pub(super) fn wait(waited: Duration) {
    metrics::histogram!(WAIT).record(waited.as_secs_f64());
}
