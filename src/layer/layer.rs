use std::sync::Arc;

use tower_layer::Layer;

use super::{EmpathyService, Limits};
use crate::{empathy::Empathy, protocol::Protocols};

/// Puts the right amount of empathy around a service. See the [module](super) for what it does and leaves alone.
#[derive(Debug, Clone)]
pub struct EmpathyLayer {
    settings: Arc<Settings>,
}

/// What the layer and its services share.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) empathy: Empathy,
    pub(super) protocols: Protocols,
    pub(super) limits: Limits,
    pub(super) respect_no_transform: bool,
}

impl EmpathyLayer {
    /// Recognises every built-in protocol, within the default limits.
    #[must_use]
    pub fn new(empathy: Empathy) -> Self {
        Self {
            settings: Arc::new(Settings {
                empathy,
                protocols: Protocols::default(),
                limits: Limits::default(),
                respect_no_transform: false,
            }),
        }
    }

    /// Recognises these protocols instead.
    #[must_use]
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        Arc::make_mut(&mut self.settings).protocols = protocols;
        self
    }

    /// Keeps within these limits instead.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.settings).limits = limits;
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
