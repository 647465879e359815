//! Webhook endpoints. What is to be delivered to them stands in [`crate::delivery`].

use std::sync::Arc;

use baton_model::{Millis, event::fits};

use crate::{Json, Result, Row, Tx};

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Whose it is; nobody's (empty) in the table once it is removed.
    pub owner: String,
    /// Where it is told; empty for the row that signs for the URLs in its owner's directives.
    pub url: String,
    /// Kinds and patterns of kinds that it hears of.
    pub events: Vec<String>,
    /// Whether it hears of other owners' directives too.
    pub everybody: bool,
    /// What it is for.
    pub description: Option<String>,
    /// What signs, sealed.
    pub secrets: String,
    /// Whether it is called.
    pub enabled: bool,
    /// Why it is not.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last changed.
    pub changed_at: Millis,
}

/// What the outbox needs to know of an endpoint that is called.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub webhook_id: String,
    pub owner: String,
    pub url: String,
    everybody: bool,
    events: Vec<String>,
}

impl Subscriber {
    /// Whether it hears of what happens to an owner's directive; what has no owner is everybody's.
    pub fn hears(&self, kind: &str, owner: &str) -> bool {
        (self.everybody || owner.is_empty() || self.owner == owner)
            && self.events.iter().any(|pattern| fits(pattern, kind))
    }
}

const COLUMNS: &str =
    "id, owner, url, events, everybody, description, secrets, enabled, reason, created_at, changed_at";

/// Writes a new endpoint.
///
/// # Errors
/// If the database refuses.
pub async fn insert(tx: &mut Tx<'_>, new: &Endpoint) -> Result<()> {
    tx.memory().subscribers = None;
    let sql = format!("insert into webhook ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    tx.execute_one(
        "insert webhook",
        &sql,
        &[
            &new.id,
            &new.owner,
            &new.url,
            &Json(&new.events),
            &new.everybody,
            &new.description,
            &new.secrets,
            &new.enabled,
            &new.reason,
            &new.created_at,
            &new.changed_at,
        ],
    )
    .await
}

/// Writes everything of an endpoint that can change.
///
/// # Errors
/// If the database refuses or there is none of that id.
pub async fn update(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<()> {
    tx.memory().subscribers = None;
    let sql = "update webhook set events = $2, everybody = $3, description = $4, secrets = $5, enabled = $6, \
        reason = $7, changed_at = $8 where id = $1";
    tx.execute_one(
        "update webhook",
        sql,
        &[
            &endpoint.id,
            &Json(&endpoint.events),
            &endpoint.everybody,
            &endpoint.description,
            &endpoint.secrets,
            &endpoint.enabled,
            &endpoint.reason,
            &endpoint.changed_at,
        ],
    )
    .await
}

/// Removes an endpoint: it belongs to nobody then, and is found by nobody. Its row and its deliveries go a batch at a time
/// (`sweep`), because there may be hundreds of thousands.
///
/// # Errors
/// If the database refuses or there is none of that id.
pub async fn remove(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.memory().subscribers = None;
    let sql = "update webhook set owner = '', url = id, enabled = false, secrets = '' where id = $1 and owner <> ''";
    tx.execute_one("remove webhook", sql, &[&id]).await
}

/// Deletes what is left of a removed endpoint, at most `limit` deliveries, and answers how many rows that were; 0 if
/// nothing is left of any.
///
/// # Errors
/// If the database refuses.
pub(crate) async fn sweep(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let removed = tx.row("select id from webhook where owner = '' limit 1", &[], |row| row.get::<String>(0)).await?;
    let Some(id) = removed else { return Ok(0) };
    let sql = "delete from delivery where id in (select id from delivery where webhook_id = $1 limit $2)";
    let deleted = tx.execute(sql, &[&id, &limit]).await?;
    if deleted > 0 {
        return Ok(deleted);
    }
    tx.execute("delete from webhook where id = $1", &[&id]).await
}

/// The endpoint of that id.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<Endpoint>> {
    tx.row(&format!("select {COLUMNS} from webhook where id = $1 and owner <> ''"), &[&id], read).await
}

/// An owner's endpoint of that URL.
///
/// # Errors
/// If the database refuses.
pub async fn find(tx: &mut Tx<'_>, owner: &str, url: &str) -> Result<Option<Endpoint>> {
    let sql = format!("select {COLUMNS} from webhook where owner = $1 and url = $2");
    tx.row(&sql, &[&owner, &url], read).await
}

/// Whether unfinished directives of an owner name a URL and there is no row that signs for it: in a database from before
/// there were endpoints. Only then, and where no directive ever named one, it looks at every unfinished directive.
///
/// # Errors
/// If the database refuses.
pub async fn lacks_signer(tx: &mut Tx<'_>, owner: &str) -> Result<bool> {
    if find(tx, owner, "").await?.is_some() {
        return Ok(false);
    }
    for state in ["queued", "leased", "scheduled", "waiting"] {
        // Partial indexes are found by the word alone.
        let sql = format!(
            "select 1 from directive where state = '{state}' and owner = $1 and request like '%\"webhook\":\"%' limit 1"
        );
        if tx.row(&sql, &[&owner], |_| Ok(())).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A page of endpoints, everybody's or one owner's, oldest first, beginning after the id `after`.
///
/// # Errors
/// If the database refuses.
pub async fn list(tx: &mut Tx<'_>, owner: Option<&str>, after: &str, limit: i64) -> Result<Vec<Endpoint>> {
    let sql = format!(
        "select {COLUMNS} from webhook where id > $2 and owner <> '' and (owner = $1 or $1 is null) order by id limit $3"
    );
    tx.rows(&sql, &[&owner, &after, &limit], read).await
}

/// The endpoints that are called. Read once and then remembered, because every event asks for them.
pub(crate) async fn subscribers(tx: &mut Tx<'_>) -> Result<Arc<[Subscriber]>> {
    if let Some(known) = &tx.memory().subscribers {
        return Ok(known.clone());
    }
    let sql = "select id, owner, url, everybody, events from webhook where enabled and url <> ''";
    let read = tx.rows(sql, &[], |row| {
        let Json(events) = row.get(4)?;
        Ok(Subscriber { webhook_id: row.get(0)?, owner: row.get(1)?, url: row.get(2)?, everybody: row.get(3)?, events })
    });
    let subscribers: Arc<[Subscriber]> = read.await?.into();
    tx.memory().subscribers = Some(subscribers.clone());
    Ok(subscribers)
}

fn read(row: Row<'_>) -> Result<Endpoint> {
    let Json(events) = row.get(3)?;
    Ok(Endpoint {
        id: row.get(0)?,
        owner: row.get(1)?,
        url: row.get(2)?,
        events,
        everybody: row.get(4)?,
        description: row.get(5)?,
        secrets: row.get(6)?,
        enabled: row.get(7)?,
        reason: row.get(8)?,
        created_at: row.get(9)?,
        changed_at: row.get(10)?,
    })
}
