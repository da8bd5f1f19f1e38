use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{EmpathyService, LateReply, Limits, quota::Quota};
use crate::{
    conversation::{LocalStore, Paces, Store},
    empathy::Policy,
    protocol::Protocols,
    rules::Rules,
    sentiment::Classify,
};

/// Puts the right amount of empathy around a service. See the [module](super) for what it does and leaves alone.
#[derive(Debug, Clone)]
pub struct EmpathyLayer {
    settings: Arc<Settings>,
}

/// What the layer and its services share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) classifier: Arc<dyn Classify>,
    pub(super) store: Arc<dyn Store>,
    pub(super) policy: Policy,
    pub(super) protocols: Protocols,
    pub(super) rules: Rules,
    pub(super) limits: Limits,
    pub(super) quota: Arc<Quota>,
    pub(super) respect_no_transform: bool,
    pub(super) tell_danger: bool,
    pub(super) tell_bot: bool,
    pub(super) late: Option<LateReply>,
    /// Where chat widgets tell how users write, and what they have told.
    pub(super) pace: Option<(Arc<str>, Paces)>,
    pub(super) hide_own_words: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("policy", &self.policy)
            .field("protocols", &self.protocols)
            .field("rules", &self.rules)
            .field("limits", &self.limits)
            .field("respect_no_transform", &self.respect_no_transform)
            .finish_non_exhaustive()
    }
}

impl EmpathyLayer {
    /// Goes by what `classifier` says of a turn, with the default [`Policy`], every built-in protocol, the default
    /// limits, and a memory in this process.
    #[must_use]
    pub fn new(classifier: impl Classify) -> Self {
        let limits = Limits::default();
        Self {
            settings: Arc::new(Settings {
                classifier: Arc::new(classifier),
                store: Arc::new(LocalStore::default()),
                policy: Policy::default(),
                protocols: Protocols::default(),
                rules: Rules::default(),
                limits,
                quota: Quota::new(limits.max_total_bytes),
                respect_no_transform: false,
                tell_danger: false,
                tell_bot: false,
                late: None,
                pace: None,
                hide_own_words: true,
            }),
        }
    }

    /// Decides by this policy instead.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        Arc::make_mut(&mut self.settings).policy = policy;
        self
    }

    /// Remembers conversations in this store instead.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        Arc::make_mut(&mut self.settings).store = Arc::new(store);
        self
    }

    /// Recognises these protocols instead.
    #[must_use]
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        Arc::make_mut(&mut self.settings).protocols = protocols;
        self
    }

    /// Says what these rules say, besides the acknowledgment. There are none unless set.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        Arc::make_mut(&mut self.settings).rules = rules;
        self
    }

    /// Keeps within these limits instead.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.limits = limits;
        settings.quota = Quota::new(limits.max_total_bytes);
        self
    }

    /// Tells the inner service of a turn that speaks of danger, in the request header [`DANGER`](crate::outcome::DANGER);
    /// what a client says in that field does not reach it then. It goes by the patterns alone, for a request does not
    /// wait for the classifier. Off unless set.
    #[must_use]
    pub fn tell_danger(mut self, tell: bool) -> Self {
        Arc::make_mut(&mut self.settings).tell_danger = tell;
        self
    }

    /// Tells the inner service what a turn expresses, so that it can find words of its own: in the request headers
    /// [`WEIGHT`](crate::outcome::WEIGHT), [`EMOTION`](crate::outcome::EMOTION), [`TARGET`](crate::outcome::TARGET) and
    /// [`SIGNALS`](crate::outcome::SIGNALS), and as a [`Heard`](crate::outcome::Heard) in the request's extensions. The
    /// request waits for it, for the budget at most; where it is late, they are missing. What a client says in these fields
    /// never reaches the inner service, set or not. Off unless set.
    #[must_use]
    pub fn tell_bot(mut self, tell: bool) -> Self {
        Arc::make_mut(&mut self.settings).tell_bot = tell;
        self
    }

    /// Says a sentence where a streamed reply's first words do not come in time, in the protocols whose clients take it.
    /// Nothing is said unless this is set.
    #[must_use]
    pub fn late(mut self, late: LateReply) -> Self {
        Arc::make_mut(&mut self.settings).late = Some(late);
        self
    }

    /// Answers `POST` (and `OPTIONS`, for browsers) at this path, where a chat widget tells how a user writes, for rules to know: a JSON object such as
    /// `{"conversation": "c1", "event": "paused"}`, with the conversation's name as in its chat requests, and `typing`,
    /// `paused`, `cleared` or `options` (with how many are on the screen in `options`). It is kept in this process, by
    /// conversation and for ten minutes, as counts. There is no such path unless this is set.
    #[must_use]
    pub fn pace(mut self, path: &str) -> Self {
        Arc::make_mut(&mut self.settings).pace = Some((path.into(), Paces::default()));
        self
    }

    /// Takes what undertone itself said out of the history that a client sends along, so that a model does not imitate
    /// it. On unless set.
    #[must_use]
    pub fn hide_own_words(mut self, hide: bool) -> Self {
        Arc::make_mut(&mut self.settings).hide_own_words = hide;
        self
    }

    /// Leaves replies alone that say `Cache-Control: no-transform`. Off unless set: undertone counts as part of the
    /// origin, and many servers of event streams send the directive only to stop buffering.
    #[must_use]
    pub fn respect_no_transform(mut self, respect: bool) -> Self {
        Arc::make_mut(&mut self.settings).respect_no_transform = respect;
        self
    }
}

impl<S> Layer<S> for EmpathyLayer {
    type Service = EmpathyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EmpathyService::new(inner, Arc::clone(&self.settings))
    }
}
