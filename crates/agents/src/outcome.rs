//! How a run ended, and what is known of it.

use baton_model::Millis;
use serde::Serialize;
use serde_json::Value;

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The agent's result, or what there was of it when it ended; may be empty.
    pub result: String,
    /// What is known of the run.
    pub metadata: Metadata,
}

/// How a run ended. Texts are for people: they say what, why and the next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The agent says that it did the work.
    Completed,
    /// The agent failed.
    Failed {
        /// In its own words where it has some.
        error: String,
    },
    /// The time was up.
    TimedOut,
    /// The agent printed nothing for too long.
    Stalled,
    /// The caller cancelled it.
    Cancelled,
    /// The agent's credentials are refused: every further run would fail alike.
    AuthenticationFailed {
        /// What was refused, and what to do.
        error: String,
    },
    /// The plan's limit of use is reached. This is no failure of the work: it can be done after the reset.
    PlanLimit {
        /// When the limit is reset, if the agent was told.
        until: Option<Millis>,
        /// In the agent's words.
        error: String,
    },
    /// The agent was never started: a setting of this machine is wrong. Another node may do better.
    NotStarted {
        /// What is missing, and what to do.
        why: String,
    },
}

impl Outcome {
    /// Whether the agent did the work.
    pub fn is_success(&self) -> bool {
        self.ending == Ending::Completed
    }

    /// The error to be reported with the result; none for a success.
    pub fn error(&self) -> Option<String> {
        match &self.ending {
            Ending::Completed => None,
            Ending::Failed { error } | Ending::AuthenticationFailed { error } | Ending::PlanLimit { error, .. } => {
                Some(error.clone())
            }
            Ending::TimedOut => Some("timeout: the agent was not done in time and was ended".to_owned()),
            Ending::Stalled => Some("stalled: the agent printed nothing for too long and was ended".to_owned()),
            Ending::Cancelled => Some("cancelled: the agent was ended".to_owned()),
            Ending::NotStarted { why } => Some(why.clone()),
        }
    }

    /// A run that never began.
    pub(crate) fn without_run(agent: &str, ending: Ending) -> Self {
        let metadata = Metadata { agent: agent.to_owned(), ..Metadata::default() };
        Outcome { ending, result: String::new(), metadata }
    }
}

/// What is known of a run; made to be written as JSON into the result's metadata. What is unknown is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metadata {
    /// The agent's name in the configuration.
    pub agent: String,
    /// The id of the agent's own session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The model that it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the session cost so far, in US dollars. For a session of one run that is the run's cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_cost_usd: Option<f64>,
    /// Tokens of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How often the model was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_turns: Option<u64>,
    /// How many uses of tools were denied; a run may succeed all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_denials: Option<u64>,
    /// Why the agent says that it ended: `completed`, `api_error`, `max_turns`, `budget_exhausted`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_reason: Option<String>,
    /// The last that the agent was told of its plan's limits, as it was told, also where it was only a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_info: Option<Value>,
    /// How the process ended: `exit 1`, `signal SIGTERM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// Processes that the agent left behind and that were ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub leftover_processes: u64,
    /// Lines that should have been JSON and were not, or were too long; the transcript has them.
    #[serde(skip_serializing_if = "is_zero")]
    pub broken_lines: u64,
    /// Bytes of output that are not in the transcript.
    #[serde(skip_serializing_if = "is_zero")]
    pub transcript_dropped_bytes: u64,
}

/// Tokens of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Sent, neither read from a cache nor written to one.
    pub input_tokens: u64,
    /// Received.
    pub output_tokens: u64,
    /// Sent and written to a cache.
    pub cache_creation_input_tokens: u64,
    /// Sent and read from a cache.
    pub cache_read_input_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
