//! The scripted agent, and the tale of what it does.

use std::time::Duration;

use baton_model::{
    Priority,
    analytics::Analytics,
    poll::{NextAction, PollAnswer, Recorded, RecordedAs, Started},
    view::{QueueStatus, Submitted},
};
use serde_json::{Value, json};

use super::{
    samples::{self, FOLLOW_UP, Script, expected_order, script},
    tell,
};
use crate::{
    cli::client::{self, Trouble},
    mcp_client::{CallError, McpClient},
};

/// What did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum Surprise {
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Server(#[from] Trouble),
    #[error("the queue of this data directory holds {0} directives that are not the demo's; use another --data-dir")]
    NotEmpty(i64),
    #[error("the agent was handed \"{0}\", which is not in its script")]
    Unknown(String),
    #[error("the directives came in the order {0:?}")]
    Order(Vec<String>),
    #[error("the report of \"{directive}\" was taken as {taken:?}")]
    Recorded { directive: String, taken: Option<RecordedAs> },
    #[error("the agent was told to stop")]
    Stopped,
    #[error("analytics count {completed} results with a success rate of {rate}, not {expected} and 1")]
    Analytics { completed: i64, rate: f64, expected: i64 },
    #[error("it was not over after {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// Puts the samples into the queue, has the agent do them, and checks and prints what happens.
///
/// # Errors
/// The first thing that is not as it should be.
pub async fn play(url: &str) -> Result<(), Surprise> {
    let http = client::http(url)?;
    let before: QueueStatus = http.get(format!("{url}/api/queue")).send().await?.error_for_status()?.json().await?;
    if before.pending_directives > 0 {
        return Err(Surprise::NotEmpty(before.pending_directives));
    }
    tell(format_args!("\nSomebody puts five directives into the queue (POST {url}/api/directives):"));
    for sample in samples::samples() {
        let request = http.post(format!("{url}/api/directives")).json(&sample.body);
        let _: Submitted = request.send().await?.error_for_status()?.json().await?;
        let priority = sample.body["priority"].as_str().unwrap_or(Priority::default().as_str());
        tell(format_args!("  + {priority:<7} {}", sample.body["directive"].as_str().unwrap_or_default()));
        if !sample.remark.is_empty() {
            tell(format_args!("            {}", sample.remark));
        }
    }

    let agent = McpClient::new(http, url, "baton-demo");
    tell(format_args!("\nAn agent connects over MCP ({url}/mcp) and asks for work again and again:"));
    let counted: Analytics = agent.call("get_directive_analytics", json!({})).await?;
    let _: Started = agent.call("start_directive_monitoring", json!({})).await?;
    work(&agent).await?;

    let now: Analytics = agent.call("get_directive_analytics", json!({})).await?;
    let expected = counted.total_completed + i64::try_from(samples::samples().len()).unwrap_or(0) + 1;
    tell("\nIn the end (get_directive_analytics):");
    let Analytics { total_completed, success_rate, average_execution_time, pending_count, active_count, .. } = &now;
    tell(format_args!("  {total_completed} directives have a result, {:.0} % of them a success", success_rate * 100.0));
    tell(format_args!(
        "  {average_execution_time:.1} s each on average; {pending_count} wait, {active_count} are at work"
    ));
    if now.total_completed != expected || (counted.total_completed == 0 && now.success_rate < 1.0) {
        return Err(Surprise::Analytics { completed: now.total_completed, rate: now.success_rate, expected });
    }
    Ok(())
}

/// Polls, does and reports until everything in the script is done.
async fn work(agent: &McpClient) -> Result<(), Surprise> {
    let mut order: Vec<String> = Vec::new();
    let mut done: Option<Done> = None;
    loop {
        // The last report is made without waiting for more work: there is none.
        let wait_seconds = if order.len() < expected_order().len() { 10 } else { 0 };
        let report = done.as_ref().map(|done| &done.report);
        let arguments = json!({ "wait_seconds": wait_seconds, "previous_result": report });
        let answer: PollAnswer = agent.call("get_next_directive", arguments).await?;
        if let Some(done) = done.take() {
            check_recorded(done, answer.previous_result.as_ref())?;
        }
        match (answer.next_action, answer.directive, answer.directive_id) {
            (NextAction::Stop, ..) => return Err(Surprise::Stopped),
            (NextAction::ExecuteThenPoll, Some(directive), Some(id)) => {
                let priority = answer.priority.unwrap_or_default().as_str();
                let note = if directive == FOLLOW_UP { "  (follows from the report before)" } else { "" };
                tell(format_args!("  -> {priority:<7} {directive}{note}"));
                let known = expected_order().into_iter().find(|known| directive.starts_with(known));
                order.extend(known.map(str::to_owned));
                done = Some(carry_out(directive, &id, answer.metadata.lease_token)?);
            }
            _ if order.len() < expected_order().len() => {
                tell("  .. nothing is due yet; the agent asks again");
            }
            _ => break,
        }
    }
    if order == expected_order() { Ok(()) } else { Err(Surprise::Order(order)) }
}

/// A directive that the agent has carried out, and what it is going to report.
struct Done {
    directive: String,
    success: bool,
    report: Value,
}

/// What a model would do here stands in the script.
fn carry_out(directive: String, id: &str, lease_token: Option<String>) -> Result<Done, Surprise> {
    let Some(Script { success, result, error }) = script(&directive) else {
        return Err(Surprise::Unknown(directive));
    };
    tell(format_args!("    <- {}", error.map_or(format!("done: {result}"), |error| format!("failed: {error}"))));
    let report = json!({
        "directive_id": id,
        "success": success,
        "result": result,
        "error": error,
        "execution_time": 0.2,
        "lease_token": lease_token,
    });
    Ok(Done { directive, success, report })
}

/// A success ends a directive; the one failure of the script leads to a second attempt.
fn check_recorded(done: Done, recorded: Option<&Recorded>) -> Result<(), Surprise> {
    let taken = recorded.map(|recorded| recorded.outcome);
    let right = if done.success { RecordedAs::Completed } else { RecordedAs::RetryScheduled };
    if taken != Some(right) {
        return Err(Surprise::Recorded { directive: done.directive, taken });
    }
    if !done.success {
        tell("    .. the failure is noted; the directive will come again, told what went wrong");
    }
    Ok(())
}
