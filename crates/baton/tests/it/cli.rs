//! The commands that talk to a server: what they print, in words and as JSON, and how they end.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod add;
mod connect;
mod doctor;
mod event;
mod generated;
mod pages;
mod refusals;
mod tidy;
mod token;
mod watch;
mod webhook;

use std::process::Output;

use baton_testkit::{process::clean_command, server::Server};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, timeout};

use tidy::Tidy;

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and a home whose data directory is the server's.
struct House {
    server: Server,
    home: TempDir,
}

impl House {
    async fn new() -> Self {
        House { server: Server::start(BATON, &[]).await.unwrap(), home: TempDir::new().unwrap() }
    }

    /// Runs `baton ARGS…` to its end.
    async fn run(&self, args: &[&str]) -> Output {
        run(&self.home, &[&["--data-dir", &self.server.data_dir().display().to_string()], args].concat()).await
    }

    /// What it prints; it must succeed and say nothing else.
    async fn print(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""), "{args:?}: {}", err(&output));
        out(&output)
    }

    /// Adds a directive and returns its id.
    async fn add(&self, args: &[&str]) -> String {
        self.print(&[&["directive", "add"], args].concat()).await.trim_end().to_owned()
    }

    /// One poll of the agent `claude`.
    async fn poll(&self, report: &Value) -> Value {
        self.server.post("/mcp/get_next_directive?agent=claude", report).await.unwrap().1
    }

    /// Takes the next directive and reports what came of it.
    async fn finish_one(&self, success: bool, result: &str, error: Option<&str>) -> String {
        let taken = self.poll(&json!({})).await;
        let id = taken["directive_id"].as_str().unwrap_or_else(|| panic!("{taken}")).to_owned();
        let token = &taken["metadata"]["lease_token"];
        let report = json!({"directive_id": id, "success": success, "result": result, "error": error,
                            "execution_time": 1.25, "lease_token": token});
        // Reported after a stop, so that the same poll takes nothing else.
        self.server.post("/mcp/stop_monitoring", &json!({})).await.unwrap();
        let told = self.poll(&report).await;
        assert_eq!(told["next_action"], "STOP", "{told}");
        self.server.post("/mcp/start_monitoring", &json!({})).await.unwrap();
        id
    }
}

/// Runs `baton ARGS…` to its end, without a server of its own.
async fn run(home: &TempDir, args: &[&str]) -> Output {
    let mut command = clean_command(BATON, home.path());
    command.current_dir(home.path()).args(args).kill_on_drop(true);
    timeout(PATIENCE, command.output()).await.expect("it ends").unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A document without the ends of leases: they are kept on another clock, and told on the wall's they differ by a
/// millisecond from one answer to the next.
fn lasting(json: &str) -> String {
    let mut parts = json.split("\"lease_expires_at\":\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + part.split_once('"').unwrap().1)
}

#[tokio::test]
async fn every_view_in_words_and_the_servers_json_unchanged() {
    let house = House::new().await;
    let mut tidy = Tidy::default();
    let text = "Write the \u{1b}[31mchangelog\u{1b}[0m\nfor 2.0";
    let rule = "success AND result.contains('ok') => Publish it";
    let one = house.add(&[text, "--priority", "HIGH", "--tag", "docs", "--tag", "2.0", "--follow-up", rule]).await;
    let two = house.add(&["Fix the build", "--priority", "urgent", "--retry", "2", "--retry-delay", "1h"]).await;
    let three = house.add(&["Later", "--priority", "low", "--delay", "3day"]).await;
    tidy.name(&[("ONE", &one), ("TWO", &two), ("THREE", &three)]);
    assert_snapshot!("queue-start", tidy.text(&house.print(&["queue", "start"]).await));
    assert_eq!(house.finish_one(false, "it does not compile", Some("timeout in build")).await, two);
    assert_eq!(house.finish_one(true, "ok:\nall written", None).await, one);
    let (_, detail) = house.server.get(&format!("/api/directives/{one}")).await.unwrap();
    tidy.name(&[("FOLLOW-UP", detail["children"][0].as_str().unwrap())]);
    for (name, args, path) in [
        ("queue-status", &["queue", "status"] as &[&str], "/api/queue".to_owned()),
        ("list", &["directive", "list"], "/api/directives?limit=20".to_owned()),
        (
            "list-narrowed",
            &["directive", "list", "--state", "completed", "--tag", "docs"],
            "/api/directives?limit=20&state=completed&tag=docs".to_owned(),
        ),
        ("show-completed", &["directive", "show", &one], format!("/api/directives/{one}")),
        ("show-retried", &["directive", "show", &two], format!("/api/directives/{two}")),
        ("results", &["results"], "/api/results?limit=10".to_owned()),
        ("analytics", &["analytics"], "/mcp/analytics".to_owned()),
    ] {
        assert_snapshot!(name, tidy.text(&house.print(args).await));
        let json = house.print(&[args, &["--json"]].concat()).await;
        let body = house.server.client().get(format!("{}{path}", house.server.url())).send().await.unwrap();
        assert_eq!(lasting(json.strip_suffix('\n').unwrap()), lasting(&body.text().await.unwrap()), "{name}");
    }
    assert_snapshot!("queue-stop", tidy.text(&house.print(&["queue", "stop"]).await));
}

#[tokio::test]
async fn directives_are_cancelled_retried_and_given_another_priority() {
    let house = House::new().await;
    let mut tidy = Tidy::default();
    let (one, two) = (house.add(&["one"]).await, house.add(&["two"]).await);
    tidy.name(&[("ONE", &one), ("TWO", &two)]);
    let raised = house.print(&["directive", "priority", "urgent", &one, &two]).await;
    let (_, list) = house.server.get("/api/directives?priority=urgent").await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let cancelled = house.print(&["directive", "cancel", &one]).await;
    let refused = house.run(&["directive", "priority", "low", &one, &two]).await;
    assert_eq!(refused.status.code(), Some(1));
    let again = house.print(&["directive", "retry", &one, "--json"]).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    tidy.name(&[("AGAIN", again["directive_id"].as_str().unwrap())]);
    assert_eq!((&again["success"], &again["state"]), (&json!(true), &json!("queued")));
    let (_, two) = house.server.get(&format!("/api/directives/{two}")).await.unwrap();
    assert_eq!(two["priority"], "urgent", "nothing is done after a refusal");
    assert_snapshot!("changes", tidy.text(&format!("{raised}{cancelled}{}", err(&refused))));
}
