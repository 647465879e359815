//! `baton directive add`: every option of a submission as a flag.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use baton_model::{
    DirectiveRequest, Priority, State,
    directive::FollowUpRule,
    view::{DirectiveDetail, Submitted},
};
use serde_json::{Map, Value};

use super::{Globals, follow_up, watch};
use crate::{
    cli::{
        client::Client,
        print,
        text::{plain, read_seconds},
    },
    failure::{Failure, Result},
};

/// Arguments of `baton directive add`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the agent shall do, in plain language; `-` reads it from stdin
    #[arg(required_unless_present = "file")]
    text: Option<String>,
    /// Read the text from a file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// urgent, high, medium or low
    #[arg(long, default_value = "medium", value_parser = read_priority)]
    priority: Priority,
    /// A label that polls can ask for; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// What follows from the result: `success => Write the changelog`; may be repeated. Also as a JSON object with
    /// condition, next_directive, priority and delay_seconds
    #[arg(long = "follow-up", value_name = "CONDITION => TEXT", value_parser = follow_up::parse)]
    follow_ups: Vec<FollowUpRule>,
    /// An http(s) URL that is told the final result
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Try again after a failure, up to N times
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    retry: Option<i64>,
    /// How long the first retry waits: seconds, or a span as `5min`
    #[arg(long, value_name = "SPAN", requires = "retry", value_parser = read_seconds, allow_negative_numbers = true)]
    retry_delay: Option<f64>,
    /// By what the wait grows with each further retry
    #[arg(long, value_name = "FACTOR", requires = "retry", allow_negative_numbers = true)]
    retry_backoff: Option<f64>,
    /// How long one attempt may take before another agent gets it: seconds, or a span as `2h`
    #[arg(long, value_name = "SPAN", value_parser = read_seconds, allow_negative_numbers = true)]
    timeout: Option<f64>,
    /// How long it waits before it is due: seconds, or a span as `1day`
    #[arg(long, value_name = "SPAN", value_parser = read_seconds, allow_negative_numbers = true, conflicts_with = "run_at")]
    delay: Option<f64>,
    /// When it is due, as 2026-11-20T09:00:00+01:00
    #[arg(long, value_name = "MOMENT")]
    run_at: Option<String>,
    /// A directive that must be completed first; may be repeated
    #[arg(long, value_name = "ID")]
    depends_on: Vec<String>,
    /// Adding twice under one key within 24 h adds once
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The only agent that may take it
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// What it may cost, in US dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    budget: Option<f64>,
    /// The check, from the operator's configuration, that proves the work
    #[arg(long, value_name = "NAME")]
    acceptance: Option<String>,
    /// Anything to hand out along with it; may be repeated. true, false, null, whole numbers, objects and arrays are
    /// read as JSON, all else as text
    #[arg(long, value_name = "KEY=VALUE", value_parser = read_pair)]
    metadata: Vec<(String, Value)>,
    /// The repository it is about
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Wait until it has ended and print its result
    #[arg(long)]
    wait: bool,
}

/// Submits a directive and prints its id, or waits for its result and prints that.
///
/// # Errors
/// When the text cannot be read, the server refuses, or, with `--wait`, the directive did not succeed.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let wait = args.wait;
    let request = request(args)?;
    let client = Client::new(globals)?;
    let answer = client.post_json("/api/directives", &request).await?;
    let submitted: Submitted = answer.read()?;
    match (wait, globals.json) {
        (false, true) => print(answer.text),
        (false, false) => print(submitted.directive_id),
        (true, json) => return wait_for(client, submitted.directive_id, json, globals).await,
    }
    Ok(())
}

async fn wait_for(client: Client, id: String, json: bool, globals: &Globals) -> Result {
    let ended = watch::follow(client, &[id], watch::Shown::on_stderr(), globals).await?;
    for (text, detail) in &ended {
        if json {
            print(text);
        } else if let Some(result) = &detail.result {
            print(plain(&result.result));
        }
        succeeded(detail)?;
    }
    Ok(())
}

fn succeeded(detail: &DirectiveDetail) -> Result {
    let directive = &detail.directive;
    if directive.state == State::Completed {
        return Ok(());
    }
    let failure = Failure::failed(format!("directive {} ended {}", directive.directive_id, directive.state.as_str()))
        .next(format!("`baton directive show {}` tells the whole story", directive.directive_id));
    let error = detail.result.as_ref().and_then(|result| result.error.as_deref());
    Err(match error {
        Some(error) => failure.because(plain(error)),
        None => failure,
    })
}

fn request(args: Args) -> Result<DirectiveRequest> {
    let defaults: DirectiveRequest =
        serde_json::from_value(serde_json::json!({"directive": read_text(args.text, args.file.as_deref())?}))
            .map_err(|error| Failure::failed("the directive cannot be written as JSON").because(error))?;
    Ok(DirectiveRequest {
        priority: args.priority,
        webhook: args.webhook,
        follow_up_rules: args.follow_ups,
        retry_on_failure: args.retry.is_some(),
        max_retries: args.retry.unwrap_or(defaults.max_retries),
        retry_delay: args.retry_delay.unwrap_or(defaults.retry_delay),
        retry_backoff: args.retry_backoff.unwrap_or(defaults.retry_backoff),
        tags: args.tags,
        timeout_seconds: args.timeout,
        delay_seconds: args.delay,
        run_at: args.run_at,
        depends_on: args.depends_on,
        idempotency_key: args.idempotency_key,
        agent: args.agent,
        budget_usd: args.budget,
        acceptance: args.acceptance,
        metadata: args.metadata.into_iter().collect::<Map<_, _>>(),
        repository: args.repository,
        ..defaults
    })
}

fn read_text(text: Option<String>, file: Option<&Path>) -> Result<String> {
    let (from, read) = match (text, file) {
        (Some(text), None) if text != "-" => return Ok(text),
        (_, Some(file)) => (file.display().to_string(), std::fs::read_to_string(file)),
        _ => {
            let mut text = String::new();
            ("stdin".to_owned(), std::io::stdin().read_to_string(&mut text).map(|_| text))
        }
    };
    let text =
        read.map_err(|error| Failure::failed(format!("cannot read the directive from {from}")).because(error))?;
    Ok(text.trim_end().to_owned())
}

fn read_priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| "use urgent, high, medium or low".to_owned())
}

fn read_pair(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    let typed = match serde_json::from_str(value) {
        Ok(Value::Number(number)) if number.is_f64() || number.to_string() != value => None,
        Ok(Value::String(_)) | Err(_) => None,
        Ok(json) => Some(json),
    };
    Ok((key.to_owned(), typed.unwrap_or_else(|| value.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_keeps_versions_as_they_are_written() {
        for (text, value) in [
            ("n=5", json!(5)),
            ("n=-3", json!(-3)),
            ("n=1.10", json!("1.10")),
            ("n=007", json!("007")),
            ("n=true", json!(true)),
            ("n=null", json!(null)),
            ("n=[1,\"a\"]", json!([1, "a"])),
            ("n=\"quoted\"", json!("\"quoted\"")),
            ("n=a=b", json!("a=b")),
            ("n=", json!("")),
        ] {
            assert_eq!(read_pair(text).unwrap(), ("n".to_owned(), value), "{text}");
        }
        assert!(read_pair("novalue").is_err());
    }
}
