//! How results are counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Seed 000's `DirectiveAnalytics`. Rates and averages over nothing are 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Analytics {
    /// How many directives have a result.
    pub total_completed: i64,
    /// The share of them that succeeded, 0 to 1.
    pub success_rate: f64,
    /// Mean reported time of the successes that carry one, in seconds.
    pub average_execution_time: f64,
    /// How many directives wait.
    pub pending_count: i64,
    /// How many are with an agent.
    pub active_count: i64,
    /// Results by UTC day.
    pub daily_volume: BTreeMap<String, i64>,
    /// Success rate by the directive's priority; priorities without results are left out.
    pub success_by_priority: BTreeMap<String, f64>,
    /// `timeout: 3` and so on, most frequent first, at most five.
    pub common_failure_patterns: Vec<String>,
}

/// The class of a failure, by its error text (seed 000).
pub fn failure_pattern(error: &str) -> &'static str {
    let error = error.to_lowercase();
    if error.contains("timeout") || error.contains("timed out") {
        "timeout"
    } else if error.contains("access") {
        "access_denied"
    } else if error.contains("format") {
        "format_error"
    } else {
        "other"
    }
}

/// How long an agent with nothing to do shall wait, by how many results came in the last five minutes (seed 000).
pub fn wait_seconds(recent_results: i64) -> u64 {
    match recent_results {
        11.. => 1,
        6..=10 => 3,
        1..=5 => 5,
        _ => 15,
    }
}
