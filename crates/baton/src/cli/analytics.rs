//! `baton analytics`: how well directives go.

mod bars;

use bars::{Bar, Bars};
use baton_model::{Clock, Millis, Priority, SystemClock, analytics::Analytics, clock};

use super::{
    Globals,
    client::Client,
    print,
    text::{one_line, span},
};
use crate::failure::Result;

/// How many days of the daily volume are shown.
const DAYS: Millis = 14;
const DAY: Millis = 86_400_000;

/// Arguments of `baton analytics`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Carries out `baton analytics`.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn run(_args: Args, globals: &Globals) -> Result {
    let answer = Client::new(globals)?.get("/mcp/analytics", &[]).await?;
    if globals.json {
        print(answer.text);
    } else {
        print(report(&answer.read()?, SystemClock::start().now(), &Bars::of_terminal()));
    }
    Ok(())
}

fn report(analytics: &Analytics, now: Millis, bars: &Bars) -> String {
    let mut lines = vec![
        format!("ended         {}", analytics.total_completed),
        format!("succeeded     {}", percent(analytics.success_rate)),
        format!("average time  {}", span(analytics.average_execution_time)),
        format!("waiting       {}", analytics.pending_count),
        format!("with agents   {}", analytics.active_count),
    ];
    if !analytics.success_by_priority.is_empty() {
        lines.push("\nsucceeded by priority".to_owned());
        let bar = |priority: Priority| {
            let share = *analytics.success_by_priority.get(priority.as_str())?;
            Some(Bar { label: priority.as_str().to_owned(), share, number: percent(share) })
        };
        lines.extend(bars.lines(&Priority::ALL.into_iter().filter_map(bar).collect::<Vec<_>>()));
    }
    if !analytics.common_failure_patterns.is_empty() {
        lines.push("\ncommon failures".to_owned());
        lines.extend(analytics.common_failure_patterns.iter().map(|pattern| format!("  {}", one_line(pattern))));
    }
    let volume = volume(analytics, now);
    if !volume.is_empty() {
        lines.push("\nended by day (UTC)".to_owned());
        lines.extend(bars.lines(&volume));
    }
    lines.join("\n")
}

/// The last days up to today, from the first of them on which something ended; the fullest day fills its bar.
fn volume(analytics: &Analytics, now: Millis) -> Vec<Bar> {
    let days = (0..DAYS).rev().map(|ago| clock::day(now - ago * DAY));
    let counted = days.map(|day| (analytics.daily_volume.get(&day).copied().unwrap_or(0), day));
    let counted: Vec<(i64, String)> = counted.skip_while(|(number, _)| *number == 0).collect();
    let most = counted.iter().map(|(number, _)| *number).max().unwrap_or(0).max(1);
    let bar = |(number, day): (i64, String)| Bar {
        label: day,
        share: number as f64 / most as f64,
        number: number.to_string(),
    };
    counted.into_iter().map(bar).collect()
}

fn percent(rate: f64) -> String {
    format!("{} %", (rate * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARS: Bars = Bars { width: 40, is_ascii: true };

    #[test]
    fn the_last_two_weeks_are_shown_without_gaps() {
        let now = clock::parse_iso("2026-11-20T09:00:00Z").unwrap();
        let on = |days: &[(&str, i64)]| {
            let daily_volume = days.iter().map(|(day, number)| ((*day).to_owned(), *number)).collect();
            report(&Analytics { daily_volume, ..Analytics::default() }, now, &BARS)
        };
        let told = on(&[("2026-11-06", 99), ("2026-11-17", 5), ("2026-11-19", 20)]);
        let plot = told.split_once("(UTC)\n").unwrap().1;
        insta::assert_snapshot!(plot);
        assert!(!on(&[("2026-11-06", 99)]).contains("UTC"), "too long ago");
        assert_eq!(on(&[("2026-11-07", 1)]).lines().count(), 5 + 2 + 14);
    }
}
