//! Forgetting what is old, a little at a time.

use baton_model::Millis;

use crate::{Result, Tx, idempotency, webhook};

/// What is forgotten: what is older than these moments. None keeps for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// Events from before, and what was delivered of them.
    pub events: Option<Millis>,
    /// Directives that ended before, with their results and attempts.
    pub results: Option<Millis>,
    /// Transcripts of before.
    pub transcripts: Option<Millis>,
    /// The wall clock, for idempotency keys.
    pub now: Millis,
}

/// Rows that one call forgets of each kind at most: a few milliseconds' work.
const BATCH: i64 = 200;

/// Forgets one batch of everything, also of what removed endpoints have left; true if there may be more.
///
/// # Errors
/// If the database refuses.
pub async fn forget(tx: &mut Tx<'_>, before: &Before) -> Result<bool> {
    let keys = "delete from idempotency where (owner, key) in \
        (select owner, key from idempotency where created_at <= $1 order by created_at limit $2)";
    let mut most = tx.execute(keys, &[&(before.now - idempotency::LIFE), &BATCH]).await?;
    most = most.max(webhook::sweep(tx, BATCH).await?);
    if let Some(at) = before.events {
        // Events are numbered as they come, so the oldest stand at the beginning.
        let events = "delete from event where seq in (select seq from event order by seq limit $2) and at < $1";
        most = most.max(tx.execute(events, &[&at, &BATCH]).await?);
        let deliveries = "delete from delivery where id in (select id from delivery \
            where ended_at is not null and ended_at < $1 order by ended_at limit $2)";
        most = most.max(tx.execute(deliveries, &[&at, &BATCH]).await?);
    }
    if let Some(at) = before.transcripts {
        let pieces = "delete from transcript where (directive_id, attempt, start) in \
            (select directive_id, attempt, start from transcript where at < $1 order by at limit $2)";
        most = most.max(tx.execute(pieces, &[&at, &(BATCH / 10)]).await?);
    }
    if let Some(at) = before.results {
        let with_result = "delete from directive where id in (select id from directive \
            where success is not null and ended_at < $1 order by ended_at limit $2)";
        most = most.max(tx.execute(with_result, &[&at, &BATCH]).await?);
        let cancelled = "delete from directive where id in (select id from directive \
            where state = 'cancelled' and ended_at < $1 order by ended_at limit $2)";
        most = most.max(tx.execute(cancelled, &[&at, &BATCH]).await?);
    }
    Ok(most > 0)
}
