//! Who gets in and what may be said, on the wire: hosts and origins over every door, and the limits of a request.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::api::Api;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends bytes as they are and answers everything that comes until the server closes the connection.
async fn wire(api: &Api, bytes: &[u8]) -> String {
    let address = api.server.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may refuse, and close, before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status and the code of an answer.
fn told(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// Sends a request with this `Host` and further headers.
async fn ask(api: &Api, line: &str, headers: &str) -> (u16, String) {
    told(&wire(api, format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes()).await)
}

/// Every door.
const DOORS: [&str; 8] = [
    "GET /",
    "GET /docs/",
    "GET /health",
    "GET /metrics",
    "GET /openapi.json",
    "GET /api/queue",
    "POST /mcp",
    "GET /nowhere",
];

#[tokio::test]
async fn only_known_hosts_are_answered_at_any_door() {
    let api = Api::new().await;
    let port = api.server.url().rsplit(':').next().unwrap().to_owned();
    for door in DOORS {
        for host in [
            "evil.example".to_owned(),
            format!("evil.example:{port}"),
            "localhost:1".to_owned(),
            format!("localhost.evil.example:{port}"),
        ] {
            let refused = ask(&api, &format!("{door} HTTP/1.1"), &format!("Host: {host}\r\n")).await;
            assert_eq!(refused, (403, "host_not_allowed".to_owned()), "{door} {host}");
        }
        let malformed = ask(&api, &format!("{door} HTTP/1.1"), "Host: a/?x=\r\n").await;
        assert_eq!(malformed, (400, "bad_host".to_owned()), "{door}");
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        assert_eq!(ask(&api, "GET /health HTTP/1.1", &format!("Host: {host}:{port}\r\n")).await.0, 200, "{host}");
    }
    assert_eq!(ask(&api, "GET /health HTTP/1.0", "").await, (400, "bad_host".to_owned()));
    let elsewhere = format!("GET http://evil.example:{port}/health HTTP/1.1");
    assert_eq!(ask(&api, &elsewhere, &format!("Host: localhost:{port}\r\n")).await.0, 403);
}

#[tokio::test]
async fn only_own_pages_may_call_any_door() {
    let api = Api::new().await;
    let url = api.server.url().to_owned();
    let host = url.trim_start_matches("http://").to_owned();
    for door in DOORS {
        for origin in ["null", "https://evil.example", "http://localhost:1", "http://127.0.0.1"] {
            let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
            let refused = ask(&api, &format!("{door} HTTP/1.1"), &headers).await;
            assert_eq!(refused, (403, "origin_not_allowed".to_owned()), "{door} {origin}");
        }
    }
    let own = wire(
        &api,
        format!("GET /health HTTP/1.1\r\nHost: {host}\r\nOrigin: {url}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    assert_eq!(told(&own).0, 200);
    assert!(!own.to_lowercase().contains("access-control"), "nothing is shared with other sites: {own}");
    let preflight = format!("Host: {host}\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n");
    assert_eq!(ask(&api, "OPTIONS /api/directives HTTP/1.1", &preflight).await.0, 403);
}

#[tokio::test]
async fn the_head_of_a_request_is_limited() {
    let api = Api::new().await;
    let host = api.server.url().trim_start_matches("http://").to_owned();
    let padded = |length: usize| {
        let frame = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Pad: \r\n\r\n").len();
        format!(
            "GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Pad: {}\r\n\r\n",
            "x".repeat(length - frame)
        )
    };
    const LIMIT: usize = 32 * 1024;
    assert_eq!(told(&wire(&api, padded(LIMIT).as_bytes()).await).0, 200);
    assert_eq!(told(&wire(&api, padded(LIMIT + 1).as_bytes()).await).0, 431);
    let many: String = (0..101).map(|n| format!("X-{n}: x\r\n")).collect();
    assert_eq!(ask(&api, "GET /health HTTP/1.1", &many).await.0, 431);
    for nonsense in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /health HTTP/9.9\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let address = api.server.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.is_empty() || told(&answer).0 == 400, "{nonsense:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_of_the_limit_is_taken_and_one_byte_more_is_not() {
    const LIMIT: usize = 4 * 1024 * 1024;
    let mut api = Api::new().await;
    let of_length = |length: usize| {
        let frame = r#"{"directive":""}"#.len();
        format!(r#"{{"directive":"{}"}}"#, "x".repeat(length - frame))
    };
    for (length, status) in [(LIMIT, 200), (LIMIT + 1, 413), (3 * LIMIT, 413)] {
        let request = api.server.client().post(api.url("/api/directives")).header("content-type", "application/json");
        let answer = api.send("POST", "/api/directives", request.body(of_length(length))).await;
        assert_eq!(answer.status, status, "{length} bytes");
    }
    // The same in pieces, whose length nobody tells before.
    let host = api.server.url().trim_start_matches("http://").to_owned();
    let mut chunked = format!(
        "POST /api/directives HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    for piece in of_length(LIMIT + 1).as_bytes().chunks(1 << 20) {
        chunked.push_str(&format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()));
    }
    chunked.push_str("0\r\n\r\n");
    assert_eq!(told(&wire(&api, chunked.as_bytes()).await), (413, "body_too_large".to_owned()));
    assert_eq!(api.get("/api/queue").await.body["pending_directives"], 1, "only the one that was taken is there");
}

#[tokio::test]
async fn a_body_that_is_no_sound_json_is_refused_and_nothing_is_written() {
    let mut api = Api::new().await;
    let nested = |depth: usize| {
        let inner = depth - 2;
        format!(r#"{{"directive":"x","metadata":{{"a":{}{}}}}}"#, "[".repeat(inner), "]".repeat(inner))
    };
    let json = "application/json";
    let deepest = nested(64);
    let too_deep = nested(65);
    let endless = "[".repeat(1_000_000);
    for (kind, body, status, code) in [
        (json, "", 400, "invalid_json"),
        (json, "{\"directive\":\"x\"", 400, "invalid_json"),
        (json, "{\"directive\":\"x\"}}", 400, "invalid_json"),
        (json, "{\"directive\":\"x\",\"budget_usd\":NaN}", 400, "invalid_json"),
        (json, "{\"directive\":\"x\",\"budget_usd\":1e999}", 400, "invalid_json"),
        (json, "{\"directive\":\"x\",\"directive\":\"y\"}", 400, "duplicate_key"),
        (json, "{\"directive\":\"x\",\"metadata\":{\"a\":1,\"a\":2}}", 400, "duplicate_key"),
        (json, "{\"DIRECTIVE\":\"x\"}", 400, "invalid"),
        (json, &too_deep, 400, "too_deep"),
        (json, &endless, 400, "too_deep"),
        ("text/plain", "{\"directive\":\"x\"}", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "directive=x", 415, "unsupported_media_type"),
        (json, &deepest, 200, ""),
        ("application/vnd.baton+json; charset=utf-8", "{\"directive\":\"x\"}", 200, ""),
    ] {
        let request = api.server.client().post(api.url("/api/directives")).header("content-type", kind);
        let answer = api.send("POST", "/api/directives", request.body(body.to_owned())).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{kind} {}", &body[..body.len().min(80)]);
    }
    let invalid: &[u8] = b"{\"directive\":\"\xff\xfe\"}";
    let request = api.server.client().post(api.url("/api/directives")).header("content-type", json);
    assert_eq!(api.send("POST", "/api/directives", request.body(invalid)).await.code(), "invalid_json");
    assert_eq!(api.get("/api/queue").await.body["pending_directives"], 2);
}

#[tokio::test]
async fn a_request_that_is_cut_leaves_nothing_behind() {
    let mut api = Api::new().await;
    let host = api.server.url().trim_start_matches("http://").to_owned();
    let body = json!({"directive": "x".repeat(200)}).to_string();
    let whole = format!(
        "POST /api/directives HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for cut in (1..whole.len()).step_by(7) {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(&whole.as_bytes()[..cut]).await.unwrap();
        // Only the sending side: an answer could still come.
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes the connection");
        let status = told(&String::from_utf8_lossy(&answer)).0;
        assert!(status == 0 || status == 400, "cut at {cut}: {status}");
    }
    assert_eq!(api.get("/api/queue").await.body["pending_directives"], 0);
    assert_eq!(api.get("/readyz").await.status, 200);
}
