//! Results by the minute.

use baton_model::Millis;

use crate::{Result, Tx};

/// How many results came in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinuteCount {
    /// The minute: its beginning, divided by 60,000 ms.
    pub minute: i64,
    /// Whether these came before the moment that was asked about.
    pub settled: bool,
    /// Results that tell success.
    pub succeeded: i64,
    /// All other results.
    pub failed: i64,
}

/// Counts the results of one owner or of all since `since`, minute by minute, those before `settled` apart from those
/// after it: the caller may keep the former, and next time ask from there.
///
/// # Errors
/// If the database refuses.
pub async fn by_minute(
    tx: &mut Tx<'_>,
    owner: Option<&str>,
    since: Millis,
    settled: Millis,
) -> Result<Vec<MinuteCount>> {
    let mine = if owner.is_some() { "and owner = $3" } else { "" };
    let sql = format!(
        "select ended_at / 60000, ended_at < $2, cast(sum(case when success then 1 else 0 end) as bigint), count(*) \
         from directive where success is not null and ended_at >= $1 {mine} group by 1, 2 order by 1, 2"
    );
    tx.rows(&sql, &[&since, &settled, &owner], |row| {
        let (succeeded, all): (i64, i64) = (row.get(2)?, row.get(3)?);
        Ok(MinuteCount { minute: row.get(0)?, settled: row.get(1)?, succeeded, failed: all - succeeded })
    })
    .await
}
