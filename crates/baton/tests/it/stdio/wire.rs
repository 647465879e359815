//! What goes over the wire: headers, sessions, streams.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::response::Response;
use tokio::sync::Notify;

use super::{
    fake::{Fake, Seen, empty, events, json as answer, open_events, raw},
    *,
};

/// Answers as a server of the old era would: one session after the other, forgotten when `forget` says so.
fn session(seen: &Seen, id: usize) -> Option<Response> {
    let result =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "f", "version": "1"}});
    match seen.what() {
        "initialize" => {
            let mut response = answer(200, &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}));
            response.headers_mut().insert("mcp-session-id", format!("s-{id}").parse().unwrap());
            Some(response)
        }
        "notifications/initialized" => Some(empty(202)),
        "DELETE" => Some(empty(200)),
        _ => None,
    }
}

fn done(seen: &Seen) -> Response {
    answer(200, &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {}}))
}

#[tokio::test]
async fn every_message_carries_the_headers_of_its_era() {
    let mut server = Fake::start(|seen| match seen.what() {
        "GET" => empty(405),
        _ => session(seen, 1).unwrap_or_else(|| done(seen)),
    })
    .await;
    let home = TempDir::new().unwrap();
    let url = format!("{}/mcp/p/dev", server.url);
    let mut client = Forwarder::start_with(home.path(), &["--url", &url], &[("BATON_TOKEN", "a-token")]);
    client.call(modern(1, "tools/call", tool("größe", json!({})))).await;
    client.initialize().await;
    client.call(legacy(2, "tools/call", tool("größe", json!({})))).await;
    client.send(&json!({"jsonrpc": "2.0", "id": 9, "result": {"roots": []}})).await;
    client.finish().await;
    let mut headers = Vec::new();
    for what in ["tools/call", "initialize", "notifications/initialized", "tools/call", "POST", "DELETE"] {
        let seen = server.wait_for(what).await;
        assert_eq!(seen.header("authorization"), Some("Bearer a-token"), "{what}");
        let names = ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"];
        headers.push((what, names.map(|name| seen.header(name).map(str::to_owned))));
    }
    let some = |value: &str| Some(value.to_owned());
    let old = [some("2025-06-18"), None, None, some("s-1")];
    assert_eq!(
        headers,
        [
            ("tools/call", [some("2026-07-28"), some("tools/call"), some("=?base64?Z3LDtsOfZQ==?="), None]),
            ("initialize", [None, None, None, None]),
            ("notifications/initialized", old.clone()),
            ("tools/call", old.clone()),
            ("POST", old.clone()),
            ("DELETE", old),
        ]
    );
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte() {
    let server =
        Fake::start(|seen| answer(200, &json!({"jsonrpc": "2.0", "id": 1, "result": seen.body["params"]}))).await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.write(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"b":1,"a":1e3,"c":"\u00e9"}}"#).await;
    assert_eq!(client.next().await["result"], json!({"b": 1, "a": 1e3, "c": "é"}));
}

