//! One attempt at a directive, as the server handed it out.

use std::time::Duration;

use baton_model::{PollAnswer, Priority};
use serde_json::Value;

/// What is to be done, and under which terms.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    /// Proves that this attempt is the present one.
    pub(super) token: String,
    pub(super) attempt: i64,
    pub(super) text: String,
    pub(super) priority: Priority,
    /// The directive's own limit.
    pub(super) timeout: Option<Duration>,
    pub(super) budget_usd: Option<f64>,
    /// The name of a check.
    pub(super) acceptance: Option<String>,
    pub(super) repository: Option<String>,
    /// From the submitter's own data.
    pub(super) working_directory: Option<String>,
}

impl Job {
    /// Reads the answer to a poll; none if it brings no work.
    pub(super) fn read(answer: PollAnswer) -> Option<Self> {
        let metadata = answer.metadata;
        let own = metadata.metadata.as_ref();
        let working_directory = own.and_then(|own| own.get("working_directory")).and_then(Value::as_str);
        Some(Job {
            id: answer.directive_id?,
            token: metadata.lease_token?,
            attempt: metadata.attempt.unwrap_or(1),
            text: answer.directive?,
            priority: answer.priority.unwrap_or_default(),
            timeout: metadata.timeout.flatten().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            budget_usd: metadata.budget_usd,
            acceptance: metadata.acceptance,
            repository: metadata.repository,
            working_directory: working_directory.map(str::to_owned),
        })
    }
}
