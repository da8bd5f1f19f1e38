//! One recognised exchange, from its request to its reply.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use http::{Response, request};
use http_body::Body;

use super::{
    body::ReplyBody,
    collect::Prefixed,
    headers::describe_edited,
    layer::Settings,
    outcome::{Action, FailOpen, HEADER, Outcome, Reason, Report},
};
use crate::{
    empathy::{Opening, Plan, Weight, fit},
    protocol::{Protocol, Recognition, ReplyFormat, Splice, Turn, escape, splice},
    sentiment::{ClassifyError, Pending, Sentiment},
};

/// What is known of one exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) settings: Arc<Settings>,
    pub(super) turn: Turn,
    /// What will be said, once that is decided.
    pub(super) sentence: String,
    report: Report,
}

/// What to do when the reply comes.
#[derive(Debug)]
pub(super) enum Course {
    /// Pass it on, and say why.
    PassOn(Reason),
    /// Decide when the classifier has answered.
    Listen { pending: Pending, reply: Box<dyn ReplyFormat> },
}

impl Exchange {
    /// Reads a whole request body; nothing if it is no exchange after all.
    pub(super) fn read(
        settings: &Arc<Settings>,
        protocol: Arc<dyn Protocol>,
        head: &request::Parts,
        body: &[u8],
    ) -> Option<(Self, Course)> {
        let read = || match protocol.read(head, body) {
            Recognition::Foreign => None,
            Recognition::LeftAlone(reason) => Some((Turn::default(), Course::PassOn(Reason::LeftAlone(reason)))),
            Recognition::Exchange { turn, reply } => {
                let pending = settings.empathy.listen(&turn);
                Some((turn, Course::Listen { pending, reply }))
            }
        };
        let panicked = |_| Some((Turn::default(), Course::PassOn(Reason::FailOpen(FailOpen::Panic))));
        let Some((turn, course)) = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(panicked) else {
            tracing::debug!(protocol = protocol.name(), "not a chat request: passed on");
            return None;
        };
        Some((Self::new(settings, protocol, turn), course))
    }

    /// An exchange of which only the address is known.
    pub(super) fn unread(settings: &Arc<Settings>, protocol: Arc<dyn Protocol>) -> Self {
        Self::new(settings, protocol, Turn::default())
    }

    fn new(settings: &Arc<Settings>, protocol: Arc<dyn Protocol>, turn: Turn) -> Self {
        let settings = Arc::clone(settings);
        Self { settings, turn, sentence: String::new(), report: Report::new(protocol) }
    }

    /// Decides from the turn what to say.
    ///
    /// # Errors
    ///
    /// The reason to say nothing.
    pub(super) fn decide(&mut self, answer: Result<Sentiment, ClassifyError>) -> Result<(), Reason> {
        let sentiment = answer.map_err(|error| {
            if error == ClassifyError::QueueFull {
                return Reason::FailOpen(FailOpen::QueueFull);
            }
            tracing::warn!(%error, "a turn was not classified");
            Reason::FailOpen(FailOpen::Classifier)
        })?;
        let weight = Weight::of(&sentiment);
        self.report.weight = Some(weight);
        self.report.emotion = Some(sentiment.emotion());
        let plan = catch_unwind(AssertUnwindSafe(|| self.settings.empathy.plan(&self.turn, &sentiment, weight)));
        match plan {
            Ok(Plan::Prepend(acknowledgment)) => {
                self.sentence = acknowledgment.sentence;
                Ok(())
            }
            Ok(Plan::Silence(reason)) => Err(Reason::Silence(reason)),
            Err(_) => Err(Reason::FailOpen(FailOpen::Panic)),
        }
    }

    /// Where in a whole reply the sentence goes.
    ///
    /// # Errors
    ///
    /// The reason why it goes nowhere.
    pub(super) fn edit(&self, reply: &dyn ReplyFormat, body: &Bytes) -> Result<Vec<Bytes>, Reason> {
        let find = || {
            let mut splices = Vec::new();
            let mut silence = None;
            for text in reply.texts(body).map_err(Reason::LeftAlone)? {
                let opening: Opening = self.settings.empathy.read_opening(&text.text, true);
                match fit(&self.sentence, &text.text, opening) {
                    Ok(prefix) => splices.push(Splice { at: text.at, insert: escape(&prefix) }),
                    Err(reason) => silence = Some(Reason::Silence(reason)),
                }
            }
            match silence {
                Some(reason) if splices.is_empty() => Err(reason),
                _ => Ok(splice(body.clone(), splices)),
            }
        };
        catch_unwind(AssertUnwindSafe(find)).unwrap_or(Err(Reason::FailOpen(FailOpen::Panic)))
    }

    /// What is announced before the beginning of a streamed reply is there.
    pub(super) const fn planned(&self) -> Outcome {
        self.report.outcome(Action::PlanPrepend)
    }

    /// Tells what was done, and remembers what was said.
    pub(super) fn finish(mut self, action: Action) -> Outcome {
        if action == Action::Prepend {
            self.settings.empathy.remember(&self.turn, &self.sentence);
        }
        self.report.finish(action)
    }

    /// The reply as it is, with the reason for that.
    pub(super) fn pass_on<B: Body>(self, response: Response<B>, reason: Reason) -> Response<ReplyBody<B>> {
        announce(response.map(ReplyBody::untouched), self.finish(Action::None(reason)))
    }

    /// The reply as it is after some of it was read, with the reason for that.
    pub(super) fn pass_on_collected<B: Body>(
        self,
        response: Response<Prefixed<B>>,
        reason: Reason,
    ) -> Response<ReplyBody<B>> {
        announce(response.map(ReplyBody::collected), self.finish(Action::None(reason)))
    }

    /// The edited reply.
    pub(super) fn reply_with<B: Body>(
        self,
        response: Response<Prefixed<B>>,
        pieces: Vec<Bytes>,
    ) -> Response<ReplyBody<B>> {
        let (mut head, body) = response.into_parts();
        describe_edited(&mut head.headers, Some(pieces.iter().map(Bytes::len).sum()));
        let mut trailers = body.into_trailers();
        if let Some(trailers) = &mut trailers {
            describe_edited(trailers, None);
        }
        let body = ReplyBody::collected(Prefixed::whole(pieces, trailers));
        announce(Response::from_parts(head, body), self.finish(Action::Prepend))
    }
}

/// Says on the response what was done to it. What another undertone said stays.
pub(super) fn announce<B>(mut response: Response<B>, outcome: Outcome) -> Response<B> {
    response.headers_mut().entry(HEADER).or_insert_with(|| outcome.header());
    response.extensions_mut().insert(outcome);
    response
}
