//! Webhooks: endpoints, what signs for them, and delivery from the outbox.

mod agenda;
mod attempt;
mod deliver;
mod endpoints;
mod lane;
mod look;
mod pool;
mod replay;
mod signer;
mod signing;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use baton_model::{
    Clock,
    address::{Allow, check_public},
    fault::Faults,
};
use baton_outbound::Outbound;
use tokio::sync::Notify;

use self::deliver::Deliverer;
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
    news: Mutex<News>,
    /// Held by whoever delivers.
    deliverer: tokio::sync::Mutex<Deliverer>,
}

/// What whoever delivers has not heard yet.
#[derive(Default)]
struct News {
    /// Lanes in which something new waits.
    filled: HashSet<String>,
    /// Lanes whose endpoint somebody wants to be called now.
    wanted: HashSet<String>,
    /// Whether the settings have changed.
    is_changed: bool,
}

impl Outbox {
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let outbound = Outbound::new(settings.allow.clone(), clock);
        Outbox {
            settings: RwLock::new(settings),
            outbound,
            filled: Notify::new(),
            news: Mutex::default(),
            deliverer: tokio::sync::Mutex::default(),
        }
    }

    /// Takes new settings. What could not be called before is tried again at once.
    pub fn set(&self, settings: Settings) {
        self.outbound.set_allow(settings.allow.clone());
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.news().is_changed = true;
        self.filled.notify_one();
    }

    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells that something is to be delivered in a lane.
    pub fn ring(&self, lane: String) {
        self.news().filled.insert(lane);
        self.filled.notify_one();
    }

    /// Lets a lane that is down be tried now: somebody thinks that its endpoint is back.
    fn nudge(&self, lane: &str) {
        self.news().wanted.insert(lane.to_owned());
        self.filled.notify_one();
    }

    /// What has been told since the last time.
    fn take_news(&self) -> News {
        std::mem::take(&mut *self.news())
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a URL that names a private address. What a name stands for is found out when it is called.
    pub fn check_url(&self, field: &str, url: &str) -> Result<()> {
        let mut faults = Faults::default();
        check_public(field, url, &self.outbound.allow(), &mut faults);
        Ok(faults.into_result()?)
    }
}
