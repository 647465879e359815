//! MCP on stdio: the real forwarder, before the real server and before one that misbehaves.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

pub mod fake;
mod forwarder;
mod misbehaving;
mod restart;
mod start;
mod wire;

use baton_testkit::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, interval, timeout};

use forwarder::{Forwarder, PATIENCE, legacy, modern, tool};
use nix::sys::signal::Signal;

const BATON: &str = env!("CARGO_BIN_EXE_baton");

/// A server and a forwarder that finds it by its data directory.
async fn pair() -> (Server, Forwarder, TempDir) {
    let server = Server::start(BATON, &[]).await.unwrap();
    let home = TempDir::new().unwrap();
    let forwarder = before(&server, &home);
    (server, forwarder, home)
}

fn before(server: &Server, home: &TempDir) -> Forwarder {
    Forwarder::start(home.path(), &["--data-dir", &server.data_dir().display().to_string()])
}

/// Waits until so many polls are parked at the server.
async fn parked(server: &Server, number: i64) {
    let mut ticks = interval(Duration::from_millis(20));
    let wait = async {
        loop {
            ticks.tick().await;
            let (_, queue) = server.get("/api/queue").await.unwrap();
            if queue["waiting_polls"] == number {
                return;
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never {number} polls parked"));
}

fn poll(seconds: u32) -> Value {
    tool("get_next_directive", json!({"wait_seconds": seconds}))
}

#[tokio::test]
async fn a_client_may_probe_the_new_era_and_fall_back_to_the_old_one_in_one_run() {
    let (server, mut client, _home) = pair().await;
    let found = client.call(modern("server-discover-probe-1", "server/discover", json!({}))).await;
    assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let modern_list = client.call(modern(1, "tools/list", json!({}))).await;
    let opened = client.initialize().await;
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25");
    let legacy_list = client.call(legacy(2, "tools/list", json!({}))).await;
    assert_eq!(modern_list["result"]["tools"], legacy_list["result"]["tools"]);
    let calls = [
        modern("a", "tools/call", tool("add_directive", json!({"directive": "from the new era — größe"}))),
        legacy("b", "tools/call", tool("add_directive", json!({"directive": "from the old era"}))),
    ];
    for call in calls {
        let answer = client.call(call).await;
        assert_eq!(answer["result"]["structuredContent"]["success"], true, "{answer}");
    }
    let (_, queue) = server.get("/api/queue").await.unwrap();
    assert_eq!(queue["pending_directives"], 2);
    let (status, rest, stderr) = client.finish().await;
    assert_eq!((status.code(), rest, stderr.as_str()), (Some(0), vec![], ""));
}

#[tokio::test]
async fn a_parked_poll_holds_nothing_else_up_and_is_called_off_in_either_era() {
    let (server, mut client, _home) = pair().await;
    client.initialize().await;
    client.call(modern(0, "tools/call", tool("start_directive_monitoring", json!({})))).await;
    for (number, request) in
        [(1, modern("poll-1", "tools/call", poll(60))), (2, legacy("poll-2", "tools/call", poll(60)))]
    {
        client.send(&request).await;
        parked(&server, number).await;
    }
    let quick = client.call(modern(3, "tools/call", tool("get_directive_analytics", json!({})))).await;
    assert_eq!(quick["result"]["structuredContent"]["total_completed"], 0);
    for (left, id) in [(1, "poll-1"), (0, "poll-2")] {
        let params = json!({"requestId": id, "reason": "changed my mind"});
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})).await;
        parked(&server, left).await;
    }
    let (status, rest, _) = client.finish().await;
    assert_eq!(status.code(), Some(0));
    assert!(
        rest.iter().all(|message| message.get("method").is_some()),
        "what was called off is not answered: {rest:?}"
    );
}

#[tokio::test]
async fn the_end_of_stdin_and_a_signal_end_it_while_a_poll_is_parked() {
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGINT)] {
        let (server, mut client, _home) = pair().await;
        client.call(modern(0, "tools/call", tool("start_directive_monitoring", json!({})))).await;
        client.send(&modern(1, "tools/call", poll(200))).await;
        parked(&server, 1).await;
        let (status, _, _) = match signal {
            None => client.finish().await,
            Some(signal) => {
                client.signal(signal);
                client.ended().await
            }
        };
        assert_eq!(status.code(), Some(0), "{signal:?}");
        parked(&server, 0).await;
    }
}

#[tokio::test]
async fn requests_that_were_written_just_before_the_end_are_answered() {
    let (_server, mut client, _home) = pair().await;
    for id in 0..20 {
        client.send(&modern(id, "tools/list", json!({}))).await;
    }
    let (status, answers, _) = client.finish().await;
    assert_eq!(status.code(), Some(0));
    let mut ids: Vec<_> = answers.iter().map(|answer| answer["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn lines_that_are_no_message_are_answered_and_the_rest_goes_on() {
    let (_server, mut client, _home) = pair().await;
    client.write("").await;
    for (line, id, code) in [
        ("no json".to_owned(), json!(null), -32700),
        ("[]".to_owned(), json!(null), -32600),
        (json!({"id": 5, "method": "ping"}).to_string(), json!(5), -32600),
        (legacy(6, "m", json!({"pad": "x".repeat(5 << 20)})).to_string(), json!(6), -32600),
    ] {
        client.write(&line).await;
        let answer = client.next().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(code)), "{answer}");
    }
    let unknown = client.call(modern(7, "no/such", json!({}))).await;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let (status, _, _) = client.finish().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_directive_of_almost_the_longest_line_arrives_whole() {
    let (server, mut client, _home) = pair().await;
    let text = "ü".repeat(1 << 20);
    let answer = client.call(modern(1, "tools/call", tool("add_directive", json!({"directive": text})))).await;
    let id = answer["result"]["structuredContent"]["directive_id"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let (_, detail) = server.get(&format!("/api/directives/{id}")).await.unwrap();
    assert!(detail["directive"] == text);
}
