//! The queue of directives.

mod change;
pub(crate) mod ending;
mod lease;
mod monitoring;
mod next;
mod overview;
mod show;
mod submit;
mod throughput;
mod waiters;
mod words;

use std::time::Duration;

use baton_model::{Millis, Report};
pub use baton_store::directive::Switch;

pub use self::{lease::Renewal, overview::Overview, throughput::Minute};
pub(crate) use self::{
    lease::held,
    show::{check_limit, cut},
    throughput::Throughput,
    waiters::{Waiters, Work},
};

/// What the operator may set (`[queue]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease lasts where the directive does not say.
    pub lease: Duration,
    /// How often a directive is handed out without a result before it is dead.
    pub max_deliveries: i64,
    /// The longest that a poll may wait.
    pub max_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { lease: Duration::from_secs(3600), max_deliveries: 5, max_wait: Duration::from_secs(240) }
    }
}

impl Settings {
    fn lease_millis(&self) -> Millis {
        Millis::try_from(self.lease.as_millis()).unwrap_or(Millis::MAX / 4)
    }
}

/// One poll of an agent.
#[derive(Clone, Debug, Default)]
pub struct Poll {
    /// The result of the directive before.
    pub report: Option<Report>,
    /// How long to wait when nothing is due: at most 240 s, and no longer than the operator lets polls wait.
    pub wait: Duration,
    /// The agent's name; it also gets the directives that are meant for it alone.
    pub agent: Option<String>,
    /// Its monitoring session; kept with the attempt.
    pub session: Option<String>,
    /// Only directives that carry at least one of these; all if empty.
    pub tags: Vec<String>,
    /// Whether the monitoring switch matters: to agents it does, to workers it does not.
    pub switch: Switch,
    /// How long the lease shall last, whatever the directive says: for workers, which renew it while they live.
    pub lease: Option<Duration>,
}
