//! From a request to what is to be said: one recognised exchange.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, request};
use tokio::time::Instant;

use super::{
    coding::{Undecodable, decode},
    guard::guard,
    layer::Settings,
    request::refuses_identity,
    response::coding,
    spoken::Spoken,
};
use crate::{
    conversation::{ConversationKey, Memory, Pace, Recall, TextHash},
    empathy::{Facts, Intent, Plan, Weight, is_dangerous},
    outcome::{DANGER, FailOpen, Heard, Outcome, Reason, Settled, Ticket, Verdict},
    protocol::{Chat, Claim, Edit, HandsOff, Recognition, ReplyReader, Speaker, Turn, Utterance},
    rules::{FactValues, Known, Undecided, fingerprint, seconds_at, signals},
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
    /// When the request went to the bot, as good as.
    pub(super) sent: Instant,
    turn: Turn,
    reply: Option<Box<dyn ReplyReader>>,
    /// Whether the client takes a reply that is not compressed.
    pub(super) takes_identity: bool,
    /// Whether the request is compressed: nothing in it can be taken out.
    is_coded: bool,
    sentiment: Asked<Pending, Result<Sentiment, ClassifyError>>,
    memory: Asked<Recall, Memory>,
    /// What the request tells of the rules' facts.
    facts: FactValues,
    /// How the user came to the turn, where a chat widget tells.
    pace: Pace,
    /// The rules, once they have been asked about the turn.
    undecided: Option<Undecided>,
    /// What the turn is in the conversation, once that is decided, before anything is said.
    intent: Option<Intent>,
}

/// A question, and its answer once that is there.
enum Asked<P, A> {
    Pending(P),
    Answered(A),
}

/// A request that may be an exchange, as far as its head tells.
pub(super) struct Claimed {
    /// None while it may be no exchange at all: then nothing is told of it.
    pub(super) ticket: Option<Ticket>,
}

impl Claimed {
    /// Nothing if no protocol claims a request with this head.
    pub(super) fn of(settings: &Settings, head: &request::Parts) -> Option<Self> {
        // A protocol that panics over a head recognises nothing.
        guard(|| {
            let mut claims = settings.protocols.claim(head).peekable();
            claims.peek()?;
            let sure = claims.find(|(_, claim)| *claim == Claim::Yes);
            Some(Self { ticket: sure.map(|(protocol, _)| Ticket::new(protocol.name().to_owned())) })
        })
        .ok()
        .flatten()
    }
}

