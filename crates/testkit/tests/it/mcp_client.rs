//! The raw client against a server whose answers are known.

use baton_testkit::mcp_client::McpClient;
use serde_json::json;

use crate::fake_queue::FakeQueue;

#[tokio::test]
async fn modern_requests_stand_for_themselves() {
    let queue = FakeQueue::start(&["write a: b"]).await;
    let client = McpClient::modern(queue.url());
    let discovered = client.request("server/discover", json!({})).await.unwrap();
    assert_eq!(discovered.result().unwrap()["supportedVersions"], json!(["2026-07-28"]));

    let polled = client.call_tool("get_next_directive", json!({})).await.unwrap();
    assert_eq!(polled.tool_json().unwrap()["directive"], "write a: b");
    assert!(polled.first_byte.is_some_and(|first| first <= polled.took));

    let echoed = client.call_tool("echo_headers", json!({})).await.unwrap();
    for header in ["mcp-protocol-version: \"2026-07-28\"", "mcp-method: \"tools/call\"", "mcp-name: \"echo_headers\""] {
        assert!(echoed.body.contains(&header.replace('"', "\\\"")), "{header} is missing in {}", echoed.body);
    }
}

#[tokio::test]
async fn legacy_clients_keep_their_session() {
    let queue = FakeQueue::start(&[]).await;
    let client = McpClient::legacy(queue.url()).await.unwrap();
    assert_eq!(client.session(), Some("session-1"));

    let echoed = client.call_tool("echo_headers", json!({})).await.unwrap();
    assert!(echoed.body.contains("mcp-session-id: \\\"session-1\\\""), "{}", echoed.body);
    assert!(!echoed.body.contains("mcp-method"), "{}", echoed.body);
}

#[tokio::test]
async fn streams_are_read_up_to_the_response() {
    let queue = FakeQueue::start(&[]).await;
    let client = McpClient::modern(queue.url());
    let answer = client.call_tool("get_next_directive", json!({"as_stream": true})).await.unwrap();
    assert_eq!(answer.notifications.len(), 1);
    assert_eq!(answer.notifications[0]["method"], "notifications/progress");
    assert_eq!(answer.tool_json().unwrap()["next_action"], "STOP");
    assert!(answer.body.starts_with(": hello"));
}

#[tokio::test]
async fn refusals_are_answers() {
    let queue = FakeQueue::start(&[]).await;
    let answer = McpClient::modern(queue.url()).request("no/such", json!({})).await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.error().unwrap()["code"], -32601);
}
