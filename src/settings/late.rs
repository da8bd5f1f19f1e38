//! `[late]`: what is said when a streamed reply's first words do not come.

use std::time::Duration;

use serde::Deserialize;

use crate::{empathy::Tone, layer::LateReply};

/// What is said when a streamed reply's first words do not come; nothing without `after_ms`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Late {
    after_ms: Option<u64>,
    say: Option<String>,
    then: Option<String>,
}

impl Late {
    /// The sentence in this tone, if one is wanted.
    pub(crate) fn reply(&self, tone: Tone) -> Option<LateReply> {
        let say = self.say.as_deref().unwrap_or(match tone {
            Tone::Formal => "One moment, please. This is being looked up.",
            Tone::Collaborative => "Let me look that up.",
            Tone::Warm => "Let me look that up for you.",
        });
        let late = LateReply::new(Duration::from_millis(self.after_ms?), say);
        Some(match &self.then {
            Some(then) => late.with_then(then),
            None => late,
        })
    }
}
