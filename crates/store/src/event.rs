//! Facts, each written in the transaction of the change it tells of.

use baton_model::{Millis, clock, view::EventView};
use serde_json::{Map, Value};

use crate::{Json, Result, Tx};

/// Adds a fact about a directive to the log.
///
/// # Errors
/// If the database refuses.
pub async fn append(tx: &mut Tx<'_>, kind: &str, owner: &str, directive: &str, at: Millis, data: Value) -> Result<()> {
    let sql = "insert into event (kind, owner, directive_id, at, data) values ($1, $2, $3, $4, $5)";
    tx.execute_one("append event", sql, &[&kind, &owner, &directive, &at, &Json(data)]).await
}

/// The last `limit` facts about a directive, first to last.
///
/// # Errors
/// If the database refuses.
pub async fn of_directive(tx: &mut Tx<'_>, id: &str, limit: i64) -> Result<Vec<EventView>> {
    let sql = "select seq, kind, at, data from event where directive_id = $1 order by seq desc limit $2";
    let mut events = tx
        .rows(sql, &[&id, &limit], |row| {
            let Json(mut data) = row.get::<Json<Map<String, Value>>>(3)?;
            data.insert("directive_id".to_owned(), Value::from(id));
            Ok(EventView { id: row.get::<i64>(0)?.to_string(), kind: row.get(1)?, at: clock::iso(row.get(2)?), data })
        })
        .await?;
    events.reverse();
    Ok(events)
}
