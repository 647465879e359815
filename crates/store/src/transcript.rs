//! What agents said and did while they worked, piece by piece.

use baton_model::Millis;

use crate::{Result, Tx};

/// How many bytes of an attempt are kept.
///
/// # Errors
/// If the database refuses.
pub async fn length(tx: &mut Tx<'_>, directive: &str, attempt: i64) -> Result<i64> {
    let sql = "select start, length(cast(text as blob)) from transcript where directive_id = $1 and attempt = $2 \
        order by start desc limit 1";
    let last = tx.row(sql, &[&directive, &attempt], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))).await?;
    Ok(last.map_or(0, |(start, length)| start + length))
}

/// Adds a piece that begins where the ones before end.
///
/// # Errors
/// If the database refuses.
pub async fn append(tx: &mut Tx<'_>, directive: &str, attempt: i64, start: i64, at: Millis, text: &str) -> Result<()> {
    let sql = "insert into transcript (directive_id, attempt, start, at, text) values ($1, $2, $3, $4, $5)";
    tx.execute_one("append transcript", sql, &[&directive, &attempt, &start, &at, &text]).await
}

/// The pieces of an attempt from the one that holds the byte `from`, first to last: at most `limit`, each with the byte
/// at which it begins.
///
/// # Errors
/// If the database refuses.
pub async fn pieces(
    tx: &mut Tx<'_>,
    directive: &str,
    attempt: i64,
    from: i64,
    limit: i64,
) -> Result<Vec<(i64, String)>> {
    let sql = "select start, text from transcript where directive_id = $1 and attempt = $2 and start >= \
        (select coalesce(max(start), 0) from transcript where directive_id = $1 and attempt = $2 and start <= $3) \
        order by start limit $4";
    tx.rows(sql, &[&directive, &attempt, &from, &limit], |row| Ok((row.get(0)?, row.get(1)?))).await
}

/// The attempts that have a transcript.
///
/// # Errors
/// If the database refuses.
pub async fn attempts(tx: &mut Tx<'_>, directive: &str) -> Result<Vec<i64>> {
    let sql = "select distinct attempt from transcript where directive_id = $1 order by attempt";
    tx.rows(sql, &[&directive], |row| row.get(0)).await
}
