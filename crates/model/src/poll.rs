//! A poll: what an agent tells when it asks for work, and what it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{bounds::check_seconds, directive::Priority, fault::Faults};

/// What came of one attempt (seed 000's `DirectiveResult`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"directive_id": "0192…", "success": true, "result": "3 errors, all in billing"}))]
pub struct Report {
    /// The directive it is about.
    #[schema(min_length = 1)]
    pub directive_id: String,
    /// Whether the directive was carried out.
    pub success: bool,
    /// What was done and found, in detail.
    pub result: String,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 315360000)]
    pub execution_time: Option<f64>,
    /// What went wrong, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Anything; kept as it is and visible to follow-up conditions.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// The `metadata.lease_token` that came with the directive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
}

impl Report {
    /// Checks the bounds that types cannot say.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        if self.directive_id.trim().is_empty() {
            faults.add("directive_id", "must not be blank: it is the `directive_id` that came with the directive");
        }
        if let Some(seconds) = self.execution_time {
            check_seconds("execution_time", seconds, &mut faults);
        }
        faults.into_result()
    }

    /// Whether both say the same of the attempt; the token is no part of what is said.
    pub fn says_the_same(&self, other: &Report) -> bool {
        (self.success, &self.result, &self.error, self.execution_time, &self.metadata)
            == (other.success, &other.result, &other.error, other.execution_time, &other.metadata)
    }
}

/// What an agent shall do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NextAction {
    /// Carry out the directive, then poll with its result.
    ExecuteThenPoll,
    /// Wait `wait_seconds`, then poll.
    WaitThenPoll,
    /// Stop polling.
    Stop,
}

/// What came of the result that was sent along with a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Recorded {
    /// The directive it was about.
    pub directive_id: String,
    /// Whether it ended the directive, led to a retry, or was known already.
    pub outcome: RecordedAs,
}

/// How a report was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordedAs {
    /// The directive is completed.
    Completed,
    /// The directive failed for good.
    Failed,
    /// The attempt failed and another one is scheduled.
    RetryScheduled,
    /// The same result had been recorded before; nothing changed.
    AlreadyRecorded,
}

/// The answer to a poll (seed 000's `DirectiveResponse`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct PollAnswer {
    /// Whether there is something to do.
    pub has_directive: bool,
    /// What to do; for a retry, with the story of the attempt before.
    pub directive: Option<String>,
    /// Its id, to be sent back with the result.
    pub directive_id: Option<String>,
    /// Its priority.
    pub priority: Option<Priority>,
    /// What the agent shall do next.
    pub next_action: NextAction,
    /// How long to wait before the next poll, in whole seconds.
    pub wait_seconds: u64,
    /// The same in words.
    pub instructions: String,
    /// Whether the next poll shall carry a result.
    pub expect_result: bool,
    /// More about the directive; empty without one.
    pub metadata: PollMetadata,
    /// What came of the result that this poll brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_result: Option<Recorded>,
}

/// What an agent may need to know about the attempt that it was handed. Every field is absent without a directive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct PollMetadata {
    /// The directive's own `timeout_seconds`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Option<f64>>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// 0 at first, k at the k-th retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i64>,
    /// Number of this delivery, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// To be sent back with the result; proves that this attempt is still the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
    /// When the directive is handed out again unless a result or `extend_lease` comes first: ISO 8601, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_expires_at: Option<String>,
    /// What it may cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// The check that will prove the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<String>,
    /// The repository it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The submitter's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// The answer to `start_monitoring`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Started {
    /// A sentence for people.
    pub message: String,
    /// The monitoring session; the same for everybody until it is stopped.
    pub session_id: String,
    /// How the loop goes.
    pub instructions: String,
}

/// The answer to `stop_monitoring`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Stopped {
    /// A sentence for people.
    pub message: String,
    /// The monitoring session that ended, if there was one.
    pub session_id: Option<String>,
    /// How many directives have a result.
    pub completed_directives: i64,
    /// How many wait in the queue.
    pub pending_directives: i64,
}
