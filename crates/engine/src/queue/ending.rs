//! Taking a report, and what follows when a directive ends.

use std::sync::Arc;

use baton_model::{
    Millis, Report, State, clock,
    condition::{Condition, Facts},
    lifecycle::{self, Past, Verdict},
    poll::{Recorded, RecordedAs},
};
use baton_store::{
    Tx,
    directive::{self, DirectiveRow, Ending, FinalResult},
};
use serde_json::{Map, Value, json};

use super::submit;
use crate::{Error, Inner, Principal, Result};

/// What follows a directive's end, worked out before the write: conditions are never evaluated on the writer.
#[derive(Clone, Debug)]
pub(crate) struct FollowUps {
    /// The attempt for which they were worked out.
    attempt: i64,
    rows: Vec<DirectiveRow>,
    /// Conditions that could not be evaluated.
    faults: Vec<String>,
}

/// Why a report's transaction was given up.
pub(crate) enum Halt {
    /// For good.
    Refused(Error),
    /// Until the follow-ups of this row have been worked out.
    NeedsFollowUps(Box<DirectiveRow>),
}

impl From<baton_store::Error> for Halt {
    fn from(error: baton_store::Error) -> Self {
        Halt::Refused(error.into())
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Refused(error)
    }
}

impl Inner {
    /// Evaluates a directive's rules against the result that may become its final one: on a thread of its own, because
    /// many rules on a large result take their time.
    pub(crate) async fn work_out_follow_ups(
        self: &Arc<Self>,
        row: DirectiveRow,
        result: FinalResult,
    ) -> Result<FollowUps> {
        let inner = self.clone();
        let worked_out = tokio::task::spawn_blocking(move || evaluate(&inner, &row, &result)).await;
        worked_out.map_err(|error| Error::Unavailable(format!("the follow-up rules could not be evaluated: {error}")))
    }
}

fn evaluate(inner: &Inner, row: &DirectiveRow, result: &FinalResult) -> FollowUps {
    let facts = Facts {
        success: result.success,
        result: &result.result,
        error: result.error.as_deref(),
        metadata: &result.metadata,
        execution_time: result.execution_time,
        tags: &row.request.tags,
        priority: row.priority.as_str(),
        attempt: row.attempt,
    };
    let mut follow_ups = FollowUps { attempt: row.attempt, rows: Vec::new(), faults: Vec::new() };
    for rule in &row.request.follow_up_rules {
        match Condition::parse(&rule.condition).and_then(|condition| condition.holds(&facts)) {
            Ok(true) => {
                let delay = clock::millis(rule.delay_seconds);
                follow_ups.rows.push(inner.follow_up(&rule.next_directive, rule.priority, delay, row));
            }
            Ok(false) => {}
            Err(why) => follow_ups.faults.push(format!("`{}`: {why}", rule.condition)),
        }
    }
    follow_ups
}

/// Takes a report: ends the directive, schedules a retry, or says that it was known.
pub(super) async fn take_report(
    tx: &mut Tx<'_>,
    who: &Principal,
    report: &Report,
    follow_ups: Option<&FollowUps>,
    now: Millis,
) -> Result<Recorded, Halt> {
    let id = &report.directive_id;
    let row = directive::get(tx, id).await?.ok_or_else(|| Error::no_directive(id))?;
    if !who.sees(&row.owner) && !directive::was_held_by(tx, &row, &who.name).await? {
        return Err(Error::no_directive(id).into());
    }
    let standing = row.standing();
    if report.lease_token.is_none() && standing.is_open_to(report) && is_anothers(&row, who) {
        let detail = format!("directive `{id}` is with somebody else: send the `lease_token` that came with it");
        return Err(Error::conflict("lease_token_required", detail).into());
    }
    let past = match &report.lease_token {
        _ if standing.is_open_to(report) => None,
        Some(token) => directive::report_of_token(tx, &row, token).await?,
        None => directive::latest_report(tx, &row).await?,
    };
    let outcome = match lifecycle::take_report(&standing, row.retry_policy(), report, past.as_ref()) {
        Verdict::Known(outcome) => outcome,
        Verdict::Refused(code, detail) => return Err(refusal(code, detail, &row, past).into()),
        Verdict::Retry(delay) => {
            directive::retry(tx, &row, report, now + delay, now).await?;
            RecordedAs::RetryScheduled
        }
        Verdict::End(state) => {
            end_with(tx, &row, state, FinalResult::from(report), follow_ups, now).await?;
            if report.success { RecordedAs::Completed } else { RecordedAs::Failed }
        }
    };
    Ok(Recorded { directive_id: id.clone(), outcome })
}

/// Whether the latest delivery went to another principal, so that words without a token cannot be about it.
fn is_anothers(row: &DirectiveRow, who: &Principal) -> bool {
    let holder = row.lease.as_ref().and_then(|lease| lease.holder.as_deref());
    holder.is_some_and(|holder| *holder != *who.name)
}

/// Ends a directive with a result and queues what follows.
pub(crate) async fn end_with(
    tx: &mut Tx<'_>,
    row: &DirectiveRow,
    state: State,
    result: FinalResult,
    follow_ups: Option<&FollowUps>,
    now: Millis,
) -> Result<(), Halt> {
    let follow_ups = follow_ups.filter(|worked_out| worked_out.attempt == row.attempt);
    if follow_ups.is_none() && !row.request.follow_up_rules.is_empty() {
        return Err(Halt::NeedsFollowUps(Box::new(row.clone())));
    }
    let mut note = Map::new();
    if let Some(follow_ups) = follow_ups {
        let ids: Vec<&String> = follow_ups.rows.iter().map(|row| &row.id).collect();
        note.insert("follow_ups".to_owned(), json!(ids));
        if !follow_ups.faults.is_empty() {
            note.insert("condition_errors".to_owned(), json!(follow_ups.faults));
        }
    }
    let ending = Ending { state, result: Some(result), now, note };
    directive::end(tx, row, &ending).await?;
    for follow_up in follow_ups.into_iter().flat_map(|follow_ups| &follow_ups.rows) {
        // Its delay counts from this moment, not from the one in which it was worked out.
        let delay = follow_up.ready_at - follow_up.created_at;
        let row = DirectiveRow { created_at: now, ready_at: now + delay, ..follow_up.clone() };
        submit::insert(tx, &Principal::local(), row, now).await?;
    }
    Ok(())
}

fn refusal(code: &'static str, detail: String, row: &DirectiveRow, past: Option<Past>) -> Error {
    let stored = match (past, &row.result) {
        (Some(Past::Reported(report)), _) => serde_json::to_value(report).ok(),
        (_, Some(result)) => Some(json!({
            "directive_id": row.id,
            "success": result.success,
            "result": result.result,
            "error": result.error,
            "execution_time": result.execution_time,
            "metadata": Value::Object(result.metadata.clone()),
        })),
        _ => None,
    };
    Error::Conflict { code, detail, stored: stored.map(Box::new) }
}
