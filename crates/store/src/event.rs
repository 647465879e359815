//! Facts, each written in the transaction of the change it tells of.

use baton_model::{Millis, clock, event::EventFilter, view::EventView};
use serde_json::{Map, Value};

use crate::{Json, Result, Tx, outbox, webhook};

/// One fact.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the log: rising in the order of commits.
    pub seq: i64,
    /// `directive.queued`, …
    pub kind: String,
    /// Whose it is; empty if it is for everybody.
    pub owner: String,
    /// The directive it is about.
    pub directive_id: Option<String>,
    /// When.
    pub at: Millis,
    /// More about it.
    pub data: Map<String, Value>,
}

impl Event {
    /// As it is shown.
    pub fn view(&self) -> EventView {
        let mut data = self.data.clone();
        if let Some(id) = &self.directive_id {
            data.insert("directive_id".to_owned(), Value::from(id.as_str()));
        }
        EventView { id: self.seq.to_string(), kind: self.kind.clone(), at: clock::iso(self.at), data }
    }

    /// Whether a filter lets it through.
    pub fn passes(&self, filter: &EventFilter) -> bool {
        filter.passes(&self.kind, &self.owner, self.directive_id.as_deref())
    }
}

/// Adds a fact about a directive to the log, and to the outbox where an endpoint hears of it.
///
/// # Errors
/// If the database refuses.
pub async fn append(tx: &mut Tx<'_>, kind: &str, owner: &str, directive: &str, at: Millis, data: Value) -> Result<()> {
    insert(tx, kind, owner, Some(directive), at, data).await
}

/// Adds a fact that is everybody's.
///
/// # Errors
/// If the database refuses.
pub async fn append_public(tx: &mut Tx<'_>, kind: &str, at: Millis, data: Value) -> Result<()> {
    insert(tx, kind, "", None, at, data).await
}

/// Adds a fact that belongs to an owner, about a directive or about none.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    kind: &str,
    owner: &str,
    directive: Option<&str>,
    at: Millis,
    data: Value,
) -> Result<()> {
    const INSERT: &str = "insert into event (kind, owner, directive_id, at, data) values ($1, $2, $3, $4, $5)";
    const INSERT_AND_TELL: &str =
        "insert into event (kind, owner, directive_id, at, data) values ($1, $2, $3, $4, $5) returning seq";
    tx.signal_event();
    let is_heard = webhook::subscribers(tx).await?.iter().any(|subscriber| subscriber.hears(kind, owner));
    if !is_heard {
        return tx.execute_one("append event", INSERT, &[&kind, &owner, &directive, &at, &Json(data)]).await;
    }
    let seq = tx.one(INSERT_AND_TELL, &[&kind, &owner, &directive, &at, &Json(&data)], |row| row.get(0)).await?;
    let Value::Object(data) = data else { return Ok(()) };
    let directive_id = directive.map(str::to_owned);
    outbox::tell(tx, &Event { seq, kind: kind.to_owned(), owner: owner.to_owned(), directive_id, at, data }).await
}

/// The facts after a place in the log, first to last; at most `limit`.
///
/// # Errors
/// If the database refuses.
pub async fn after(tx: &mut Tx<'_>, seq: i64, limit: i64) -> Result<Vec<Event>> {
    let sql = "select seq, kind, owner, directive_id, at, data from event where seq > $1 order by seq limit $2";
    tx.rows(sql, &[&seq, &limit], |row| {
        let Json(data) = row.get::<Json<Map<String, Value>>>(5)?;
        Ok(Event {
            seq: row.get(0)?,
            kind: row.get(1)?,
            owner: row.get(2)?,
            directive_id: row.get(3)?,
            at: row.get(4)?,
            data,
        })
    })
    .await
}

/// The first and the last place in the log that are kept; (0, 0) while there was no fact at all. The second also counts
/// what is no longer kept.
///
/// # Errors
/// If the database refuses.
pub async fn ends(tx: &mut Tx<'_>) -> Result<(i64, i64)> {
    let first = tx.one("select coalesce(min(seq), 0) from event", &[], |row| row.get(0)).await?;
    let last = "select coalesce(max(seq), (select seq from sqlite_sequence where name = 'event'), 0) from event";
    Ok((first, tx.one(last, &[], |row| row.get(0)).await?))
}

/// The last `limit` facts about a directive, first to last: everybody's, or one owner's. (A delivery that tells of a
/// directive may be another's.)
///
/// # Errors
/// If the database refuses.
pub async fn of_directive(tx: &mut Tx<'_>, id: &str, owner: Option<&str>, limit: i64) -> Result<Vec<EventView>> {
    let sql = "select seq, kind, at, data from event where directive_id = $1 and (owner = $3 or $3 is null) \
        order by seq desc limit $2";
    let mut events = tx
        .rows(sql, &[&id, &limit, &owner], |row| {
            let Json(mut data) = row.get::<Json<Map<String, Value>>>(3)?;
            data.insert("directive_id".to_owned(), Value::from(id));
            Ok(EventView { id: row.get::<i64>(0)?.to_string(), kind: row.get(1)?, at: clock::iso(row.get(2)?), data })
        })
        .await?;
    events.reverse();
    Ok(events)
}