impl Exchange {
    /// Reads a whole request body, and asks what the turn expresses and what was said before.
    pub(super) fn read(settings: Arc<Settings>, claimed: Claimed, head: &request::Parts, body: &Bytes) -> Recognised {
        let plain = match plain(&settings, head, body) {
            Ok(plain) => plain,
            Err(reason) => {
                return claimed.ticket.map_or(Recognised::Foreign, |ticket| Recognised::HandsOff(ticket, reason));
            }
        };
        let read = guard(|| {
            let (protocol, recognition) = settings.protocols.read(head, plain.as_ref().unwrap_or(body))?;
            Some((protocol.name().to_owned(), recognition))
        });
        let (mut ticket, name, recognition) = match (read, claimed.ticket) {
            (Ok(Some((name, recognition))), ticket) => (ticket.unwrap_or_default(), name, recognition),
            (Err(reason), Some(ticket)) => return Recognised::HandsOff(ticket, reason.into()),
            (Ok(None) | Err(_), ticket) => {
                if let Some(ticket) = ticket {
                    ticket.void();
                }
                return Recognised::Foreign;
            }
        };
        ticket.speaks(name);
        let Chat { turn, reply } = match recognition {
            Recognition::Chat(chat) => chat,
            Recognition::HandsOff(reason) => return Recognised::HandsOff(ticket, reason.into()),
            Recognition::Foreign => {
                ticket.void();
                return Recognised::Foreign;
            }
        };
        let asked = guard(|| {
            let memory = key(&turn).map(|conversation| settings.store.recall(conversation));
            let pace = settings.pace.as_ref().zip(key(&turn)).map(|((_, paces), key)| paces.take(key));
            let facts = settings.rules.facts_in_request(&head.headers, plain.as_ref().unwrap_or(body));
            (settings.classifier.submit(&turn.text), memory, facts, pace.unwrap_or_default())
        });
        match asked {
            Err(reason) => Recognised::HandsOff(ticket, reason.into()),
            Ok((sentiment, memory, facts, pace)) => Recognised::Chat(Box::new(Self {
                settings,
                ticket,
                sent: Instant::now(),
                turn,
                reply: Some(reply),
                takes_identity: !refuses_identity(&head.headers),
                is_coded: plain.is_some(),
                sentiment: Asked::Pending(sentiment),
                memory: memory.map_or_else(|| Asked::Answered(Memory::default()), Asked::Pending),
                facts,
                pace,
                undecided: None,
                intent: None,
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

    /// The edits that take undertone's own words out of the history in a request body, if the operator wants that.
    pub(super) fn hide_own_words(&self, body: &[u8]) -> Vec<Edit> {
        if !self.settings.hide_own_words || self.is_coded {
            return Vec::new();
        }
        let of_bot = self.turn.history.iter().filter(|utterance| utterance.speaker == Speaker::Bot);
        let cut = |utterance: &Utterance| {
            let (span, encoding) = utterance.place.as_ref()?;
            let raw = body.get(span.clone())?;
            let words = encoding.decode(raw)?;
            let mut own = self.settings.policy.own_words(&words);
            let late = self.settings.late.as_ref();
            own.end += late.map_or(0, |late| late.length_in(words.get(own.end..).unwrap_or_default()));
            let at = |place| span.start + encoding.locate(raw, place);
            (!own.is_empty()).then(|| Edit { at: at(own.start)..at(own.end), with: Bytes::new() })
        };
        guard(|| of_bot.filter_map(cut).collect()).unwrap_or_default()
    }

    /// Tells the bot of danger, if the operator wants that: by the patterns, and by the model where its answer is there.
    pub(super) fn tell_danger(&self, headers: &mut HeaderMap) {
        let is_heard = || matches!(&self.sentiment, Asked::Answered(Ok(sentiment)) if is_dangerous(sentiment));
        let is_danger = || guard(|| self.settings.policy.is_danger(&self.turn.text)).unwrap_or(false);
        if self.settings.tell_danger && (is_danger() || is_heard()) {
            headers.insert(DANGER, HeaderValue::from_static("1"));
        }
    }

    /// What the bot is to be told of the turn, once it is known; nothing where it cannot be.
    pub(super) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        self.poll_answers(cx).map(|()| self.heard())
    }

    /// The same with what is known by now: no more time is left. A memory that is late counts as empty.
    pub(super) fn heard(&self) -> Option<Heard> {
        let Asked::Answered(Ok(sentiment)) = &self.sentiment else { return None };
        let heard = guard(|| {
            let unknown = Memory::default();
            let signals = signals(&self.known(sentiment, &unknown), &self.settings.rules, &self.facts);
            Heard::new(Weight::of(sentiment), sentiment.emotion(), sentiment.target(), signals)
        });
        heard.ok()
    }

    /// What is to be said, once that can be decided.
    pub(super) fn poll_decision(&mut self, cx: &mut Context<'_>) -> Poll<Result<Intent, Reason>> {
        self.poll_answers(cx).map(|()| self.decide())
    }

    /// Ready once everything that was asked has been answered.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
            (Asked::Answered(_), Asked::Answered(_)) => Poll::Ready(()),
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
            Plan::Review(intent) => {
                self.intent = Some(intent.clone());
                // No rule speaks to danger.
                self.undecided = if intent.is_danger() { None } else { self.ask_rules() };
                // Without toning there is nothing to look for in a reply to which nothing will be said.
                let may_speak =
                    self.settings.policy.tones() || self.undecided.is_some() || self.settings.late.is_some();
                match intent.silence().filter(|_| !may_speak) {
                    Some(silence) => Err(silence.into()),
                    None => Ok(intent),
                }
            }
            Plan::Leave(silence) => {
                let intent = Intent::of_wordless(&self.turn.text, silence).ok_or(silence)?;
                self.undecided = self.ask_rules();
                self.intent = Some(intent.clone());
                if self.undecided.is_some() { Ok(intent) } else { Err(silence.into()) }
            }
        }
    }

    /// Asks the rules, if there are any.
    fn ask_rules(&self) -> Option<Undecided> {
        let settings = &self.settings;
        let Asked::Answered(Ok(sentiment)) = &self.sentiment else { return None };
        if settings.rules.is_empty() {
            return None;
        }
        let unknown = Memory::default();
        let known = self.known(sentiment, &unknown);
        guard(|| settings.rules.open(&known, self.facts.clone())).ok()
    }

    /// What rules are told of the turn; a memory that is late counts as `unknown`.
    fn known<'a>(&'a self, sentiment: &'a Sentiment, unknown: &'a Memory) -> Known<'a> {
        let memory = match &self.memory {
            Asked::Answered(memory) => memory,
            Asked::Pending(_) => unknown,
        };
        Known {
            policy: &self.settings.policy,
            turn: &self.turn,
            sentiment,
            weight: Weight::of(sentiment),
            memory,
            pace: self.pace,
            now: seconds_at(SystemTime::now()),
        }
    }

