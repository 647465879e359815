//! Reading what a page of the whole queue shows. Every query finds its rows by an index and stops at its limit.

use baton_model::{Millis, view::DirectiveFilter};

use super::{DirectiveRow, row};
use crate::{Result, Tx};

/// Directives that have not ended, each list in the order in which something happens to them.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// With an agent, the lease that ends first before all others.
    pub leased: Vec<DirectiveRow>,
    /// Due, the next to be handed out first.
    pub queued: Vec<DirectiveRow>,
    /// Not due yet, by when they are.
    pub scheduled: Vec<DirectiveRow>,
    /// Waiting for others, the oldest first.
    pub waiting: Vec<DirectiveRow>,
}

/// The first `limit` directives of each open state, of one owner or of all.
///
/// # Errors
/// If the database refuses.
pub async fn open(tx: &mut Tx<'_>, owner: Option<&str>, limit: i64) -> Result<Open> {
    let mine = if owner.is_some() { "and owner = $2" } else { "" };
    let mut lists = Vec::new();
    for rest in [
        format!("where state = 'leased' {mine} order by lease_ends_at limit $1"),
        format!("where state = 'queued' and agent = '' {mine} order by priority, ready_at, id limit $1"),
        // Of those that one agent alone may take, some by agent: to put all of them in one line would be to sort them.
        format!("where state = 'queued' and agent > '' {mine} order by agent, priority, ready_at, id limit $1"),
        format!("where state = 'scheduled' {mine} order by ready_at limit $1"),
        format!("where state = 'waiting' {mine} order by id limit $1"),
    ] {
        lists.push(tx.rows(&row::select(&rest), &[&limit, &owner], row::read).await?);
    }
    let mut lists = lists.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let (leased, mut queued, reserved, scheduled, waiting) = (next(), next(), next(), next(), next());
    queued.extend(reserved);
    queued.sort_by(|a, b| (a.priority, a.ready_at, &a.id).cmp(&(b.priority, b.ready_at, &b.id)));
    queued.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Open { leased, queued, scheduled, waiting })
}

/// How many failures of each kind are looked at, the latest submitted first, so that old ones cost nothing.
const LOOKED_AT: i64 = 500;

/// Directives that failed or died since `since` and that nothing has come of, the latest first.
///
/// # Errors
/// If the database refuses.
pub async fn in_need(tx: &mut Tx<'_>, owner: Option<&str>, since: Millis, limit: i64) -> Result<Vec<DirectiveRow>> {
    let mine = if owner.is_some() { "and owner = $3" } else { "" };
    let mut found = Vec::new();
    for state in ["failed", "dead"] {
        // Repeated, so that the partial index is seen to hold them all.
        let such = format!("state = '{state}' and state in ('failed', 'dead', 'cancelled')");
        let rest = format!(
            "where {such} and id >= coalesce((select id from directive where {such} order by id desc limit 1 offset \
             {LOOKED_AT}), '') and ended_at > $1 {mine} \
             and not exists (select 1 from directive as child where child.parent = directive.id) \
             order by ended_at desc, id desc limit $2"
        );
        found.extend(tx.rows(&row::select(&rest), &[&since, &limit, &owner], row::read).await?);
    }
    found.sort_by(|a, b| (b.ended_at, &b.id).cmp(&(a.ended_at, &a.id)));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// How far back a text is looked for, in directives.
pub const SEARCHED: i64 = 20_000;

/// A page of directives whose text holds `text` in any case, or whose id begins with it; newest first, beginning after
/// the id `before`, among the newest [`SEARCHED`] of the rest.
///
/// # Errors
/// If the database refuses.
pub async fn search(
    tx: &mut Tx<'_>,
    owner: Option<&str>,
    filter: &DirectiveFilter,
    text: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<DirectiveRow>> {
    let mut rest = format!(
        "where id < $1 and id >= coalesce((select id from directive where id < $1 order by id desc limit 1 offset \
         {SEARCHED}), '')"
    );
    rest += " and (instr(lower(body), lower($3)) > 0 or substr(id, 1, length($3)) = lower($3))";
    if let Some(state) = filter.state {
        rest += &format!(" and state = '{}'", state.as_str());
    }
    for (wanted, condition) in [
        (filter.priority.is_some(), " and priority = $4"),
        (filter.tag.is_some(), " and id in (select directive_id from directive_tag where tag = $5)"),
        (filter.parent.is_some(), " and parent = $6"),
        (owner.is_some(), " and owner = $7"),
    ] {
        rest += if wanted { condition } else { "" };
    }
    rest += " order by id desc limit $2";
    let priority = filter.priority.map(baton_model::Priority::rank);
    let args: [&dyn crate::sql::Bind; 7] =
        [&before.unwrap_or("~"), &limit, &text, &priority, &filter.tag, &filter.parent, &owner];
    tx.rows(&row::select(&rest), &args, row::read).await
}
