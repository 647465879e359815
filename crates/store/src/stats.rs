//! Counts of results, kept as they come.

use baton_model::{
    Millis, Priority,
    analytics::{Analytics, failure_pattern},
    clock,
};

use crate::{
    Result, Tx,
    directive::{DirectiveRow, FinalResult, counts},
};

/// Counts one final result.
///
/// # Errors
/// If the database refuses.
pub async fn count(tx: &mut Tx<'_>, of: &DirectiveRow, result: &FinalResult, now: Millis) -> Result<()> {
    let time = result.execution_time.filter(|_| result.success);
    let slot = tx.slot();
    tx.execute_one(
        "count result",
        "insert into result_count (owner, day, priority, slot, results, succeeded, timed, seconds) \
         values ($7, $1, $2, $3, 1, $4, $5, $6) on conflict (owner, day, priority, slot) do update set results = result_count.results + 1, \
         succeeded = result_count.succeeded + excluded.succeeded, timed = result_count.timed + excluded.timed, \
         seconds = result_count.seconds + excluded.seconds",
        &[
            &clock::day(now),
            &of.priority.rank(),
            &slot,
            &i64::from(result.success),
            &i64::from(time.is_some()),
            &time.unwrap_or(0.0),
            &of.owner,
        ],
    )
    .await?;
    if let Some(error) = result.error.as_deref().filter(|_| !result.success) {
        let sql = "insert into failure_count (owner, pattern, slot, results) values ($3, $1, $2, 1) \
            on conflict (owner, pattern, slot) do update set results = failure_count.results + 1";
        tx.execute_one("count failure", sql, &[&failure_pattern(error), &slot, &of.owner]).await?;
    }
    Ok(())
}

/// How many directives have ever had a result: everybody's, or one owner's.
///
/// # Errors
/// If the database refuses.
pub async fn total(tx: &mut Tx<'_>, owner: Option<&str>) -> Result<i64> {
    let sql = match owner {
        Some(_) => "select cast(coalesce(sum(results), 0) as bigint) from result_count where owner = $1",
        None => "select cast(coalesce(sum(results), 0) as bigint) from result_count",
    };
    tx.one(sql, &[&owner], |row| row.get(0)).await
}

/// Seed 000's analytics: of everybody's results, or of one owner's.
///
/// # Errors
/// If the database refuses.
pub async fn analytics(tx: &mut Tx<'_>, owner: Option<&str>) -> Result<Analytics> {
    let sql = "select day, priority, cast(sum(results) as bigint), cast(sum(succeeded) as bigint), \
        cast(sum(timed) as bigint), sum(seconds) from result_count where (owner = $1 or $1 is null) group by day, priority order by day, priority";
    let counted = tx
        .rows(sql, &[&owner], |row| {
            Ok((row.get::<String>(0)?, row.get::<i64>(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .await?;
    let mut analytics = Analytics::default();
    let (mut succeeded, mut timed, mut seconds) = (0_i64, 0_i64, 0.0_f64);
    let mut by_priority = [(0_i64, 0_i64); Priority::ALL.len()];
    for (day, rank, results, good, with_time, time) in counted {
        let (results, good, with_time, time): (i64, i64, i64, f64) = (results, good, with_time, time);
        analytics.total_completed += results;
        *analytics.daily_volume.entry(day).or_default() += results;
        succeeded += good;
        timed += with_time;
        seconds += time;
        if let Some((all, fine)) = usize::try_from(rank).ok().and_then(|rank| by_priority.get_mut(rank)) {
            *all += results;
            *fine += good;
        }
    }
    analytics.success_rate = share(succeeded as f64, analytics.total_completed);
    analytics.average_execution_time = share(seconds, timed);
    for (priority, (all, fine)) in Priority::ALL.into_iter().zip(by_priority).filter(|(_, (all, _))| *all > 0) {
        analytics.success_by_priority.insert(priority.as_str().to_owned(), share(fine as f64, all));
    }
    let sql = "select pattern, cast(sum(results) as bigint) from failure_count where (owner = $1 or $1 is null) \
        group by pattern order by 2 desc, 1 limit 5";
    analytics.common_failure_patterns =
        tx.rows(sql, &[&owner], |row| Ok(format!("{}: {}", row.get::<String>(0)?, row.get::<i64>(1)?))).await?;
    let counts = counts(tx, owner).await?;
    analytics.pending_count = counts.pending;
    analytics.active_count = counts.active;
    Ok(analytics)
}

fn share(part: f64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}
