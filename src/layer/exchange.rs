//! From a request to what is to be said: one recognised exchange.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, request};

use super::{guard::guard, layer::Settings};
use crate::{
    conversation::{ConversationKey, Memory, Recall, Said},
    empathy::{Facts, Intent, Plan, Saying, Weight},
    outcome::{DANGER, FailOpen, Outcome, Reason, Settled, Ticket, Verdict},
    protocol::{Chat, Protocol, Recognition, ReplyReader, Turn},
    sentiment::{ClassifyError, Pending, Sentiment},
};

/// What a request turned out to be.
pub(super) enum Recognised {
    /// No exchange after all.
    Foreign,
    /// An exchange whose reply passes as it is.
    HandsOff(Ticket, Reason),
    /// An exchange whose reply may be edited.
    Chat(Box<Exchange>),
}

/// An exchange whose reply may be edited: what is known of it, and what is being found out.
pub(super) struct Exchange {
    pub(super) settings: Arc<Settings>,
    ticket: Ticket,
    turn: Turn,
    reply: Option<Box<dyn ReplyReader>>,
    sentiment: Asked<Pending, Result<Sentiment, ClassifyError>>,
    memory: Asked<Recall, Memory>,
}

/// A question, and its answer once that is there.
enum Asked<P, A> {
    Pending(P),
    Answered(A),
}

/// The protocol that a request with this head may belong to, and a ticket for it.
pub(super) fn claim(settings: &Settings, head: &request::Parts) -> Option<(Arc<dyn Protocol>, Ticket)> {
    // A protocol that panics over a head recognises nothing.
    let found = guard(|| settings.protocols.find(head).map(|found| (Arc::clone(found), found.name().to_owned())));
    found.ok().flatten().map(|(protocol, name)| (protocol, Ticket::new(name)))
}

impl Exchange {
    /// Reads a whole request body, and asks what the turn expresses and what was said before.
    pub(super) fn read(
        settings: Arc<Settings>,
        protocol: &dyn Protocol,
        ticket: Ticket,
        head: &request::Parts,
        body: &[u8],
    ) -> Recognised {
        let Chat { turn, reply } = match guard(|| protocol.read(head, body)) {
            Ok(Recognition::Foreign) => {
                ticket.void();
                return Recognised::Foreign;
            }
            Ok(Recognition::HandsOff(reason)) => return Recognised::HandsOff(ticket, reason.into()),
            Ok(Recognition::Chat(chat)) => chat,
            Err(reason) => return Recognised::HandsOff(ticket, reason.into()),
        };
        let asked = guard(|| {
            let memory = key(&turn).map(|conversation| settings.store.recall(conversation));
            (settings.classifier.submit(&turn.text), memory)
        });
        match asked {
            Err(reason) => Recognised::HandsOff(ticket, reason.into()),
            Ok((sentiment, memory)) => Recognised::Chat(Box::new(Self {
                settings,
                ticket,
                turn,
                reply: Some(reply),
                sentiment: Asked::Pending(sentiment),
                memory: memory.map_or_else(|| Asked::Answered(Memory::default()), Asked::Pending),
            })),
        }
    }

    /// Takes out what reads the reply. It is there until it is taken.
    ///
    /// # Errors
    ///
    /// That it has been taken before: a bug, and no reason to lose a reply.
    pub(super) fn take_reader(&mut self) -> Result<Box<dyn ReplyReader>, FailOpen> {
        self.reply.take().ok_or(FailOpen::Panic)
    }

    /// Tells the bot of danger, if the operator wants that.
    pub(super) fn tell_danger(&self, headers: &mut HeaderMap) {
        if self.settings.tell_danger {
            headers.remove(DANGER);
            if guard(|| self.settings.policy.is_danger(&self.turn.text)).unwrap_or(false) {
                headers.insert(DANGER, HeaderValue::from_static("1"));
            }
        }
    }

    /// What is to be said, once that can be decided.
    pub(super) fn poll_decision(&mut self, cx: &mut Context<'_>) -> Poll<Result<Intent, Reason>> {
        if let Asked::Pending(pending) = &mut self.sentiment
            && let Poll::Ready(answer) = Pin::new(pending).poll(cx)
        {
            self.sentiment = Asked::Answered(answer.unwrap_or(Err(ClassifyError::Stopped)));
        }
        if let Asked::Pending(pending) = &mut self.memory
            && let Poll::Ready(answer) = Pin::new(pending).poll(cx)
        {
            self.memory = Asked::Answered(answer.unwrap_or_default());
        }
        match (&self.sentiment, &self.memory) {
            (Asked::Answered(_), Asked::Answered(_)) => Poll::Ready(self.decide()),
            _ => Poll::Pending,
        }
    }

    /// What is to be said with what is known by now: no more time is left. A memory that is late counts as empty.
    pub(super) fn decide(&mut self) -> Result<Intent, Reason> {
        let sentiment = match &self.sentiment {
            Asked::Pending(_) => return Err(FailOpen::Budget.into()),
            Asked::Answered(Ok(sentiment)) => sentiment,
            Asked::Answered(Err(ClassifyError::QueueFull)) => return Err(FailOpen::QueueFull.into()),
            Asked::Answered(Err(error)) => {
                tracing::debug!(%error, "a turn was not classified");
                return Err(FailOpen::Classifier.into());
            }
        };
        self.ticket.heard(Weight::of(sentiment), sentiment.emotion());
        let unknown = Memory::default();
        let memory = match &self.memory {
            Asked::Answered(memory) => memory,
            Asked::Pending(_) => &unknown,
        };
        let plan = guard(|| self.settings.policy.plan(&Facts::new(&self.turn, sentiment, memory)))?;
        self.ticket.planned(&plan);
        match plan {
            Plan::Review(intent) => Ok(intent),
            Plan::Leave(silence) => Err(silence.into()),
        }
    }

    /// The ticket, for what is announced and told.
    pub(super) const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Tells what was done, and remembers what was said, if anything was.
    pub(super) fn settle(mut self, verdict: Verdict, saying: Option<&Saying>) -> (Outcome, Settled) {
        if let (Some(saying), Some(conversation)) = (saying, key(&self.turn)) {
            let said = Said::new(&saying.sentence, self.turn.ordinal);
            // What cannot be remembered is lost; the reply is not.
            let _ = guard(|| self.settings.store.record(conversation, said));
        }
        (self.ticket.settle(verdict), self.ticket.settled())
    }
}

fn key(turn: &Turn) -> Option<ConversationKey> {
    turn.conversation.as_deref().map(ConversationKey::new)
}
