//! Directives: their rows, and the five functions that move them from state to state: [`insert`], [`claim`],
//! [`give_back`], [`requeue`] and [`end`].

mod attempt;
mod claim;
mod end;
mod list;
mod overview;
mod row;
mod throughput;

use baton_model::{Millis, State, directive::Priority};

pub use self::{
    attempt::{Attempt, attempts, latest_report, report_of_token, was_held_by},
    claim::{Claim, Claimed, Switch, claim, give_back},
    end::{Ending, FinalResult, end, expire, release, retry},
    list::{Counts, Listed, children, counts, dependencies, first_queued, list, page_of_results, recent_results},
    overview::{Open, SEARCHED, in_need, open, search},
    row::{DirectiveRow, Lease, get},
    throughput::{MinuteCount, by_minute},
};
use crate::{Result, Signal, Tx, event};

/// Writes a new directive, its tags and what it waits for, and says so to whoever waits.
///
/// # Errors
/// If the database refuses.
pub async fn insert(tx: &mut Tx<'_>, row: &DirectiveRow) -> Result<()> {
    let request = row::stored_request(&row.request)?;
    tx.execute_one(
        "insert directive",
        "insert into directive (id, owner, body, request, priority, state, agent, tagged, parent, created_at, ready_at, \
         unmet, attempt, retry_count, expiries, first_expired) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, 0)",
        &[
            &row.id,
            &row.owner,
            &row.body,
            &request,
            &row.priority.rank(),
            &row.state.as_str(),
            &row.agent,
            &!row.request.tags.is_empty(),
            &row.parent,
            &row.created_at,
            &row.ready_at,
            &row.unmet,
        ],
    )
    .await?;
    let mut tags: Vec<&String> = row.request.tags.iter().collect();
    tags.sort();
    tags.dedup();
    for tag in tags {
        tx.execute_one(
            "insert tag",
            "insert into directive_tag (tag, directive_id, queued, agent, priority, ready_at) \
             values ($1, $2, $3, $4, $5, $6)",
            &[tag, &row.id, &(row.state == State::Queued), &row.agent, &row.priority.rank(), &row.ready_at],
        )
        .await?;
    }
    announce(tx, row, row.state, row.ready_at);
    let kind = if row.state == State::Queued { "directive.queued" } else { "directive.scheduled" };
    let mut data = serde_json::json!({"priority": row.priority});
    if let Some(parent) = &row.parent {
        data["parent"] = parent.as_str().into();
    }
    event::append(tx, kind, &row.owner, &row.id, row.created_at, data).await
}

/// Writes what a new directive waits for. The caller has counted in `unmet` those that are not completed yet.
///
/// # Errors
/// If the database refuses.
pub async fn insert_dependencies(tx: &mut Tx<'_>, id: &str, needs: &[String]) -> Result<()> {
    for needed in needs {
        tx.execute(
            "insert into dependency (directive_id, needs_id) values ($1, $2) on conflict do nothing",
            &[&id, needed],
        )
        .await?;
        tx.execute_one("need", "update directive set needed = needed + 1 where id = $1", &[needed]).await?;
    }
    Ok(())
}

/// Puts a directive that is not final back in line: due at once, or at `ready_at` if that is still to come.
///
/// # Errors
/// If the database refuses.
pub async fn requeue(tx: &mut Tx<'_>, row: &DirectiveRow, ready_at: Millis, now: Millis) -> Result<State> {
    let state = if ready_at > now { State::Scheduled } else { State::Queued };
    tx.execute_one(
        "requeue",
        "update directive set state = $2, ready_at = $3, unmet = 0 \
         where id = $1 and state in ('waiting', 'scheduled', 'queued', 'leased')",
        &[&row.id, &state.as_str(), &ready_at],
    )
    .await?;
    if row.is_tagged() {
        mirror_tags(tx, &row.id, state == State::Queued, row.priority.rank(), ready_at).await?;
    }
    announce(tx, row, state, ready_at);
    Ok(state)
}

