//! Deliveries that have ended.

use baton_model::{Millis, Report, lifecycle::Past, view::AttemptOutcome};

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
    /// What was reported of it, unless that is the directive's final result.
    pub report: Option<Report>,
}

/// Notes the end of a delivery. One whose lease ran out may still be reported; then it ends a second time.
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
         report) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (directive_id, number) do update set \
         token = excluded.token, agent = excluded.agent, session = excluded.session, leased_at = excluded.leased_at, \
         lease_ends_at = excluded.lease_ends_at, ended_at = excluded.ended_at, outcome = excluded.outcome, \
         report = excluded.report",
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
        ],
    )
    .await
}

/// Every delivery of a directive that has ended, first to last.
///
/// # Errors
/// If the database refuses.
pub async fn attempts(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Attempt>> {
    let sql = "select number, agent, leased_at, lease_ends_at, ended_at, outcome, report from attempt \
        where directive_id = $1 order by number";
    tx.rows(sql, &[&id], |row| {
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
    .await
}

/// Who carried out the attempt that ended a directive, if they said.
///
/// # Errors
/// If the database refuses.
pub async fn agent_of_attempt(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<Option<String>> {
    let sql = "select agent from attempt where directive_id = $1 and number = $2";
    Ok(tx.row(sql, &[&row.id, &row.attempt], |row| row.get(0)).await?.flatten())
}

/// What is stored of the delivery that a token names.
///
/// # Errors
/// If the database refuses.
pub async fn report_of_token(tx: &mut Tx<'_>, row: &DirectiveRow, token: &str) -> Result<Option<Past>> {
    let sql = "select outcome, report from attempt where directive_id = $1 and token = $2";
    let found = tx.row(sql, &[&row.id, &token], read_past).await?;
    Ok(found.map(|past| past_of(row, past)))
}

/// What is stored of the latest delivery.
///
/// # Errors
/// If the database refuses.
pub async fn latest_report(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<Option<Past>> {
    let sql = "select outcome, report from attempt where directive_id = $1 order by number desc limit 1";
    let found = tx.row(sql, &[&row.id], read_past).await?;
    Ok(found.map(|past| past_of(row, past)))
}

fn read_past(row: Row<'_>) -> Result<(AttemptOutcome, Option<Report>)> {
    Ok((read_outcome(&row, 0)?, row.get::<Option<Json<Report>>>(1)?.map(|Json(report)| report)))
}

/// An attempt that was reported without a report of its own is the one whose report became the final result.
fn past_of(row: &DirectiveRow, (outcome, report): (AttemptOutcome, Option<Report>)) -> Past {
    let reported = matches!(outcome, AttemptOutcome::Succeeded | AttemptOutcome::Failed);
    match (report, &row.result) {
        (Some(report), _) => Past::Reported(report),
        (None, Some(result)) if reported => Past::Reported(Report {
            directive_id: row.id.clone(),
            success: result.success,
            result: result.result.clone(),
            execution_time: result.execution_time,
            error: result.error.clone(),
            metadata: result.metadata.clone(),
            lease_token: None,
        }),
        (None, _) => Past::Silent,
    }
}

fn read_outcome(row: &Row<'_>, index: usize) -> Result<AttemptOutcome> {
    let word = row.get::<String>(index)?;
    AttemptOutcome::parse(&word).ok_or_else(|| Error::Unreadable(format!("`{word}` is no outcome")))
}
