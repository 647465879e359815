//! `baton analytics`: how well directives go.

use baton_model::{Priority, analytics::Analytics};

use super::{
    Globals,
    client::Client,
    print,
    text::{one_line, span},
};
use crate::failure::Result;

/// How many days of the daily volume are shown.
const DAYS: usize = 14;

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
        print(report(&answer.read()?));
    }
    Ok(())
}

fn report(analytics: &Analytics) -> String {
    let mut lines = vec![
        format!("ended         {}", analytics.total_completed),
        format!("succeeded     {}", percent(analytics.success_rate)),
        format!("average time  {}", span(analytics.average_execution_time)),
        format!("waiting       {}", analytics.pending_count),
        format!("with agents   {}", analytics.active_count),
    ];
    if !analytics.success_by_priority.is_empty() {
        lines.push("\nsucceeded by priority".to_owned());
        for priority in Priority::ALL {
            if let Some(rate) = analytics.success_by_priority.get(priority.as_str()) {
                lines.push(format!("  {:<8} {}", priority.as_str(), percent(*rate)));
            }
        }
    }
    if !analytics.common_failure_patterns.is_empty() {
        lines.push("\ncommon failures".to_owned());
        lines.extend(analytics.common_failure_patterns.iter().map(|pattern| format!("  {}", one_line(pattern))));
    }
    if !analytics.daily_volume.is_empty() {
        lines.push("\nended by day (UTC)".to_owned());
        let skip = analytics.daily_volume.len().saturating_sub(DAYS);
        lines.extend(analytics.daily_volume.iter().skip(skip).map(|(day, number)| format!("  {day} {number}")));
    }
    lines.join("\n")
}

fn percent(rate: f64) -> String {
    format!("{} %", (rate * 1000.0).round() / 10.0)
}