/// Makes directives whose time has come claimable; at most `limit`, answers how many.
///
/// # Errors
/// If the database refuses.
pub async fn promote_due(tx: &mut Tx<'_>, now: Millis, limit: i64) -> Result<usize> {
    let due = tx
        .rows(
            &row::select("where state = 'scheduled' and ready_at <= $1 order by ready_at limit $2"),
            &[&now, &limit],
            row::read,
        )
        .await?;
    for row in &due {
        requeue(tx, row, row.ready_at, now).await?;
        event::append(tx, "directive.queued", &row.owner, &row.id, now, serde_json::json!({"state": "queued"})).await?;
    }
    Ok(due.len())
}

/// Changes how urgent a directive is.
///
/// # Errors
/// If the database refuses.
pub async fn set_priority(tx: &mut Tx<'_>, row: &DirectiveRow, priority: Priority) -> Result<()> {
    tx.execute_one(
        "set priority",
        "update directive set priority = $2 where id = $1 and ended_at is null",
        &[&row.id, &priority.rank()],
    )
    .await?;
    if row.is_tagged() {
        mirror_tags(tx, &row.id, row.state == State::Queued, priority.rank(), row.ready_at).await?;
    }
    Ok(())
}

/// Lets a lease end later. One that has run out is taken up again, as long as nobody else took the directive.
///
/// # Errors
/// If the database refuses.
pub async fn renew(tx: &mut Tx<'_>, row: &DirectiveRow, ends_at: Millis) -> Result<()> {
    let had_run_out = row.state == State::Queued;
    if had_run_out {
        attempt::reopen(tx, row).await?;
    }
    tx.execute_one(
        "renew",
        "update directive set state = 'leased', lease_ends_at = $2, expiries = expiries - $4, first_expired = \
         (select coalesce(min(number), 0) from attempt where directive_id = $1 and outcome in ('expired', 'released')) \
         where id = $1 and attempt = $3 and state in ('leased', 'queued') and lease_token is not null",
        &[&row.id, &ends_at, &row.attempt, &i64::from(had_run_out)],
    )
    .await?;
    if row.is_tagged() {
        mirror_tags(tx, &row.id, false, row.priority.rank(), row.ready_at).await?;
    }
    tx.signal(Signal::Alarm(ends_at));
    Ok(())
}

/// The earliest time at which a scheduled directive is due, and the earliest end of a lease.
///
/// # Errors
/// If the database refuses.
pub async fn next_alarms(tx: &mut Tx<'_>) -> Result<(Option<Millis>, Option<Millis>)> {
    let due = "select min(ready_at) from directive where state = 'scheduled'";
    let lease = "select min(lease_ends_at) from directive where state = 'leased'";
    Ok((tx.one(due, &[], |row| row.get(0)).await?, tx.one(lease, &[], |row| row.get(0)).await?))
}

/// Directives that cannot be carried out because one they depend on was not, and whose leases have run out.
///
/// # Errors
/// If the database refuses.
pub async fn unsettled(tx: &mut Tx<'_>, steady: Millis, limit: i64) -> Result<(Vec<DirectiveRow>, Vec<DirectiveRow>)> {
    let doomed = row::select("where state = 'waiting' and unmet < 0 order by id limit $1");
    let doomed = tx.rows(&doomed, &[&limit], row::read).await?;
    let expired = row::select("where state = 'leased' and lease_ends_at <= $1 order by lease_ends_at limit $2");
    let expired = tx.rows(&expired, &[&steady, &limit], row::read).await?;
    Ok((doomed, expired))
}

/// Tells whoever waits that a directive stands so.
fn announce(tx: &mut Tx<'_>, row: &DirectiveRow, state: State, ready_at: Millis) {
    match state {
        State::Queued => tx.signal(row.queued_signal()),
        State::Scheduled => tx.signal(Signal::Alarm(ready_at)),
        _ => {}
    }
}

/// Brings the tag index in line with the directive's row.
async fn mirror_tags(tx: &mut Tx<'_>, id: &str, queued: bool, priority: i64, ready_at: Millis) -> Result<()> {
    let sql = "update directive_tag set queued = $2, priority = $3, ready_at = $4 where directive_id = $1";
    tx.execute(sql, &[&id, &queued, &priority, &ready_at]).await.map(drop)
}
