//! Reading many directives.

use std::sync::LazyLock;

use baton_model::{Millis, State, principal::LOCAL, view::DirectiveFilter};

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

/// Counts what has not ended: everybody's, or one owner's.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx<'_>, owner: Option<&str>) -> Result<Counts> {
    if let Some(owner) = owner.filter(|owner| *owner != LOCAL) {
        return counts_of(tx, owner).await;
    }
    let sql = "select (select count(*) from directive where state = 'queued'), \
        (select count(*) from directive where state = 'scheduled') + (select count(*) from directive where state = 'waiting'), \
        (select count(*) from directive where state = 'leased')";
    let (queued, scheduled, active) =
        tx.one(sql, &[], |row| Ok((row.get::<i64>(0)?, row.get(1)?, row.get(2)?))).await?;
    Ok(Counts { pending: queued + scheduled, scheduled, active })
}

async fn counts_of(tx: &mut Tx<'_>, owner: &str) -> Result<Counts> {
    let sql = "select state, count(*) from directive where owner = $1 and owner <> 'local' and ended_at is null \
        group by state";
    let mut counts = Counts { pending: 0, scheduled: 0, active: 0 };
    for (state, number) in tx.rows(sql, &[&owner], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?))).await? {
        match row::read_state(&state)? {
            State::Leased => counts.active += number,
            State::Queued => counts.pending += number,
            _ => (counts.pending, counts.scheduled) = (counts.pending + number, counts.scheduled + number),
        }
    }
    Ok(counts)
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

/// Most bytes of one page: what is longer ends early, so that no caller makes the server hold gigabytes.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Some rows of a longer list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The rows.
    pub rows: Vec<DirectiveRow>,
    /// Whether more follow for certain, though fewer than were asked for came: these are long.
    pub is_cut: bool,
}

/// Reads rows until there are enough bytes.
async fn listed(tx: &mut Tx<'_>, sql: &str, args: &[&dyn crate::Bind]) -> Result<Listed> {
    let (mut bytes, mut is_cut) = (0, false);
    let rows = tx.rows_until(sql, args, row::read, |row| {
        let result = row.result.as_ref().map_or(0, |result| {
            result.result.len() + result.error.as_ref().map_or(0, String::len) + 100 * result.metadata.len()
        });
        bytes += row.body.len() + result;
        is_cut = bytes > PAGE_BYTES;
        is_cut
    });
    let rows = rows.await?;
    Ok(Listed { rows, is_cut })
}

/// A page of directives, newest first, beginning after the id `before`.
///
/// # Errors
/// If the database refuses.
pub async fn list(tx: &mut Tx<'_>, filter: &DirectiveFilter, before: Option<&str>, limit: i64) -> Result<Listed> {
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
    rest += &owned(filter.owner.as_deref(), "$6");
    rest += " order by id desc limit $2";
    let priority = filter.priority.map(baton_model::Priority::rank);
    let sql = row::select(&rest);
    listed(tx, &sql, &[&before.unwrap_or("~"), &limit, &priority, &filter.tag, &filter.parent, &filter.owner]).await
}

/// Narrows a query to one owner's rows; says which rows stand in the indexes by owner.
fn owned(owner: Option<&str>, placeholder: &str) -> String {
    match owner {
        None => String::new(),
        Some(LOCAL) => format!(" and owner = {placeholder}"),
        Some(_) => format!(" and owner = {placeholder} and owner <> 'local'"),
    }
}

/// A page of directives that have a result, everybody's or one owner's, latest result first, beginning after the place
/// `before`.
///
/// # Errors
/// If the database refuses.
pub async fn page_of_results(
    tx: &mut Tx<'_>,
    owner: Option<&str>,
    before: Option<(Millis, &str)>,
    limit: i64,
) -> Result<Listed> {
    let owned = owned(owner, "$4");
    let sql = row::select(&format!(
        "where success is not null and (ended_at, id) < ($1, $2){owned} order by ended_at desc, id desc limit $3"
    ));
    let (at, id) = before.unwrap_or((Millis::MAX, ""));
    listed(tx, &sql, &[&at, &id, &limit, &owner]).await
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
