//! What came of attempts, and what is given up.

use baton_model::{Millis, webhook::DeliveryState};
use serde_json::json;

use crate::{Result, Row, Tx, event};

/// Told when a delivery is given up.
const DEAD: &str = "webhook.dead";

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The delivery.
    pub id: String,
    /// When the attempt began.
    pub at: Millis,
    /// How long it took.
    pub millis: Millis,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// What was answered.
    pub answer: Option<String>,
    /// Where the delivery stands now.
    pub state: DeliveryState,
    /// When it is tried again, if it is pending.
    pub next_at: Millis,
}

/// Notes what came of an attempt. Nothing happens if the delivery has been removed with its endpoint, or given up.
///
/// # Errors
/// If the database refuses.
pub async fn record(tx: &mut Tx<'_>, outcome: &Outcome) -> Result<()> {
    let sql = "update delivery set state = $2, attempts = attempts + 1, next_at = $3, ended_at = $4, status = $5, \
        error = $6, answer = $7 where id = $1 and state = 'pending'";
    let ended_at = (outcome.state != DeliveryState::Pending).then_some(outcome.at + outcome.millis);
    let args: [&dyn crate::Bind; 7] = [
        &outcome.id,
        &outcome.state.as_str(),
        &outcome.next_at,
        &ended_at,
        &outcome.status,
        &outcome.error,
        &outcome.answer,
    ];
    if tx.execute(sql, &args).await? == 0 {
        return Ok(());
    }
    let sql = "insert into delivery_attempt (delivery_id, number, at, millis, status, error) \
        select id, attempts, $2, $3, $4, $5 from delivery where id = $1";
    let args: [&dyn crate::Bind; 5] = [&outcome.id, &outcome.at, &outcome.millis, &outcome.status, &outcome.error];
    tx.execute_one("note attempt", sql, &args).await?;
    if outcome.state == DeliveryState::Dead {
        tell_of_death(tx, &outcome.id, outcome.at + outcome.millis).await?;
    }
    Ok(())
}

/// Gives up what waits in a lane since before `cutoff`, at most `limit`; answers how many. For lanes whose deliveries
/// are not attempted; the others are given up with their last attempt.
///
/// # Errors
/// If the database refuses.
pub async fn give_up(tx: &mut Tx<'_>, lane: &str, cutoff: Millis, now: Millis, limit: i64) -> Result<usize> {
    let sql = "select id from delivery where state = 'pending' and lane = $1 and opened_at <= $2 limit $3";
    let overdue = tx.rows(sql, &[&lane, &cutoff, &limit], |row| row.get::<String>(0)).await?;
    for id in &overdue {
        let sql = "update delivery set state = 'dead', ended_at = $2, \
            error = coalesce(error, 'its endpoint could not be called in time') where id = $1 and state = 'pending'";
        tx.execute_one("give up delivery", sql, &[id, &now]).await?;
        tell_of_death(tx, id, now).await?;
    }
    Ok(overdue.len())
}

/// Makes what waits in a lane for another attempt due now, at most `limit`: its endpoint answers again. Answers how
/// many.
///
/// # Errors
/// If the database refuses.
pub async fn bring_forward(tx: &mut Tx<'_>, lane: &str, now: Millis, limit: i64) -> Result<u64> {
    let sql = "update delivery set next_at = $2 where id in (select id from delivery \
        where state = 'pending' and lane = $1 and next_at > $2 limit $3)";
    tx.execute(sql, &[&lane, &now, &limit]).await
}

/// Tells the owner of a delivery that it was given up. What tells of dead letters dies in silence, so that two dead
/// endpoints do not keep each other's outbox full.
async fn tell_of_death(tx: &mut Tx<'_>, id: &str, now: Millis) -> Result<()> {
    let sql = "select owner, webhook_id, kind, directive_id, attempts, error from delivery where id = $1";
    let read = |row: Row<'_>| {
        let (webhook_id, kind, error) = (row.get::<String>(1)?, row.get::<String>(2)?, row.get::<Option<String>>(5)?);
        let data = json!({
            "delivery_id": id, "webhook_id": webhook_id, "event": kind, "attempts": row.get::<i64>(4)?, "error": error,
        });
        Ok((row.get::<String>(0)?, kind, row.get::<Option<String>>(3)?, data))
    };
    let (owner, kind, directive, data) = tx.one(sql, &[&id], read).await?;
    if kind == DEAD {
        return Ok(());
    }
    event::insert(tx, DEAD, &owner, directive.as_deref(), now, data).await
}
