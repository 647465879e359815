//! Access tokens: what is kept of them, which is never the tokens themselves.

use baton_model::{Millis, principal::Scopes};

use crate::{Json, Result, Row, Signal, Tx};

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Names it; no secret.
    pub id: String,
    /// Whose it is.
    pub principal: String,
    /// SHA-256 of the token as 64 hexadecimal digits.
    pub hash: String,
    /// What it lets do.
    pub scopes: Scopes,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// When it was last used, as far as that was noted.
    pub last_used_at: Option<Millis>,
}

impl Token {
    /// Whether it is let in.
    pub fn is_valid(&self, now: Millis) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

const COLUMNS: &str =
    "id, principal, hash, scopes, description, created_at, created_by, expires_at, revoked_at, last_used_at";

/// Keeps a new token.
///
/// # Errors
/// If the database refuses.
pub async fn insert(tx: &mut Tx<'_>, new: &Token) -> Result<()> {
    tx.signal(Signal::Tokens);
    let sql = format!("insert into token ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    tx.execute_one(
        "insert token",
        &sql,
        &[
            &new.id,
            &new.principal,
            &new.hash,
            &Json(new.scopes),
            &new.description,
            &new.created_at,
            &new.created_by,
            &new.expires_at,
            &new.revoked_at,
            &new.last_used_at,
        ],
    )
    .await
}

/// Every token that was ever made, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<Token>> {
    tx.rows(&format!("select {COLUMNS} from token order by id"), &[], read).await
}

/// The token of that id.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<Token>> {
    tx.row(&format!("select {COLUMNS} from token where id = $1"), &[&id], read).await
}

/// Revokes a token; false if it was revoked before.
///
/// # Errors
/// If the database refuses.
pub async fn revoke(tx: &mut Tx<'_>, id: &str, now: Millis) -> Result<bool> {
    tx.signal(Signal::Tokens);
    let sql = "update token set revoked_at = $2 where id = $1 and revoked_at is null";
    Ok(tx.execute(sql, &[&id, &now]).await? == 1)
}

/// Notes when a token was used.
///
/// # Errors
/// If the database refuses.
pub async fn note_use(tx: &mut Tx<'_>, id: &str, at: Millis) -> Result<()> {
    let sql = "update token set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    tx.execute(sql, &[&id, &at]).await.map(drop)
}

fn read(row: Row<'_>) -> Result<Token> {
    let Json(scopes) = row.get(3)?;
    Ok(Token {
        id: row.get(0)?,
        principal: row.get(1)?,
        hash: row.get(2)?,
        scopes,
        description: row.get(4)?,
        created_at: row.get(5)?,
        created_by: row.get(6)?,
        expires_at: row.get(7)?,
        revoked_at: row.get(8)?,
        last_used_at: row.get(9)?,
    })
}
