//! Ending an attempt or a whole directive.

use baton_model::{Millis, Report, State, view::AttemptOutcome};
use serde_json::{Map, Value, json};

use super::{DirectiveRow, attempt, mirror_tags, requeue, row};
use crate::{Json, Result, Signal, Tx, event, outbox, stats};

/// What came of a directive in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalResult {
    /// Whether it was carried out.
    pub success: bool,
    /// What was done and found.
    pub result: String,
    /// What went wrong.
    pub error: Option<String>,
    /// How long it took, in seconds, as reported.
    pub execution_time: Option<f64>,
    /// What the agent added.
    pub metadata: Map<String, Value>,
}

impl From<&Report> for FinalResult {
    fn from(report: &Report) -> Self {
        FinalResult {
            success: report.success,
            result: report.result.clone(),
            error: report.error.clone(),
            execution_time: report.execution_time,
            metadata: report.metadata.clone(),
        }
    }
}

/// How a directive ends.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The final state.
    pub state: State,
    /// Its result; none for a cancelled one.
    pub result: Option<FinalResult>,
    /// When.
    pub now: Millis,
    /// What is added to the event.
    pub note: Map<String, Value>,
}

/// Ends a directive for good: its row, which keeps the attempt that ended it, its event, the counts, and what waited
/// for it.
///
/// # Errors
/// If the database refuses.
pub async fn end(tx: &mut Tx<'_>, row: &DirectiveRow, ending: &Ending) -> Result<()> {
    let result = ending.result.as_ref();
    tx.execute_one(
        "end",
        "update directive set state = $2, ended_at = $3, success = $4, result = $5, error = $6, execution_time = $7, \
         metadata = $8 where id = $1 and attempt = $9 and ended_at is null",
        &[
            &row.id,
            &ending.state.as_str(),
            &ending.now,
            &result.map(|result| result.success),
            &result.map(|result| &result.result),
            &result.and_then(|result| result.error.as_ref()),
            &result.and_then(|result| result.execution_time),
            &result.map(|result| &result.metadata).filter(|metadata| !metadata.is_empty()).map(Json),
            &row.attempt,
        ],
    )
    .await?;
    if row.state == State::Queued && row.lease.is_some() && ending.state.is_reported() {
        attempt::reopen(tx, row).await?; // its lease had run out, and it was reported after all
    }
    if row.is_tagged() && row.state == State::Queued {
        mirror_tags(tx, &row.id, false, row.priority.rank(), row.ready_at).await?;
    }
    if let Some(result) = result {
        stats::count(tx, row, result, ending.now).await?;
    }
    let mut data = ending.note.clone();
    data.insert("attempt".to_owned(), json!(row.attempt));
    if let Some(result) = result {
        data.insert("success".to_owned(), json!(result.success));
    }
    let kind = match ending.state {
        State::Completed => "directive.completed",
        State::Dead => "directive.dead",
        State::Cancelled => "directive.cancelled",
        _ => "directive.failed",
    };
    event::append(tx, kind, &row.owner, &row.id, ending.now, Value::Object(data)).await?;
    if let Some(result) = result {
        outbox::completed(tx, row, result, ending.now).await?;
    }
    if row.needed > 0 {
        release_dependents(tx, &row.id, ending).await?;
    }
    Ok(())
}

/// Directives that waited for this one come closer to being due, or can no longer be carried out.
async fn release_dependents(tx: &mut Tx<'_>, id: &str, ending: &Ending) -> Result<()> {
    let waiting = "select d.directive_id from dependency d join directive w on w.id = d.directive_id \
        where d.needs_id = $1 and w.state = 'waiting' and w.unmet >= 0";
    for dependent in tx.rows(waiting, &[&id], |row| row.get::<String>(0)).await? {
        if ending.state != State::Completed {
            let sql = "update directive set unmet = -1 where id = $1";
            tx.execute_one("doom", sql, &[&dependent]).await?;
            tx.signal(Signal::Settle);
            continue;
        }
        let sql = "update directive set unmet = unmet - 1 where id = $1";
        tx.execute_one("release", sql, &[&dependent]).await?;
        if let Some(released) = row::get(tx, &dependent).await?.filter(|released| released.unmet == 0) {
            requeue(tx, &released, released.ready_at.max(ending.now), ending.now).await?;
            let data = json!({"released_by": id});
            event::append(tx, "directive.queued", &released.owner, &dependent, ending.now, data).await?;
        }
    }
    Ok(())
}

/// Ends a failed attempt whose directive gets another one at `due`.
///
/// # Errors
/// If the database refuses.
pub async fn retry(tx: &mut Tx<'_>, row: &DirectiveRow, report: &Report, due: Millis, now: Millis) -> Result<()> {
    if let Some(lease) = &row.lease {
        attempt::close(tx, row, lease, now, AttemptOutcome::Failed, Some(report)).await?;
    }
    let sql = "update directive set retry_count = retry_count + 1, retry_reason = $2, expiries = 0 where id = $1";
    tx.execute_one("retry", sql, &[&row.id, &baton_model::lifecycle::retry_reason(report)]).await?;
    clear_lease(tx, row).await?;
    requeue(tx, row, due, now).await?;
    let data =
        json!({"attempt": row.attempt, "retry_count": row.retry_count + 1, "due_at": baton_model::clock::iso(due)});
    event::append(tx, "directive.retry_scheduled", &row.owner, &row.id, now, data).await
}

/// Gives a directive that an agent could not take up back to the queue, due at `due`. It counts neither as a failure nor
/// as a delivery without a result.
///
/// # Errors
/// If the database refuses.
pub async fn release(tx: &mut Tx<'_>, row: &DirectiveRow, due: Millis, reason: &str, now: Millis) -> Result<()> {
    if let Some(lease) = &row.lease {
        attempt::close(tx, row, lease, now, AttemptOutcome::Released, None).await?;
    }
    clear_lease(tx, row).await?;
    requeue(tx, row, due, now).await?;
    let data = json!({"attempt": row.attempt, "reason": reason, "due_at": baton_model::clock::iso(due)});
    event::append(tx, "directive.released", &row.owner, &row.id, now, data).await
}

/// Takes the ended attempt out of the directive's row.
async fn clear_lease(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<()> {
    tx.execute_one(
        "clear lease",
        "update directive set first_expired = (select coalesce(min(number), 0) from attempt where directive_id = $1 and \
         outcome in ('expired', 'released')), lease_token = null, lease_agent = null, lease_session = null, lease_ms = null, \
         leased_at = null, lease_ends_at = null, lease_holder = null where id = $1 and attempt = $2 and ended_at is null",
        &[&row.id, &row.attempt],
    )
    .await
}

/// Puts a directive whose lease ran out back to its place in line. Its lease's token stays good until somebody else
/// takes it.
///
/// # Errors
/// If the database refuses.
pub async fn expire(tx: &mut Tx<'_>, row: &DirectiveRow, now: Millis) -> Result<()> {
    if let Some(lease) = &row.lease {
        attempt::close(tx, row, lease, now, AttemptOutcome::Expired, None).await?;
    }
    tx.execute_one(
        "expire",
        "update directive set expiries = expiries + 1, \
         first_expired = case when first_expired = 0 then attempt else first_expired end where id = $1 and attempt = $2",
        &[&row.id, &row.attempt],
    )
    .await?;
    requeue(tx, row, row.ready_at.min(now), now).await?;
    let data = json!({"attempt": row.attempt, "expiries": row.expiries + 1});
    event::append(tx, "directive.lease_expired", &row.owner, &row.id, now, data).await
}
