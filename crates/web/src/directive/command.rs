//! The command that adds the same directive again.

use baton_model::{Priority, view::DirectiveDetail};

use crate::text::shell;

/// `baton directive add …`, to be pasted into a shell.
pub(super) fn line(detail: &DirectiveDetail) -> String {
    let directive = &detail.directive;
    let mut flags: Vec<(&str, String)> = Vec::new();
    let mut add = |flag, value: String| flags.push((flag, value));
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
    command(&flags, &directive.directive)
}

/// No value is read as a flag, and no text either, whatever they begin with.
fn command(flags: &[(&str, String)], text: &str) -> String {
    let mut line = "baton directive add".to_owned();
    for (flag, value) in flags {
        let between = if value.starts_with('-') { '=' } else { ' ' };
        line.push_str(&format!(" --{flag}{between}{}", shell(value)));
    }
    match text {
        // This one alone would mean stdin.
        "-" => format!("echo - | {line} -- -"),
        text => format!("{line} -- {}", shell(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn nothing_is_a_flag_that_was_none() {
        let flags = |value: &str| [("tag", "ops".to_owned()), ("agent", value.to_owned())];
        assert_eq!(command(&flags("a b"), "do it"), "baton directive add --tag ops --agent 'a b' -- 'do it'");
        assert_eq!(command(&flags("--json"), "--wait"), "baton directive add --tag ops --agent=--json -- --wait");
        assert_eq!(command(&flags("-\u{1b}"), "a\nb"), r"baton directive add --tag ops --agent=$'-\033' -- $'a\nb'");
        assert_eq!(command(&[], "-"), "echo - | baton directive add -- -");
    }

    #[test]
    fn a_shell_gives_what_was_meant() {
        let texts =
            ["it's\n!\t\\n $HOME `id`", "-n \u{1b}[201~\u{3}\u{7f}", "\u{202e}7\u{85}é漢\u{1f600}", "'\\''\r\n", "~"];
        for text in texts {
            let line = command(&[("agent", text.to_owned())], text);
            assert!(!line.contains(|c: char| c.is_control() || baton_model::text::hides(c)), "{line:?}");
            let script = format!("baton() {{ printf '%s\\0' \"$@\"; }}; {line}");
            let said = Command::new("bash").args(["-c", &script]).env("LC_ALL", "C").output().unwrap();
            let said = String::from_utf8(said.stdout).unwrap();
            let words: Vec<_> = said.split_terminator('\0').collect();
            let agent = if text.starts_with('-') {
                vec![format!("--agent={text}")]
            } else {
                vec!["--agent".to_owned(), text.to_owned()]
            };
            let expected =
                [&["directive", "add"].map(str::to_owned)[..], &agent, &["--", text].map(str::to_owned)].concat();
            assert_eq!(words, expected, "{line}");
        }
    }
}