#[tokio::test]
async fn streams_are_read_whatever_their_chunks_and_line_ends() {
    let mut server = Fake::start(|seen| {
        let (first, second) = "{\"jsonrpc\":\"2.0\",\"id\":1,\r\ndata: \"result\":{\"text\":\"größe\"}}".split_at(57);
        let second = [second.as_bytes(), b"\r\n\r\n"].concat();
        // In the middle of a character.
        let (half, rest) = second.split_at(4);
        let _ = seen;
        events(&[
            b": keep-alive\r\n\r\nid: 0\r\nretry: 1\r\ndata:\r\n\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\r",
            b"\n\r\n: more\n\nevent: message\r\ndata: ",
            first.as_bytes(),
            half,
            rest,
        ])
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.send(&modern(1, "tools/call", tool("t", json!({})))).await;
    let (answer, before) = client.answer(1).await;
    assert_eq!(answer["result"]["text"], "größe");
    assert_eq!(before, [json!({"jsonrpc": "2.0", "method": "notifications/progress"})]);
    server.wait_for("tools/call").await;
}

#[tokio::test]
async fn what_an_old_server_says_by_itself_is_passed_on_and_answered() {
    let mut server = Fake::start(|seen| match seen.what() {
        "GET" => open_events(&[b"data: {\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}\n\n"]),
        _ => session(seen, 1).unwrap_or_else(|| empty(202)),
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.initialize().await;
    assert_eq!(client.next().await["method"], "roots/list");
    client.send(&json!({"jsonrpc": "2.0", "id": "r", "result": {"roots": []}})).await;
    let listened = server.wait_for("GET").await;
    assert_eq!((listened.header("mcp-session-id"), listened.header("accept").is_some()), (Some("s-1"), true));
    assert_eq!(server.wait_for("POST").await.body["id"], "r");
    client.finish().await;
}

#[tokio::test]
async fn a_forgotten_session_is_opened_again_and_the_request_repeated() {
    let sessions = AtomicUsize::new(0);
    let server = Fake::start(move |seen| {
        let now = match seen.what() {
            "initialize" => sessions.fetch_add(1, Ordering::SeqCst) + 1,
            _ => sessions.load(Ordering::SeqCst),
        };
        match (seen.what(), seen.header("mcp-session-id")) {
            ("GET", _) => empty(405),
            ("tools/list", Some("s-1")) => raw(404, "text/plain", "Not Found: Session not found"),
            ("tools/list", Some("s-2")) => done(seen),
            _ => session(seen, now).unwrap_or_else(|| empty(500)),
        }
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.initialize().await;
    for id in 0..5 {
        client.send(&legacy(id, "tools/list", json!({}))).await;
    }
    for _ in 0..5 {
        let listed = client.next().await;
        assert_eq!(listed["result"], json!({}), "the client hears of nothing else: {listed}");
    }
    client.finish().await;
    let asked = server.asked();
    let count = |what: &str| asked.iter().filter(|asked| *asked == what).count();
    assert_eq!((count("initialize"), count("notifications/initialized")), (2, 2), "once, for all: {asked:?}");
}

#[tokio::test]
async fn a_broken_stream_of_old_is_taken_up_where_it_broke() {
    let mut server = Fake::start(|seen| match (seen.what(), seen.header("last-event-id")) {
        ("GET", None) => empty(405),
        ("GET", Some("7")) => events(&[b"id: 8\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"]),
        ("tools/call", _) => events(&[b"id: 7\nretry: 5\ndata:\n\n"]),
        _ => session(seen, 1).unwrap_or_else(|| empty(500)),
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.initialize().await;
    let got = client.call(legacy(1, "tools/call", tool("t", json!({})))).await;
    assert_eq!(got["result"], json!({}));
    server.wait_for("tools/call").await;
    client.finish().await;
    assert_eq!(server.asked().iter().filter(|asked| *asked == "tools/call").count(), 1, "it was not repeated");
}

#[tokio::test]
async fn a_broken_subscription_is_taken_up_without_the_client_noticing() {
    let listens = AtomicUsize::new(0);
    let acknowledged = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\"}\n\n";
    let changed = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
    let cut = Arc::<Notify>::default();
    let told = Arc::clone(&cut);
    let server = Fake::start(move |_| match listens.fetch_add(1, Ordering::SeqCst) {
        0 => fake::broken_events(&[acknowledged.as_bytes()], Arc::clone(&told)),
        _ => open_events(&[acknowledged.as_bytes(), changed.as_bytes()]),
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    client.send(&modern("listen", "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}))).await;
    assert_eq!(client.next().await["method"], "notifications/subscriptions/acknowledged");
    cut.notify_one();
    assert_eq!(client.next().await["method"], "notifications/tools/list_changed");
    assert_eq!(server.asked().len(), 2);
    client
        .send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "listen"}}))
        .await;
    let (status, rest, _) = client.finish().await;
    assert_eq!((status.code(), rest), (Some(0), vec![]));
}
