//! Calls that wait: they are heard of early, and what comes in the meantime reaches them.

use std::time::Duration;

use baton_testkit::mcp_client::McpClient;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{both_eras, call, server, until_polls_wait, url};

/// How early a waiting call must be heard of.
const EARLY: Duration = Duration::from_secs(2);

fn poll(wait_seconds: f64, token: Option<&str>) -> Value {
    let mut params = json!({"name": "get_next_directive", "arguments": {"wait_seconds": wait_seconds}});
    if let Some(token) = token {
        params["_meta"]["progressToken"] = token.into();
    }
    params
}

#[tokio::test]
async fn a_waiting_call_is_heard_of_early_with_and_without_progress() {
    let server = server().await;
    // The raw client gives every request the same id, so two calls at once need two sessions.
    let [modern, legacy] = both_eras(&server).await;
    let [_, other_legacy] = both_eras(&server).await;
    call(&modern, "start_directive_monitoring", json!({})).await;
    let waits = [(modern.clone(), None), (modern, Some("seven")), (legacy, None), (other_legacy, Some("seven"))];
    let answers = waits.into_iter().map(async |(client, token)| {
        let answer = client.request("tools/call", poll(3.0, token)).await.unwrap();
        let first_byte = answer.first_byte.unwrap();
        assert!(first_byte < EARLY, "{token:?}: nothing for {first_byte:?}: {}", answer.body);
        assert!(answer.took > EARLY, "{token:?}: {:?}: {}", answer.took, answer.body);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        assert_eq!(answer.tool_json().unwrap()["next_action"], "WAIT_THEN_POLL");
        let progress: Vec<_> =
            answer.notifications.iter().filter(|it| it["method"] == "notifications/progress").collect();
        assert_eq!(progress.len(), usize::from(token.is_some()), "{}", answer.body);
        for told in progress {
            assert_eq!(told["params"]["progressToken"], "seven");
            assert_eq!(told["params"]["progress"], 0.5);
            assert_eq!(told["params"]["total"], 3.0);
        }
    });
    futures_util::future::join_all(answers).await;
}

#[tokio::test]
async fn a_call_that_need_not_wait_is_answered_as_plain_json() {
    let server = server().await;
    let client = McpClient::modern(url(&server));
    let answer = client.call_tool("get_next_directive", json!({"wait_seconds": 0})).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.tool_json().unwrap()["next_action"], "STOP", "{}", answer.body);
}

#[tokio::test]
async fn a_directive_that_comes_meanwhile_goes_down_the_open_stream() {
    let server = server().await;
    let giver = McpClient::modern(url(&server));
    call(&giver, "start_directive_monitoring", json!({})).await;
    for client in both_eras(&server).await {
        let waiting = tokio::spawn(async move { client.request("tools/call", poll(60.0, Some("t"))).await.unwrap() });
        until_polls_wait(&server, 1).await;
        call(&giver, "add_directive", json!({"directive": "Line 1\nLine 2"})).await;
        let answer = timeout(super::PATIENCE, waiting).await.unwrap().unwrap();
        assert_eq!(answer.tool_json().unwrap()["directive"], "Line 1\nLine 2", "{}", answer.body);
    }
}

#[tokio::test]
async fn a_stop_answers_waiting_calls_and_ends_standing_streams() {
    let mut server = server().await;
    let clients = both_eras(&server).await;
    call(&clients[0], "start_directive_monitoring", json!({})).await;
    let session = clients[1].session().unwrap();
    let standing = server.client().get(url(&server)).header("accept", "text/event-stream");
    let standing = standing.header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
    let mut standing = standing.send().await.unwrap();
    assert_eq!(standing.status(), 200);
    let waiting = clients
        .map(|client| tokio::spawn(async move { client.request("tools/call", poll(200.0, None)).await.unwrap() }));
    until_polls_wait(&server, 2).await;
    assert!(timeout(super::PATIENCE, server.terminate()).await.unwrap().unwrap().success());
    for waiting in waiting {
        let answer = waiting.await.unwrap();
        assert_eq!(answer.tool_json().unwrap()["next_action"], "WAIT_THEN_POLL", "{}", answer.body);
    }
    while let Some(_events) = standing.chunk().await.expect("it ends in order") {}
    assert!(!server.log().contains("they are cut"), "{}", server.log());
}
