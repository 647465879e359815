//! Keys under which a submission may be repeated.

use baton_model::Millis;

use crate::{Result, Tx};

/// How long a key is remembered: 24 hours.
pub const LIFE: Millis = 24 * 3600 * 1000;

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// SHA-256 of the body it came with.
    pub body_hash: String,
    /// The directive it made.
    pub directive_id: String,
}

/// What the owner's key stands for, if it came less than [`LIFE`] ago.
///
/// # Errors
/// If the database refuses.
pub async fn find(tx: &mut Tx<'_>, owner: &str, key: &str, now: Millis) -> Result<Option<Known>> {
    let sql = "select body_hash, directive_id from idempotency where owner = $1 and key = $2 and created_at > $3";
    tx.row(sql, &[&owner, &key, &(now - LIFE)], |row| Ok(Known { body_hash: row.get(0)?, directive_id: row.get(1)? }))
        .await
}

/// Remembers a key.
///
/// # Errors
/// If the database refuses.
pub async fn remember(tx: &mut Tx<'_>, owner: &str, key: &str, known: &Known, now: Millis) -> Result<()> {
    let sql = "insert into idempotency (owner, key, body_hash, directive_id, created_at) values ($1, $2, $3, $4, $5) \
        on conflict (owner, key) do update set body_hash = excluded.body_hash, directive_id = excluded.directive_id, \
        created_at = excluded.created_at";
    tx.execute_one("remember key", sql, &[&owner, &key, &known.body_hash, &known.directive_id, &now]).await
}
