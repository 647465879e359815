//! Webhooks: endpoints, what signs for them, and delivery from the outbox.

mod deliver;
mod endpoints;
mod replay;
mod signing;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use baton_model::{
    Clock,
    address::{Allow, check_public},
    fault::Faults,
};
use baton_outbound::Outbound;
use tokio::sync::Notify;

pub(crate) use self::signing::ensure_signer;
pub use self::{
    endpoints::Showing,
    replay::{Replay, Which},
};
use crate::Result;

/// What the operator may set (`[webhooks]`, `[outbound]`).
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long one call may take.
    pub timeout: Duration,
    /// How long a delivery is tried before it is a dead letter.
    pub give_up_after: Duration,
    /// Private addresses that may be called.
    pub allow: Allow,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            timeout: Duration::from_secs(10),
            give_up_after: Duration::from_secs(3 * 24 * 3600),
            allow: Allow::default(),
        }
    }
}

/// What delivery works with.
pub(crate) struct Outbox {
    settings: RwLock<Settings>,
    outbound: Outbound,
    filled: Notify,
}

impl Outbox {
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let outbound = Outbound::new(settings.allow.clone(), clock);
        Outbox { settings: RwLock::new(settings), outbound, filled: Notify::new() }
    }

    /// Takes new settings.
    pub fn set(&self, settings: Settings) {
        self.outbound.set_allow(settings.allow.clone());
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells that something is to be delivered.
    pub fn ring(&self) {
        self.filled.notify_one();
    }

    /// Refuses a URL that names a private address. What a name stands for is found out when it is called.
    pub fn check_url(&self, field: &str, url: &str) -> Result<()> {
        let mut faults = Faults::default();
        check_public(field, url, &self.outbound.allow(), &mut faults);
        Ok(faults.into_result()?)
    }
}
