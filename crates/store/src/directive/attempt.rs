//! Deliveries that have ended. The one that ended its directive, like the present one, stands in the directive's row.

use baton_model::{Millis, Report, State, lifecycle::Past, view::AttemptOutcome};

use super::{DirectiveRow, row::Lease};
use crate::{Error, Json, Result, Row, Tx};

/// One delivery that has ended.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i64,
    /// Who took it, if they said.
    pub agent: Option<String>,
    /// When it was handed out.
    pub leased_at: Millis,
    /// When its lease ended.
    pub lease_ends_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// What was reported of it.
    pub report: Option<Report>,
}

/// Notes the end of a delivery that leaves its directive open. One whose lease ran out may still be reported, and so end
/// a second time.
pub(super) async fn close(
    tx: &mut Tx<'_>,
    row: &DirectiveRow,
    lease: &Lease,
    now: Millis,
    outcome: AttemptOutcome,
    report: Option<&Report>,
) -> Result<()> {
    tx.execute_one(
        "close attempt",
        "insert into attempt (directive_id, number, token, agent, session, leased_at, lease_ends_at, ended_at, outcome, \
         report, holder) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (directive_id, number) do update set \
         token = excluded.token, agent = excluded.agent, session = excluded.session, leased_at = excluded.leased_at, \
         lease_ends_at = excluded.lease_ends_at, ended_at = excluded.ended_at, outcome = excluded.outcome, \
         report = excluded.report, holder = excluded.holder",
        &[
            &row.id,
            &row.attempt,
            &lease.token,
            &lease.agent,
            &lease.session,
            &lease.leased_at,
            &lease.ends_at,
            &now,
            &outcome.as_str(),
            &report.map(Json),
            &lease.holder,
        ],
    )
    .await
}

/// Forgets that the latest delivery's lease ran out.
pub(super) async fn reopen(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<()> {
    let sql = "delete from attempt where directive_id = $1 and number = $2";
    tx.execute_one("reopen attempt", sql, &[&row.id, &row.attempt]).await
}

/// Every delivery of a directive that has ended, first to last.
///
/// # Errors
/// If the database refuses.
pub async fn attempts(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<Vec<Attempt>> {
    let sql = "select number, agent, leased_at, lease_ends_at, ended_at, outcome, report from attempt \
        where directive_id = $1 order by number";
    let mut attempts = tx
        .rows(sql, &[&row.id], |row| {
            Ok(Attempt {
                number: row.get(0)?,
                agent: row.get(1)?,
                leased_at: row.get(2)?,
                lease_ends_at: row.get(3)?,
                ended_at: row.get(4)?,
                outcome: read_outcome(&row, 5)?,
                report: row.get::<Option<Json<Report>>>(6)?.map(|Json(report)| report),
            })
        })
        .await?;
    if attempts.last().is_none_or(|last| last.number < row.attempt) {
        attempts.extend(last_attempt(row));
    }
    Ok(attempts)
}

/// The delivery that ended its directive.
fn last_attempt(row: &DirectiveRow) -> Option<Attempt> {
    let (lease, ended_at) = (row.lease.as_ref()?, row.ended_at?);
    let outcome = match row.state {
        State::Completed => AttemptOutcome::Succeeded,
        State::Failed => AttemptOutcome::Failed,
        State::Dead => AttemptOutcome::Expired,
        _ => AttemptOutcome::Cancelled,
    };
    Some(Attempt {
        number: row.attempt,
        agent: lease.agent.clone(),
        leased_at: lease.leased_at,
        lease_ends_at: lease.ends_at,
        ended_at,
        outcome,
        report: final_report(row),
    })
}

/// What was reported of the delivery that ended its directive.
fn final_report(row: &DirectiveRow) -> Option<Report> {
    let result = row.result.as_ref().filter(|_| row.state.is_reported())?;
    Some(Report {
        directive_id: row.id.clone(),
        success: result.success,
        result: result.result.clone(),
        execution_time: result.execution_time,
        error: result.error.clone(),
        metadata: result.metadata.clone(),
        lease_token: None,
    })
}

/// Whether a principal was ever handed the directive.
///
/// # Errors
/// If the database refuses.
pub async fn was_held_by(tx: &mut Tx<'_>, row: &DirectiveRow, principal: &str) -> Result<bool> {
    if row.lease.as_ref().is_some_and(|lease| lease.holder.as_deref() == Some(principal)) {
        return Ok(true);
    }
    let sql = "select 1 from attempt where directive_id = $1 and holder = $2 limit 1";
    Ok(tx.row(sql, &[&row.id, &principal], |_| Ok(())).await?.is_some())
}

/// What is stored of the ended delivery that a token names.
///
/// # Errors
/// If the database refuses.
pub async fn report_of_token(tx: &mut Tx<'_>, row: &DirectiveRow, token: &str) -> Result<Option<Past>> {
    if row.state.is_final() && row.lease.as_ref().is_some_and(|lease| lease.token == token) {
        return Ok(Some(past_of(final_report(row))));
    }
    let sql = "select report from attempt where directive_id = $1 and token = $2";
    Ok(tx.row(sql, &[&row.id, &token], read_report).await?.map(past_of))
}

/// What is stored of the latest delivery, if it has ended.
///
/// # Errors
/// If the database refuses.
pub async fn latest_report(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<Option<Past>> {
    if row.state.is_final() && row.lease.is_some() {
        return Ok(Some(past_of(final_report(row))));
    }
    let sql = "select report from attempt where directive_id = $1 order by number desc limit 1";
    Ok(tx.row(sql, &[&row.id], read_report).await?.map(past_of))
}

fn read_report(row: Row<'_>) -> Result<Option<Report>> {
    Ok(row.get::<Option<Json<Report>>>(0)?.map(|Json(report)| report))
}

fn past_of(report: Option<Report>) -> Past {
    report.map_or(Past::Silent, Past::Reported)
}

fn read_outcome(row: &Row<'_>, index: usize) -> Result<AttemptOutcome> {
    let word = row.get::<String>(index)?;
    AttemptOutcome::parse(&word).ok_or_else(|| Error::Unreadable(format!("`{word}` is no outcome")))
}
