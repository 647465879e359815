//! Messages to webhook endpoints: those that are still to be delivered, and what came of the others.

mod due;
mod outcome;
mod replay;

use baton_model::{
    Millis, clock,
    webhook::{DeliveryState, DeliveryView},
};

pub use self::{
    due::{Message, Waiting, is_overdue, lanes, message, waiting},
    outcome::{Outcome, bring_forward, give_up, record},
    replay::{Range, replay, replay_range},
};
use crate::{Error, Result, Row, Signal, Tx};

/// A message that is to be delivered.
#[derive(Clone, Debug)]
pub struct NewDelivery<'a> {
    /// The `webhook-id`. A second one of the same id is not written.
    pub id: String,
    /// The endpoint's owner.
    pub owner: &'a str,
    /// The endpoint.
    pub webhook_id: &'a str,
    /// What fails together.
    pub lane: &'a str,
    /// Where it goes.
    pub url: &'a str,
    /// `directive_completed` or a kind of event.
    pub kind: &'a str,
    /// The directive that it tells of.
    pub directive_id: Option<&'a str>,
    /// What is sent: JSON.
    pub body: &'a str,
    /// When it happened; the first attempt is due then.
    pub at: Millis,
}

/// A delivery with what is needed to make it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The `webhook-id`.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// The endpoint.
    pub webhook_id: String,
    /// What fails together: the endpoint, or what signs and the origin of a directive's own URL.
    pub lane: String,
    /// Where it goes.
    pub url: String,
    /// `directive_completed` or a kind of event.
    pub kind: String,
    /// The directive that it tells of.
    pub directive_id: Option<String>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is due.
    pub next_at: Millis,
    /// When it was made.
    pub created_at: Millis,
    /// When it was made or replayed; it is given up so and so long after this.
    pub opened_at: Millis,
    /// When it was delivered or given up.
    pub ended_at: Option<Millis>,
    /// The HTTP status of the latest attempt.
    pub status: Option<i64>,
    /// What went wrong in the latest attempt.
    pub error: Option<String>,
}

/// An attempt that was made.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Its number, from 1.
    pub number: i64,
    /// When it began.
    pub at: Millis,
    /// How long it took.
    pub millis: Millis,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
}

impl Delivery {
    /// As it is shown, without the answer.
    pub fn view(&self) -> DeliveryView {
        DeliveryView {
            id: self.id.clone(),
            webhook_id: self.webhook_id.clone(),
            url: self.url.clone(),
            event: self.kind.clone(),
            directive_id: self.directive_id.clone(),
            state: self.state,
            attempts: self.attempts,
            next_at: (self.state == DeliveryState::Pending).then(|| clock::iso(self.next_at)),
            created_at: clock::iso(self.created_at),
            ended_at: self.ended_at.map(clock::iso),
            status: self.status,
            error: self.error.clone(),
            answer: None,
        }
    }
}

/// What a removed endpoint leaves behind for a while is not shown.
const KEPT: &str = "exists (select 1 from webhook where webhook.id = delivery.webhook_id and webhook.owner <> '')";
const COLUMNS: &str = "id, owner, webhook_id, lane, url, kind, directive_id, state, attempts, next_at, created_at, \
    opened_at, ended_at, status, error";

/// Writes a message; the first attempt is due at once.
///
/// # Errors
/// If the database refuses.
pub async fn insert(tx: &mut Tx<'_>, new: &NewDelivery<'_>) -> Result<()> {
    let sql = "insert into delivery (id, owner, webhook_id, lane, url, kind, directive_id, body, state, attempts, \
        next_at, created_at, opened_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 0, $9, $9, $9) on conflict (id) do nothing";
    let args: [&dyn crate::Bind; 9] =
        [&new.id, &new.owner, &new.webhook_id, &new.lane, &new.url, &new.kind, &new.directive_id, &new.body, &new.at];
    tx.execute(sql, &args).await?;
    tx.signal(Signal::Outbox { lane: new.lane.to_owned() });
    Ok(())
}

/// The delivery of that id and what was answered last.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<(Delivery, Option<String>)>> {
    let sql = format!("select {COLUMNS}, answer from delivery where id = $1 and {KEPT}");
    tx.row(&sql, &[&id], |row| {
        let answer = row.get(15)?;
        Ok((read(row)?, answer))
    })
    .await
}

/// Every attempt of a delivery, first to last.
///
/// # Errors
/// If the database refuses.
pub async fn attempts(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Tried>> {
    let sql = "select number, at, millis, status, error from delivery_attempt where delivery_id = $1 order by number";
    tx.rows(sql, &[&id], |row| {
        Ok(Tried { number: row.get(0)?, at: row.get(1)?, millis: row.get(2)?, status: row.get(3)?, error: row.get(4)? })
    })
    .await
}

/// What tells of a directive, first to last; at most 1000.
///
/// # Errors
/// If the database refuses.
pub async fn of_directive(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Delivery>> {
    let sql =
        format!("select {COLUMNS} from delivery where directive_id = $1 and {KEPT} order by created_at, id limit 1000");
    tx.rows(&sql, &[&id], read).await
}

/// A page of an endpoint's deliveries by id, beginning after the id `after`; all, or those that stand so.
///
/// # Errors
/// If the database refuses.
pub async fn list(
    tx: &mut Tx<'_>,
    webhook_id: &str,
    state: Option<DeliveryState>,
    after: &str,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let sql = format!(
        "select {COLUMNS} from delivery where webhook_id = $1 and id > $2 and (state = $3 or $3 is null) \
         order by id limit $4"
    );
    tx.rows(&sql, &[&webhook_id, &after, &state.map(DeliveryState::as_str), &limit], read).await
}

/// How many of an endpoint's deliveries are pending, delivered and dead.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx<'_>, webhook_id: &str) -> Result<[i64; 3]> {
    let sql = "select state, count(*) from delivery where webhook_id = $1 group by state";
    let mut counts = [0; 3];
    for (state, number) in tx.rows(sql, &[&webhook_id], |row| Ok((read_state(&row, 0)?, row.get::<i64>(1)?))).await? {
        counts[state as usize] = number;
    }
    Ok(counts)
}

fn read(row: Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        owner: row.get(1)?,
        webhook_id: row.get(2)?,
        lane: row.get(3)?,
        url: row.get(4)?,
        kind: row.get(5)?,
        directive_id: row.get(6)?,
        state: read_state(&row, 7)?,
        attempts: row.get(8)?,
        next_at: row.get(9)?,
        created_at: row.get(10)?,
        opened_at: row.get(11)?,
        ended_at: row.get(12)?,
        status: row.get(13)?,
        error: row.get(14)?,
    })
}

fn read_state(row: &Row<'_>, index: usize) -> Result<DeliveryState> {
    let word = row.get::<String>(index)?;
    DeliveryState::parse(&word).ok_or_else(|| Error::Unreadable(format!("`{word}` is no state of a delivery")))
}
