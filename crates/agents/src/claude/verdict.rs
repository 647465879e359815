//! What came of a run of Claude Code, once its process has ended.

use baton_model::Millis;
use serde_json::Value;

use super::stream::{Seen, retry};
use crate::{
    Ending, Metadata, Usage,
    agent::{End, Told},
    command::RESULT_BYTES,
    text::tail_of,
};

/// Ends of a turn in which the work was not done, also where `is_error` should fail to say so.
const FAILURES: [&str; 6] =
    ["api_error", "aborted_tools", "aborted_streaming", "max_turns", "budget_exhausted", "error_during_execution"];

/// Words of the CLI that mean that there are no credentials, or that they are not accepted.
const NOT_LOGGED_IN: [&str; 4] = ["not logged in", "invalid api key", "please run /login", "oauth token has expired"];

/// The verdict. It looks at `is_error` and `terminal_reason`, never at `subtype`: a failure of the model's API comes as
/// `"subtype": "success"`.
pub(super) fn of(agent: &str, seen: Seen, end: &End) -> Told {
    let metadata = metadata(agent, &seen);
    let told = |ending, result: &str| Told { ending, result: tail_of(result, RESULT_BYTES), metadata };

    let error = match &seen.result {
        Some(line) if is_success(line) => {
            return told(Ending::Completed, line["result"].as_str().unwrap_or(&seen.text));
        }
        Some(line) => failure(line),
        None => unfinished(&seen, end),
    };
    let ending = if let Some(said) = refusal(&seen, &error) {
        Ending::AuthenticationFailed { error: credentials(agent, &said) }
    } else if let Some(until) = plan_limit(&seen) {
        Ending::PlanLimit { until, error }
    } else {
        Ending::Failed { error }
    };
    // The last words before a failure are what there is of a result; the error is told as such already.
    told(ending, &seen.text)
}

fn is_success(line: &Value) -> bool {
    line["is_error"] == false && !line["terminal_reason"].as_str().is_some_and(|reason| FAILURES.contains(&reason))
}

/// The error of a result line, in the CLI's words.
fn failure(line: &Value) -> String {
    let errors: Vec<_> = line["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let said = line["result"].as_str().map(str::trim).filter(|said| !said.is_empty()).map(str::to_owned);
    let said = said.unwrap_or_else(|| errors.join("; "));
    match line["terminal_reason"].as_str().or(line["subtype"].as_str()) {
        _ if !said.is_empty() && line["terminal_reason"] == "api_error" => said,
        Some(reason) if !said.is_empty() => format!("{said} ({reason})"),
        Some(reason) => format!("Claude Code ended without having done the work ({reason})"),
        None => "Claude Code ended without having done the work, and gave no reason".to_owned(),
    }
}

/// The process ended, and there was no result line.
fn unfinished(seen: &Seen, end: &End) -> String {
    let how = end.exit.map_or_else(|| "its end is unknown".to_owned(), |exit| exit.to_string());
    let mut error = format!("Claude Code ended without a result ({how})");
    if let Some(line) = &seen.retry {
        error.push_str(&format!("; before that its model's API failed: {}", retry(line)));
    }
    if !end.stderr.is_empty() {
        error.push_str(&format!("; stderr: {}", end.stderr));
    }
    error
}

fn refusal(seen: &Seen, error: &str) -> Option<String> {
    if let Some(said) = &seen.refused {
        return Some(said.clone());
    }
    let lower = error.to_lowercase();
    let unauthorized = seen.result.as_ref().is_some_and(|line| line["api_error_status"] == 401);
    (unauthorized || NOT_LOGGED_IN.iter().any(|words| lower.contains(words))).then(|| error.to_owned())
}

fn credentials(agent: &str, said: &str) -> String {
    format!(
        "Claude Code's credentials are refused ({said}). Set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN where Baton's \
         worker runs or in `agents.{agent}.env`, or log in: run `claude` there once and type /login"
    )
}

/// Whether the plan's limit was what failed the run, and when it is reset. Without a rejection, a 429 is one of the
/// API's ordinary ones; and a rejection that was paid for beside the plan, or survived, failed nothing.
fn plan_limit(seen: &Seen) -> Option<Option<Millis>> {
    if seen
        .result
        .as_ref()
        .is_some_and(|line| line["terminal_reason"].is_string() && line["terminal_reason"] != "api_error")
    {
        return None;
    }
    let rejected = |info: &&Value| info["status"] == "rejected" && info["isUsingOverage"] != true;
    let info = seen.rate_limit.as_ref().filter(rejected);
    let said = seen.result.as_ref().is_some_and(|line| line["api_error"] == "usage_limit_reached");
    let until = || info.and_then(|info| info["resetsAt"].as_i64()).map(|seconds| seconds.saturating_mul(1000));
    (info.is_some() || said).then(until)
}

fn metadata(agent: &str, seen: &Seen) -> Metadata {
    let line = seen.result.as_ref().unwrap_or(&Value::Null);
    let count = |usage: &Value, key: &str| usage[key].as_u64().unwrap_or(0);
    Metadata {
        agent: agent.to_owned(),
        session_id: seen.session_id.clone(),
        model: seen.model.clone().or_else(|| only_model(line)),
        total_cost_usd: line["total_cost_usd"].as_f64(),
        // Not the sum over messages: their counts are those of the beginning of each.
        usage: line["usage"].is_object().then(|| Usage {
            input_tokens: count(&line["usage"], "input_tokens"),
            output_tokens: count(&line["usage"], "output_tokens"),
            cache_creation_input_tokens: count(&line["usage"], "cache_creation_input_tokens"),
            cache_read_input_tokens: count(&line["usage"], "cache_read_input_tokens"),
        }),
        num_turns: line["num_turns"].as_u64(),
        permission_denials: line["permission_denials"].as_array().and_then(|denials| u64::try_from(denials.len()).ok()),
        terminal_reason: line["terminal_reason"].as_str().map(str::to_owned),
        rate_limit_info: seen.rate_limit.clone(),
        broken_lines: seen.broken_lines,
        ..Metadata::default()
    }
}

/// The model by the costs, where the stream was only a result.
fn only_model(line: &Value) -> Option<String> {
    line["modelUsage"].as_object()?.keys().next().cloned()
}
