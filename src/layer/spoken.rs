//! What was said in one exchange, and by which rules.

use std::sync::Arc;

use crate::{
    empathy::{Change, Interjection, Saying},
    rules::{Decided, LATE},
};

/// What was said, and which rules spoke or failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoken {
    /// Of several texts, the first that something was said before counts.
    pub(super) saying: Option<Arc<Saying>>,
    pub(super) rules: Vec<Arc<str>>,
    pub(super) failed: Vec<Arc<str>>,
}

impl Spoken {
    /// Notes what a change says.
    pub(super) fn note(&mut self, change: &Change) {
        if self.saying.is_none() {
            self.saying.clone_from(&change.saying);
        }
        let rules = [
            change.saying.as_ref().and_then(|saying| saying.rule.as_ref()),
            change.interjection.as_ref().map(|interjection| &interjection.rule),
        ];
        rules.into_iter().flatten().for_each(|rule| self.add(rule));
    }

    /// Notes what a rule says behind a reply.
    pub(super) fn note_end(&mut self, interjection: &Interjection) {
        self.add(&interjection.rule);
    }

    /// Notes that it was said that the reply is late, with this.
    pub(super) fn note_late(&mut self, saying: Option<Arc<Saying>>) {
        if let Some(rule) = saying.as_ref().and_then(|saying| saying.rule.as_ref()) {
            self.add(rule);
        }
        self.saying = saying;
        self.add(&LATE.into());
    }

    /// Notes which rules failed.
    pub(super) fn note_failed(&mut self, decided: &Decided) {
        for rule in &decided.failed {
            if !self.failed.contains(rule) {
                self.failed.push(Arc::clone(rule));
            }
        }
    }

    fn add(&mut self, rule: &Arc<str>) {
        if !self.rules.contains(rule) {
            self.rules.push(Arc::clone(rule));
        }
    }
}
