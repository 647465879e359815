//! What is still to be delivered, lane by lane: thousands of rows of a dead lane are never in another one's way.

use baton_model::Millis;

use super::{COLUMNS, Delivery, read};
use crate::{Result, Tx};

/// A delivery that waits, with what its turn depends on.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The `webhook-id`.
    pub id: String,
    /// The endpoint.
    pub webhook_id: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is due.
    pub next_at: Millis,
}

/// A delivery with everything that an attempt needs.
#[derive(Clone, Debug)]
pub struct Message {
    /// The delivery.
    pub delivery: Delivery,
    /// What is sent.
    pub body: String,
    /// How often it was tried since it was made or replayed.
    pub tries: i64,
}

/// Lanes in which something waits, and when the first of it is due; in the order of their names, beginning after
/// `after`, at most `limit`. It costs two entries of an index for each lane, whatever waits there.
///
/// # Errors
/// If the database refuses.
pub async fn lanes(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<(String, Millis)>> {
    // Neither SQLite nor PostgreSQL skips from one value of an index to the next by itself.
    let sql = "with recursive lanes (lane) as ( \
            select (select min(lane) from delivery where state = 'pending' and lane > $1) \
            union all \
            select (select min(d.lane) from delivery d where d.state = 'pending' and d.lane > lanes.lane) from lanes \
            where lanes.lane is not null) \
        select lane, (select min(d.next_at) from delivery d where d.state = 'pending' and d.lane = lanes.lane) \
        from lanes where lane is not null limit $2";
    tx.rows(sql, &[&after, &limit], |row| Ok((row.get(0)?, row.get(1)?))).await
}

/// What waits in a lane, the first due first; at most `limit`.
///
/// # Errors
/// If the database refuses.
pub async fn waiting(tx: &mut Tx<'_>, lane: &str, limit: i64) -> Result<Vec<Waiting>> {
    let sql = "select id, webhook_id, attempts, next_at from delivery where state = 'pending' and lane = $1 \
        order by next_at limit $2";
    tx.rows(sql, &[&lane, &limit], |row| {
        Ok(Waiting { id: row.get(0)?, webhook_id: row.get(1)?, attempts: row.get(2)?, next_at: row.get(3)? })
    })
    .await
}

/// A delivery that is still to be made.
///
/// # Errors
/// If the database refuses.
pub async fn message(tx: &mut Tx<'_>, id: &str) -> Result<Option<Message>> {
    let sql = format!(
        "select {COLUMNS}, body, (select count(*) from delivery_attempt a where a.delivery_id = delivery.id \
         and a.at >= delivery.opened_at) from delivery where id = $1 and state = 'pending'"
    );
    tx.row(&sql, &[&id], |row| {
        let (body, tries) = (row.get(15)?, row.get(16)?);
        Ok(Message { delivery: read(row)?, body, tries })
    })
    .await
}

/// Whether something waits in a lane since before `cutoff`.
///
/// # Errors
/// If the database refuses.
pub async fn is_overdue(tx: &mut Tx<'_>, lane: &str, cutoff: Millis) -> Result<bool> {
    let sql = "select 1 from delivery where state = 'pending' and lane = $1 and opened_at <= $2 limit 1";
    Ok(tx.row(sql, &[&lane, &cutoff], |_| Ok(())).await?.is_some())
}
