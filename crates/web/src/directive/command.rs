//! The command that adds the same directive again.

use baton_model::{Priority, view::DirectiveDetail};

use crate::text::shell;

/// `baton directive add …`, to be pasted into a shell.
pub(super) fn line(detail: &DirectiveDetail) -> String {
    let directive = &detail.directive;
    let mut line = format!("baton directive add {}", shell(&directive.directive));
    let mut add = |flag: &str, value: String| line.push_str(&format!(" --{flag} {}", shell(&value)));
    if directive.priority != Priority::default() {
        add("priority", directive.priority.as_str().to_owned());
    }
    for tag in &directive.tags {
        add("tag", tag.clone());
    }
    if detail.retry_on_failure {
        add("retry", detail.max_retries.to_string());
        add("retry-delay", detail.retry_delay.to_string());
        add("retry-backoff", detail.retry_backoff.to_string());
    }
    for rule in &detail.follow_up_rules {
        add("follow-up", serde_json::json!(rule).to_string());
    }
    for id in &detail.depends_on {
        add("depends-on", id.clone());
    }
    for (name, value) in &detail.metadata {
        add("metadata", format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    let more = [
        ("agent", directive.agent.clone()),
        ("webhook", detail.webhook.clone()),
        ("timeout", detail.timeout_seconds.map(|seconds| seconds.to_string())),
        ("budget", detail.budget_usd.map(|usd| usd.to_string())),
        ("acceptance", detail.acceptance.clone()),
        ("repository", detail.repository.clone()),
    ];
    more.into_iter().filter_map(|(flag, value)| Some((flag, value?))).for_each(|(flag, value)| add(flag, value));
    line
}
