//! `[webhooks]`: how calls to webhooks are made.

use std::time::Duration;

use baton_model::Faults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::span::Span;

const SHORTEST_CALL: f64 = 0.1;
const LONGEST_CALL: f64 = 300.0;
/// Longer than this nobody waits for a receiver to come back.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30 * 86_400);

/// How calls to webhooks are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// How long a receiver may take to answer.
    #[schemars(range(min = SHORTEST_CALL, max = LONGEST_CALL))]
    pub timeout_seconds: f64,
    /// How long a delivery is tried again before it is given up: `3d`, `12h`; a minute to 30 days.
    pub give_up_after: Span,
}

impl Default for Webhooks {
    fn default() -> Self {
        Webhooks { timeout_seconds: 10.0, give_up_after: Span::days(3) }
    }
}

impl Webhooks {
    /// How long a receiver may take to answer.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_seconds)
    }

    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        if !(SHORTEST_CALL..=LONGEST_CALL).contains(&self.timeout_seconds) {
            let given = self.timeout_seconds;
            let detail = format!("must be {SHORTEST_CALL} to {LONGEST_CALL} seconds, not {given}");
            faults.add("webhooks.timeout_seconds", detail);
        }
        if self.give_up_after.length() > LONGEST_PATIENCE {
            faults.add("webhooks.give_up_after", format!("must be at most 30d, not {}", self.give_up_after));
        }
    }
}
