//! What is reported of an attempt.

use std::path::Path;

use baton_agents::Outcome;
use baton_model::{Millis, Report};
use serde_json::{Map, Value, json};

use super::job::Job;

/// What an acceptance command said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Its name.
    pub(super) name: String,
    /// Whether it accepted the work; none: it could not be asked.
    pub(super) passed: Option<bool>,
    /// Why not.
    pub(super) why: Option<String>,
}

/// An attempt that had no run: a setting or the directive itself does not allow one.
pub(super) fn refused(job: &Job, worker: &str, agent: &str, error: String) -> Report {
    let metadata = json!({ "worker": worker, "agent": agent, "transcript": false });
    report(job, false, String::new(), Some(error), None, metadata)
}

/// An attempt that had a run.
pub(super) fn ran(
    job: &Job,
    worker: &str,
    dir: &Path,
    duration: Millis,
    has_transcript: bool,
    outcome: &Outcome,
    accepted: Option<&Accepted>,
) -> Report {
    let error = outcome.error().or_else(|| accepted.and_then(|accepted| accepted.why.clone()));
    let success = outcome.is_success() && accepted.is_none_or(|accepted| accepted.passed == Some(true));
    let mut metadata = known(outcome);
    let told = json!({
        "worker": worker, "working_directory": dir, "duration_ms": duration, "transcript": has_transcript,
    });
    extend(&mut metadata, told);
    if let Some(Accepted { name, passed, why }) = accepted {
        let exit_code = why.as_deref().and_then(exit_code).or(passed.filter(|passed| *passed).map(|_| 0));
        extend(&mut metadata, json!({ "acceptance": { "name": name, "passed": passed, "exit_code": exit_code } }));
    }
    report(job, success, outcome.result.clone(), error, Some(duration), Value::Object(metadata))
}

/// What is known of the run, under the names that people look for.
fn known(outcome: &Outcome) -> Map<String, Value> {
    let mut known = match serde_json::to_value(&outcome.metadata) {
        Ok(Value::Object(known)) => known,
        _ => Map::new(),
    };
    if let Some(Value::Object(usage)) = known.remove("usage") {
        known.extend(usage);
    }
    if let Some(cost) = known.remove("total_cost_usd") {
        known.insert("cost_usd".to_owned(), cost);
    }
    if let Some(code) = outcome.metadata.exit.as_deref().and_then(|exit| exit.strip_prefix("exit ")) {
        known.insert("exit_code".to_owned(), code.parse::<i32>().map_or(Value::Null, Value::from));
    }
    known
}

/// The status in `… says no (exit 4): …`.
fn exit_code(why: &str) -> Option<i32> {
    let (_, rest) = why.split_once(" says no (exit ")?;
    rest.split_once(')')?.0.parse().ok()
}

fn extend(metadata: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        metadata.extend(more);
    }
}

fn report(
    job: &Job,
    success: bool,
    result: String,
    error: Option<String>,
    duration: Option<Millis>,
    metadata: Value,
) -> Report {
    let metadata = match metadata {
        Value::Object(metadata) => metadata,
        _ => Map::new(),
    };
    Report {
        directive_id: job.id.clone(),
        success,
        result,
        execution_time: duration.map(|duration| duration.max(0) as f64 / 1000.0),
        error,
        metadata,
        lease_token: Some(job.token.clone()),
    }
}
