//! What is said when a streamed reply's first words do not come.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long the first words may take after the head of a reply, and after anything else of it, however late that is: they
/// often come right behind.
const GRACE: Duration = Duration::from_millis(300);

/// A sentence for a streamed reply whose first words do not come in time, once a reply. Where the turn calls for an
/// acknowledgment, that is said with it, and not again before the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LateReply {
    /// How long after the request it is said, at least.
    pub after: Duration,
    /// The sentence, such as "Let me look that up."
    pub say: String,
    /// What is said before the answer when it comes, such as "Okay, here's what I found."
    pub then: Option<String>,
}

impl LateReply {
    /// Says this so long after a request whose reply has not begun to speak.
    #[must_use]
    pub fn new(after: Duration, say: &str) -> Self {
        Self { after, say: say.to_owned(), then: None }
    }

    /// And this before the answer.
    #[must_use]
    pub fn with_then(mut self, then: &str) -> Self {
        self.then = Some(then.to_owned());
        self
    }
}

impl LateReply {
    /// How many bytes at the beginning of a bot's words in a history are this and what it said before the answer, with the
    /// white space behind; none where nothing else is there.
    pub(super) fn length_in(&self, words: &str) -> usize {
        let Some(rest) = behind(words, &self.say) else { return 0 };
        let rest = self.then.as_deref().and_then(|then| behind(rest, then)).unwrap_or(rest);
        if rest.is_empty() { 0 } else { words.len() - rest.len() }
    }
}

/// What stands behind these words, if a text begins with them.
fn behind<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(words)?;
    Some(rest.trim_start()).filter(|behind| behind.len() < rest.len())
}

/// Waits until it is to be said.
pub(super) struct Lateness {
    pub(super) reply: LateReply,
    sleep: Pin<Box<Sleep>>,
}

impl Lateness {
    /// Of a reply whose head is there now, to a request that was sent then.
    pub(super) fn new(reply: LateReply, sent: Instant) -> Self {
        let due = (sent + reply.after).max(Instant::now() + GRACE);
        Self { reply, sleep: Box::pin(sleep_until(due)) }
    }

    /// Something has come of the reply: its first words may be next.
    pub(super) fn stir(&mut self) {
        let due = self.sleep.deadline().max(Instant::now() + GRACE);
        self.sleep.as_mut().reset(due);
    }

    /// Ready when it is time.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }
}
