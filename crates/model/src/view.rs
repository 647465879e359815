//! What is shown of the queue: wire shapes shared by every door.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    directive::{FollowUpRule, Priority, State},
    webhook::DeliveryView,
};

/// The answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Submitted {
    /// Always true; a refusal is an error.
    pub success: bool,
    /// The new directive's id, or the one that the idempotency key already stood for.
    pub directive_id: String,
}

/// The final result of a directive (`GET /api/results`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct ResultView {
    /// The directive.
    pub directive_id: String,
    /// Whether it was carried out.
    pub success: bool,
    /// What was done and found.
    pub result: String,
    /// How long it took, in seconds, as reported.
    pub execution_time: Option<f64>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was recorded: ISO 8601, UTC.
    pub timestamp: String,
    /// What the agent added.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// The directive's text.
    pub directive: String,
    /// Its priority.
    pub priority: Priority,
    /// Its tags.
    pub tags: Vec<String>,
    /// The attempt that ended it; 0 if it ended without one.
    pub attempt: i64,
    /// Who carried it out, if they said.
    pub agent: Option<String>,
}

/// One delivery of a directive.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: i64,
    /// Who took it, if they said.
    pub agent: Option<String>,
    /// When it was handed out: ISO 8601, UTC.
    pub leased_at: String,
    /// When its lease ends or ended.
    pub lease_expires_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// What the agent said of it, if it did.
    pub result: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// The agent is at it.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// Its lease ran out.
    Expired,
    /// Its directive was called off.
    Cancelled,
    /// It was given back undone.
    Released,
}

impl AttemptOutcome {
    /// The word on the wire and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            AttemptOutcome::Running => "running",
            AttemptOutcome::Succeeded => "succeeded",
            AttemptOutcome::Failed => "failed",
            AttemptOutcome::Expired => "expired",
            AttemptOutcome::Cancelled => "cancelled",
            AttemptOutcome::Released => "released",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        use AttemptOutcome::{Cancelled, Expired, Failed, Released, Running, Succeeded};
        [Running, Succeeded, Failed, Expired, Cancelled, Released].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// A fact that was written with the change it tells of.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct EventView {
    /// Its place in the log; opaque, rising.
    pub id: String,
    /// `directive.queued`, `directive.leased`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When: ISO 8601, UTC.
    pub at: String,
    /// What it is about.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// A directive in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct DirectiveView {
    /// Its id.
    pub directive_id: String,
    /// Its text, as it was submitted.
    pub directive: String,
    /// Its priority.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// Its tags.
    pub tags: Vec<String>,
    /// The only agent that may take it.
    pub agent: Option<String>,
    /// When it was submitted: ISO 8601, UTC.
    pub created_at: String,
    /// When it became or becomes due.
    pub due_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How often it was handed out.
    pub attempt: i64,
    /// How often it was retried after a failure.
    pub retry_count: i64,
    /// Who has it now, if they said.
    pub leased_by: Option<String>,
    /// When the present lease ends.
    pub lease_expires_at: Option<String>,
    /// The directive from whose result or retry it came.
    pub parent: Option<String>,
}

/// Everything about one directive (`GET /api/directives/{id}`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct DirectiveDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub directive: DirectiveView,
    /// Who is told the result.
    pub webhook: Option<String>,
    /// What follows, depending on the result.
    pub follow_up_rules: Vec<FollowUpRule>,
    /// Whether failed attempts are retried.
    pub retry_on_failure: bool,
    /// How often.
    pub max_retries: i64,
    /// How long the first retry waits, in seconds.
    pub retry_delay: f64,
    /// By what the wait grows.
    pub retry_backoff: f64,
    /// How long one attempt may take, in seconds.
    pub timeout_seconds: Option<f64>,
    /// What it waits or waited for.
    pub depends_on: Vec<String>,
    /// What it may cost, in US dollars.
    pub budget_usd: Option<f64>,
    /// The check that proves the work.
    pub acceptance: Option<String>,
    /// The repository it is about.
    pub repository: Option<String>,
    /// The submitter's own data.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Its final result.
    pub result: Option<ResultView>,
    /// Every delivery, first to last.
    pub attempts: Vec<AttemptView>,
    /// What happened to it, first to last; the last 200.
    pub events: Vec<EventView>,
    /// What came of it: follow-ups and retries.
    pub children: Vec<String>,
    /// Webhook deliveries that tell of it, first to last; at most 1000.
    pub deliveries: Vec<DeliveryView>,
    /// Who submitted it.
    pub owner: String,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Give this as `cursor` to go on; absent on the last page.
    pub next_cursor: Option<String>,
}

/// What a list of directives is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct DirectiveFilter {
    /// Only those that stand so.
    pub state: Option<State>,
    /// Only those of this priority.
    pub priority: Option<Priority>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those that came of this one.
    pub parent: Option<String>,
    /// Only this principal's.
    pub owner: Option<String>,
}

/// The state of the whole queue (`GET /api/queue`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct QueueStatus {
    /// How many wait for an agent, whether due or not.
    pub pending_directives: i64,
    /// How many of those are not due yet: delayed, to be retried, or waiting for others.
    pub scheduled_directives: i64,
    /// How many are with an agent.
    pub active_directives: i64,
    /// How many have a result.
    pub completed_directives: i64,
    /// Whether agents are handed work.
    pub is_monitoring: bool,
    /// The monitoring session.
    pub session_id: Option<String>,
    /// Polls that are waiting at this replica.
    pub waiting_polls: i64,
}

/// A change of a directive that was asked for and made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Changed {
    /// Always true; a refusal is an error.
    pub success: bool,
    /// The directive; for the retry of one that has ended, the new one.
    pub directive_id: String,
    /// Where it stands now.
    pub state: State,
}

/// A lease that was renewed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Extended {
    /// Always true; a refusal is an error.
    pub success: bool,
    /// The directive.
    pub directive_id: String,
    /// When the lease ends now: ISO 8601, UTC.
    pub lease_expires_at: String,
}