    /// Takes what the head of the reply tells of the rules' facts.
    pub(super) fn see_head(&mut self, headers: &HeaderMap) {
        let (rules, facts) = (&self.settings.rules, &mut self.facts);
        // What cannot be read is not known.
        let _ = guard(|| rules.facts_in_head(headers, facts));
    }

    /// Takes out the rules that have been asked about the turn.
    pub(super) const fn take_rules(&mut self) -> Option<Undecided> {
        self.undecided.take()
    }

    /// The ticket, for what is announced and told.
    pub(super) const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Tells what was done, and remembers the exchange.
    pub(super) fn settle(mut self, verdict: Verdict, spoken: &Spoken) -> (Outcome, Settled) {
        if let (Some(intent), Some(conversation)) = (&self.intent, key(&self.turn)) {
            let mut past = intent.past(spoken.saying.as_deref());
            past.rules = spoken.rules.iter().map(|rule| TextHash::new(rule)).collect();
            if !self.settings.rules.is_empty() || self.settings.tell_bot {
                past.asked = guard(|| fingerprint(&self.turn.text)).ok().flatten();
            }
            // What cannot be remembered is lost; the reply is not.
            let _ = guard(|| self.settings.store.record(conversation, past));
        }
        self.ticket.ruled(spoken.rules.clone(), spoken.failed.clone());
        (self.ticket.settle(verdict), self.ticket.settled())
    }
}

/// A copy of a request body with its compression taken off, if it is compressed; what goes on to the bot stays as it is.
fn plain(settings: &Settings, head: &request::Parts, body: &Bytes) -> Result<Option<Bytes>, Reason> {
    let Some(coding) = coding(&head.headers)? else { return Ok(None) };
    match guard(|| decode(coding, body.clone(), settings.limits.max_request_bytes))? {
        Ok(Some(plain)) => Ok(Some(plain)),
        Ok(None) => Err(FailOpen::RequestTooLong.into()),
        Err(Undecodable) => Err(HandsOff::Encoding.into()),
    }
}

fn key(turn: &Turn) -> Option<ConversationKey> {
    turn.conversation.as_deref().map(ConversationKey::new)
}
