//! Deliveries that are made again, under the same ids.

use baton_model::Millis;

use crate::{Result, Signal, Tx};

/// Which deliveries of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The endpoint.
    pub webhook_id: &'a str,
    /// Made then or later.
    pub since: Millis,
    /// Made before.
    pub until: Millis,
    /// Those that were delivered too, not only dead letters.
    pub delivered: bool,
}

/// Puts one delivery that ended back into the outbox, with its schedule from the beginning; false if there is none, or
/// it is pending.
///
/// # Errors
/// If the database refuses.
pub async fn replay(tx: &mut Tx<'_>, id: &str, now: Millis) -> Result<bool> {
    let sql = "update delivery set state = 'pending', next_at = $2, opened_at = $2, ended_at = null \
        where id = $1 and state <> 'pending' returning lane";
    let lane = tx.row(sql, &[&id, &now], |row| row.get::<String>(0)).await?;
    let replayed = lane.is_some();
    lane.into_iter().for_each(|lane| tx.signal(Signal::Outbox { lane }));
    Ok(replayed)
}

/// Puts ended deliveries of an endpoint back into the outbox: those that were made in a span of time, in the order of
/// their ids, beginning after `after`, at most `limit`. Answers how many, and the last id unless that was all.
///
/// # Errors
/// If the database refuses.
pub async fn replay_range(
    tx: &mut Tx<'_>,
    of: &Range<'_>,
    after: &str,
    now: Millis,
    limit: i64,
) -> Result<(u64, Option<String>)> {
    let states = if of.delivered { "('dead', 'delivered')" } else { "('dead')" };
    let sql = format!(
        "select id from delivery where webhook_id = $1 and id > $2 and state in {states} and created_at >= $3 \
         and created_at < $4 order by id limit $5"
    );
    let mut ended =
        tx.rows(&sql, &[&of.webhook_id, &after, &of.since, &of.until, &limit], |row| row.get::<String>(0)).await?;
    for id in &ended {
        replay(tx, id, now).await?;
    }
    let replayed = ended.len() as u64;
    let more = i64::try_from(replayed).unwrap_or(i64::MAX) >= limit;
    Ok((replayed, ended.pop().filter(|_| more)))
}
