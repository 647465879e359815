//! `baton directive show`: everything about one directive.

use baton_model::{
    Clock, Millis, SystemClock,
    view::{AttemptView, DirectiveDetail, ResultView},
};

use super::Globals;
use crate::{
    cli::{
        client::{Client, segment},
        print,
        text::{Table, ago, one_line, plain, priority, span, state, terminal_width},
    },
    failure::Result,
};

/// Arguments of `baton directive show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directive, by id
    id: String,
}

/// Prints it.
///
/// # Errors
/// When the server is not there or knows no such directive.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let answer = Client::new(globals)?.get(&format!("/api/directives/{}", segment(&args.id)), &[]).await?;
    if globals.json {
        print(answer.text);
    } else {
        print(report(&answer.read()?, SystemClock::start().now(), terminal_width()));
    }
    Ok(())
}

fn report(detail: &DirectiveDetail, now: Millis, width: Option<usize>) -> String {
    let mut lines = vec![plain(&detail.directive.directive), String::new()];
    lines.extend(facts(detail, now).into_iter().map(|(name, value)| format!("{name:<12} {value}")));
    if !detail.follow_up_rules.is_empty() {
        lines.push("\nfollow-ups".to_owned());
        for rule in &detail.follow_up_rules {
            lines.push(format!("  {} => {}", one_line(&rule.condition), one_line(&rule.next_directive)));
        }
    }
    if !detail.attempts.is_empty() {
        lines.push("\nattempts".to_owned());
        lines.extend(attempts(&detail.attempts, now).lines(width));
    }
    if !detail.events.is_empty() {
        let mut table = Table::new(&["WHEN", "EVENT"]);
        for event in &detail.events {
            table.row(vec![ago(&event.at, now), one_line(&event.kind)]);
        }
        lines.push("\nevents".to_owned());
        lines.extend(table.lines(width));
    }
    if let Some(result) = &detail.result {
        lines.push(format!("\nresult ({})", outcome(result)));
        lines.push(plain(&result.result));
        lines.extend(result.error.iter().map(|error| format!("error: {}", plain(error))));
    }
    lines.join("\n")
}

fn facts(detail: &DirectiveDetail, now: Millis) -> Vec<(&'static str, String)> {
    let directive = &detail.directive;
    let mut facts = vec![
        ("id", directive.directive_id.clone()),
        ("state", state(directive.state)),
        ("priority", priority(directive.priority)),
        ("added", format!("{} ({})", ago(&directive.created_at, now), directive.created_at)),
    ];
    if !directive.state.is_final() {
        facts.push(("due", format!("{} ({})", ago(&directive.due_at, now), directive.due_at)));
    }
    let retry = || {
        let factor = if detail.retry_backoff > 1.0 {
            format!(", {} times more each", detail.retry_backoff)
        } else {
            String::new()
        };
        format!("up to {} times, the first after {}{factor}", detail.max_retries, span(detail.retry_delay))
    };
    let text = |value: &Option<String>| value.as_deref().map(one_line);
    let list = |values: &[String]| (!values.is_empty()).then(|| one_line(&values.join(", ")));
    let more = [
        ("ended", directive.ended_at.as_deref().map(|at| format!("{} ({at})", ago(at, now)))),
        ("leased by", text(&directive.leased_by)),
        ("lease ends", directive.lease_expires_at.as_deref().map(|at| ago(at, now))),
        ("tags", list(&directive.tags)),
        ("only for", text(&directive.agent)),
        ("parent", text(&directive.parent)),
        ("children", list(&detail.children)),
        ("depends on", list(&detail.depends_on)),
        ("retry", detail.retry_on_failure.then(retry)),
        ("timeout", detail.timeout_seconds.map(span)),
        ("budget", detail.budget_usd.map(|usd| format!("{usd} USD"))),
        ("acceptance", text(&detail.acceptance)),
        ("repository", text(&detail.repository)),
        ("webhook", text(&detail.webhook)),
        ("metadata", (!detail.metadata.is_empty()).then(|| one_line(&serde_json::json!(detail.metadata).to_string()))),
    ];
    facts.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn attempts(attempts: &[AttemptView], now: Millis) -> Table {
    let mut table = Table::new(&["NO", "OUTCOME", "AGENT", "HANDED OUT", "ENDED", "SAID"]);
    for attempt in attempts {
        let said = attempt.error.as_ref().or(attempt.result.as_ref());
        table.row(vec![
            attempt.attempt.to_string(),
            attempt.outcome.as_str().to_owned(),
            attempt.agent.as_deref().map_or("-".to_owned(), one_line),
            ago(&attempt.leased_at, now),
            attempt.ended_at.as_deref().map_or("-".to_owned(), |at| ago(at, now)),
            said.map_or(String::new(), |said| one_line(said)),
        ]);
    }
    table
}

fn outcome(result: &ResultView) -> String {
    let word = if result.success { "done" } else { "failed" };
    match result.execution_time {
        Some(seconds) => format!("{word} in {}", span(seconds)),
        None => word.to_owned(),
    }
}
