//! Callers that go away: no directive is handed to nobody.

use baton_testkit::{mcp_client::McpClient, server::Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{call, server, until_polls_wait, url};

/// A poll of `client` that is parked on the server.
async fn park(server: &Server, client: &McpClient) -> JoinHandle<()> {
    let client = client.clone();
    let poll = tokio::spawn(async move {
        // However it ends: these polls are cut in every possible way.
        let _ended = client.call_tool("get_next_directive", json!({"wait_seconds": 200})).await;
    });
    until_polls_wait(server, 1).await;
    poll
}

/// The next directive goes to whoever asks next, as its first attempt.
async fn goes_to_somebody_else(server: &Server) {
    until_polls_wait(server, 0).await;
    let other = McpClient::modern(url(server));
    let added = call(&other, "add_directive", json!({"directive": "Do it"})).await;
    let polled = call(&other, "get_next_directive", json!({"wait_seconds": 0})).await;
    assert_eq!(polled["directive_id"], added["directive_id"]);
    assert_eq!(polled["metadata"]["attempt"], 1);
}

async fn monitored() -> Server {
    let server = server().await;
    call(&McpClient::modern(url(&server)), "start_directive_monitoring", json!({})).await;
    server
}

#[tokio::test]
async fn a_closed_connection_ends_the_poll() {
    let server = monitored().await;
    for client in super::both_eras(&server).await {
        let poll = park(&server, &client).await;
        poll.abort();
        goes_to_somebody_else(&server).await;
    }
}

#[tokio::test]
async fn a_closed_connection_with_progress_ends_the_poll() {
    let server = monitored().await;
    for client in super::both_eras(&server).await {
        let mut params = json!({"name": "get_next_directive", "arguments": {"wait_seconds": 200}});
        params["_meta"]["progressToken"] = 7.into();
        let poll = tokio::spawn(async move { client.request("tools/call", params).await.map(drop) });
        until_polls_wait(&server, 1).await;
        poll.abort();
        goes_to_somebody_else(&server).await;
    }
}

#[tokio::test]
async fn a_cancelled_notification_ends_the_poll_of_an_older_client() {
    let server = monitored().await;
    let client = McpClient::legacy(url(&server)).await.unwrap();
    let poll = park(&server, &client).await;
    let taken = client.notify("notifications/cancelled", json!({"requestId": 1, "reason": "enough"})).await.unwrap();
    assert_eq!(taken.status, 202);
    goes_to_somebody_else(&server).await;
    poll.await.unwrap();
}

#[tokio::test]
async fn the_end_of_its_session_ends_the_poll_of_an_older_client() {
    let server = monitored().await;
    let client = McpClient::legacy(url(&server)).await.unwrap();
    let poll = park(&server, &client).await;
    assert_eq!(with_session(&server, Method::DELETE, client.session().unwrap()).await.status(), 204);
    goes_to_somebody_else(&server).await;
    poll.await.unwrap();
    let gone = client.request("tools/list", json!({})).await.unwrap();
    assert_eq!((gone.status, gone.error().unwrap()["code"].clone()), (404, json!(-32001)), "{}", gone.body);
}

#[tokio::test]
async fn an_older_client_that_comes_back_is_told_to_poll_again() {
    let server = monitored().await;
    let client = McpClient::legacy(url(&server)).await.unwrap();
    let body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {
        "name": "get_next_directive", "arguments": {"wait_seconds": 200},
    }});
    let session = client.session().unwrap();
    let request = client.post().header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
    let mut stream = request.body(body.to_string()).send().await.unwrap();
    let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let last_event = first.lines().find_map(|line| line.strip_prefix("id:")).unwrap().trim().to_owned();
    until_polls_wait(&server, 1).await;
    drop(stream);
    goes_to_somebody_else(&server).await;

    let resumed = server.client().get(url(&server)).header("accept", "text/event-stream");
    let resumed = resumed.header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
    let resumed = McpClient::read(resumed.header("last-event-id", last_event), &json!(5)).await.unwrap();
    let told: Value = resumed.tool_json().unwrap();
    assert_eq!(told["next_action"], "WAIT_THEN_POLL", "{}", resumed.body);
    assert!(told["instructions"].as_str().unwrap().contains("connection broke"), "{}", resumed.body);
}

async fn with_session(server: &Server, method: Method, session: &str) -> reqwest::Response {
    let request = server.client().request(method, url(server)).header("mcp-session-id", session);
    request.header("mcp-protocol-version", "2025-11-25").send().await.unwrap()
}
