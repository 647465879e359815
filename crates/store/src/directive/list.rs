//! Reading many directives.

use std::sync::LazyLock;

use baton_model::{Millis, State, view::DirectiveFilter};

use super::{DirectiveRow, row};
use crate::{Result, Tx};

/// How many directives wait, how many of those are not due yet, and how many are with agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Due or not, but not with an agent.
    pub pending: i64,
    /// Delayed, to be retried, or waiting for others.
    pub scheduled: i64,
    /// With an agent.
    pub active: i64,
}

/// Counts what has not ended.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Counts> {
    let sql = "select (select count(*) from directive where state = 'queued'), \
        (select count(*) from directive where state = 'scheduled') + (select count(*) from directive where state = 'waiting'), \
        (select count(*) from directive where state = 'leased')";
    let (queued, scheduled, active) =
        tx.one(sql, &[], |row| Ok((row.get::<i64>(0)?, row.get(1)?, row.get(2)?))).await?;
    Ok(Counts { pending: queued + scheduled, scheduled, active })
}

/// Some directives that are due; at most `limit`.
///
/// # Errors
/// If the database refuses.
pub async fn first_queued(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<DirectiveRow>> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| row::select("where state = 'queued' order by agent, priority, ready_at, id limit $1"));
    tx.rows(&SQL, &[&limit], row::read).await
}

/// How many results came after `since`, counted no further than `limit`.
///
/// # Errors
/// If the database refuses.
pub async fn recent_results(tx: &mut Tx<'_>, since: Millis, limit: i64) -> Result<i64> {
    let sql =
        "select count(*) from (select 1 from directive where success is not null and ended_at > $1 limit $2) as recent";
    tx.one(sql, &[&since, &limit], |row| row.get(0)).await
}

/// A page of directives, newest first, beginning after the id `before`.
///
/// # Errors
/// If the database refuses.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &DirectiveFilter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<DirectiveRow>> {
    // Conditions are left out rather than made always true, so that each list finds its index.
    let mut rest = String::from("where id < $1");
    if let Some(state) = filter.state {
        rest += &format!(" and state = '{}'", state.as_str()); // a word of ours; partial indexes need it in the text
        if matches!(state, State::Failed | State::Dead | State::Cancelled) {
            rest += " and state in ('failed', 'dead', 'cancelled')"; // says that `directive_faulty` holds them all
        }
    }
    if filter.priority.is_some() {
        rest += " and priority = $3";
    }
    if filter.tag.is_some() {
        rest += " and id in (select directive_id from directive_tag where tag = $4)";
    }
    if filter.parent.is_some() {
        rest += " and parent = $5";
    }
    rest += " order by id desc limit $2";
    let priority = filter.priority.map(baton_model::Priority::rank);
    let sql = row::select(&rest);
    tx.rows(&sql, &[&before.unwrap_or("~"), &limit, &priority, &filter.tag, &filter.parent], row::read).await
}

/// A page of directives that have a result, latest result first, beginning after the place `before`.
///
/// # Errors
/// If the database refuses.
pub async fn page_of_results(tx: &mut Tx<'_>, before: Option<(Millis, &str)>, limit: i64) -> Result<Vec<DirectiveRow>> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        row::select("where success is not null and (ended_at, id) < ($1, $2) order by ended_at desc, id desc limit $3")
    });
    let (at, id) = before.unwrap_or((Millis::MAX, ""));
    tx.rows(&SQL, &[&at, &id, &limit], row::read).await
}

/// What came of a directive: follow-ups and retries, first to last; at most 1000.
///
/// # Errors
/// If the database refuses.
pub async fn children(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>> {
    tx.rows("select id from directive where parent = $1 order by id limit 1000", &[&id], |row| row.get(0)).await
}

/// What a directive waits or waited for.
///
/// # Errors
/// If the database refuses.
pub async fn dependencies(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>> {
    let sql = "select needs_id from dependency where directive_id = $1 order by needs_id";
    tx.rows(sql, &[&id], |row| row.get(0)).await
}
