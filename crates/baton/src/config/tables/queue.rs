//! `[queue]`: how directives are handed out.

use std::time::Duration;

use baton_model::{
    Faults,
    bounds::{MAX_SECONDS, check_positive_seconds},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How directives are handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// How long an agent may work on a directive that has no `timeout_seconds`, before it is handed out again.
    #[schemars(range(min = 0.001, max = MAX_SECONDS))]
    pub lease_seconds: f64,
    /// How often a directive is handed out without a result before it is dead.
    #[schemars(range(min = 1, max = 1000))]
    pub max_deliveries: i64,
    /// The longest that a poll may wait for work.
    #[schemars(range(min = 0, max = 240))]
    pub max_wait_seconds: f64,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { lease_seconds: 3600.0, max_deliveries: 5, max_wait_seconds: 240.0 }
    }
}

impl Queue {
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        check_positive_seconds("queue.lease_seconds", self.lease_seconds, faults);
        if !(1..=1000).contains(&self.max_deliveries) {
            faults.add("queue.max_deliveries", format!("must be 1 to 1000, not {}", self.max_deliveries));
        }
        if !(0.0..=240.0).contains(&self.max_wait_seconds) {
            faults.add("queue.max_wait_seconds", format!("must be 0 to 240 seconds, not {}", self.max_wait_seconds));
        }
    }

    pub(in crate::config) fn for_engine(&self) -> baton_engine::Settings {
        baton_engine::Settings {
            lease: Duration::from_secs_f64(self.lease_seconds),
            max_deliveries: self.max_deliveries,
            max_wait: Duration::from_secs_f64(self.max_wait_seconds),
        }
    }
}
