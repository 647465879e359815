//! What is refused, how, and that nothing comes of it.

use baton_testkit::mcp_client::{MODERN, McpClient};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{both_eras, call, refused, report, server, url};

#[tokio::test]
async fn wrong_arguments_are_named() {
    let server = server().await;
    for client in both_eras(&server).await {
        for (tool, arguments, part) in [
            ("add_directive", json!({}), "`directive`: is required"),
            ("add_directive", json!({"directiv": "x"}), "`directiv`: is unknown; did you mean `directive`?"),
            ("add_directive", json!({"directive": " "}), "`directive`: must not be blank"),
            ("add_directive", json!({"directive": 7}), "`directive`: must be a text, not 7"),
            ("add_directive", json!({"directive": "x", "priority": "hihg"}), "`priority`"),
            (
                "add_directive",
                json!({"directive": "x", "follow_up_rules": [{"condition": "result.contains(", "next_directive": "y"}]}),
                "`follow_up_rules[0].condition`",
            ),
            ("add_directive", json!({"directive": "x", "webhook": "ftp://x"}), "`webhook`"),
            ("add_directive", json!({"directive": "x", "max_retries": -1}), "`max_retries`: must be 0 to 1000, not -1"),
            ("get_next_directive", json!({"wait_seconds": 240.5}), "`wait_seconds`: must be 0 to 240, not 240.5"),
            ("get_next_directive", json!({"tags": [""]}), "`tags[0]`: must not be blank"),
            ("get_next_directive", json!({"previous_result": {"success": true}}), "`previous_result.directive_id`"),
            ("list_directives", json!({"limit": 1001}), "`limit`: must be 1 to 1000, not 1001"),
            ("list_directives", json!({"limit": 0}), "`limit`"),
            ("list_directives", json!({"state": "done"}), "`state`: `done` is not one of"),
            ("get_directive", json!({}), "`directive_id`: is required"),
            ("get_directive", json!({"directive_id": "it's"}), "no directive with the id `it's`"),
            ("cancel_directive", json!({"directive_id": "nobody's"}), "no directive with the id `nobody's`"),
            ("extend_lease", json!({"directive_id": "x", "lease_token": "y"}), "no directive with the id `x`"),
            ("extend_lease", json!({"directive_id": "x"}), "`lease_token`: is required"),
            ("get_directive_analytics", json!({"days": 7}), "`days`: is unknown"),
            ("start_directive_monitoring", json!({"agent": ""}), "`agent`: must not be blank"),
            ("stop_monitoring", json!({"agent": "a\nb"}), "`agent`: must not hold control characters"),
        ] {
            let why = refused(&client, tool, arguments.clone()).await;
            assert!(why.contains(part), "{tool} {arguments}: {why}");
        }
        let (_, page) = server.get("/api/directives").await.unwrap();
        assert_eq!(page["items"], json!([]), "nothing came of it");
    }
}

#[tokio::test]
async fn a_refused_result_says_how_to_go_on() {
    let server = server().await;
    let client = McpClient::modern(url(&server));
    call(&client, "start_directive_monitoring", json!({})).await;
    let added = call(&client, "add_directive", json!({"directive": "Do it"})).await;
    let next = async |result: Value| {
        refused(&client, "get_next_directive", json!({"previous_result": result, "wait_seconds": 0})).await
    };
    let go_on = "get_next_directive without `previous_result`";

    let unknown = next(json!({"directive_id": "nobody's", "success": true, "result": "x", "lease_token": "t"})).await;
    assert!(unknown.starts_with("Your result was not recorded: no directive with the id `nobody's`"), "{unknown}");
    assert!(unknown.contains(go_on), "{unknown}");
    let early = json!({"directive_id": added["directive_id"], "success": true, "result": "x", "lease_token": "t"});
    let early = next(early).await;
    assert!(early.starts_with("Your result was not recorded: ") && early.contains(go_on), "{early}");

    let polled = call(&client, "get_next_directive", json!({})).await;
    assert_eq!(polled["metadata"]["attempt"], 1, "what was refused above changed nothing");
    let mut unsigned = report(&polled, true, "done");
    unsigned.as_object_mut().unwrap().remove("lease_token");
    let poll = json!({"previous_result": unsigned, "wait_seconds": 0});
    let taken = call(&client, "get_next_directive", poll).await;
    assert_eq!(taken["previous_result"]["outcome"], "completed", "the token is asked for, not insisted on");
    let again = json!({"previous_result": report(&polled, true, "done"), "wait_seconds": 0});
    let again = call(&client, "get_next_directive", again).await;
    assert_eq!(again["previous_result"]["outcome"], "already_recorded");
    let other = next(report(&polled, false, "not done")).await;
    for part in ["Your result was not recorded: ", "What is stored: {", "\"result\":\"done\"", go_on] {
        assert!(other.contains(part), "{other}");
    }
    let ended = refused(&client, "cancel_directive", json!({"directive_id": added["directive_id"]})).await;
    assert!(ended.starts_with("Nothing was changed: ") && ended.contains("already_ended"), "{ended}");
}

#[tokio::test]
async fn what_the_protocol_does_not_know_is_an_error_of_the_protocol() {
    let server = server().await;
    for (client, is_modern) in both_eras(&server).await.into_iter().zip([true, false]) {
        let not_found = if is_modern { 404 } else { 200 };
        for (method, params, status, code, part) in [
            ("tools/explode", json!({}), not_found, -32601, "`tools/explode`"),
            ("Tools/list", json!({}), not_found, -32601, "`Tools/list`"),
            ("tools/call", json!({"name": "get_direktive", "arguments": {}}), 200, -32602, "`get_direktive`"),
            ("tools/call", json!({"name": "get_directive", "arguments": [1]}), 200, -32602, "`tools/call`"),
            ("prompts/get", json!({"name": "work"}), 200, -32602, "`work_directives`"),
            ("prompts/get", json!({"name": "work_directives", "arguments": {"agnt": "a"}}), 200, -32602, "`agent`"),
            ("tools/list", json!({"cursor": "2"}), 200, -32602, "`cursor`"),
        ] {
            let answer = client.request(method, params.clone()).await.unwrap();
            let error = answer.error().unwrap_or_else(|| panic!("{method}: {}", answer.body));
            assert_eq!((answer.status, error["code"].as_i64()), (status, Some(code)), "{method}: {}", answer.body);
            assert!(error["message"].as_str().unwrap().contains(part), "{method} {params}: {}", answer.body);
            assert_eq!(answer.response.as_ref().unwrap()["id"], 1);
        }
    }
}

#[tokio::test]
async fn frames_that_mean_something_else_are_refused() {
    let server = server().await;
    let client = McpClient::modern(url(&server));
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}1{}}}"#,
        r#"{"a":"#.repeat(64),
        "}".repeat(64)
    );
    let deepest = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}1{}}}"#,
        "[".repeat(2_000_000),
        "]".repeat(2_000_000)
    );
    let long =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"a":"{}"}}}}"#, "x".repeat(4 << 20));
    for (body, status, code) in [
        (r#"{"jsonrpc":"2.0","id":1,"Method":"tools/list"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","ID":1,"id":null,"method":"tools/list"}"#, 400, -32600),
        (r#"{"JSONRPC":"2.0","id":1,"method":"tools/list"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, 400, -32602),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/li"#, 400, -32700),
        ("", 400, -32700),
        (deep.as_str(), 400, -32600),
        (deepest.as_str(), 400, -32600),
        (long.as_str(), 413, -32600),
    ] {
        let start: String = body.chars().take(80).collect();
        let answer = McpClient::read(client.post().body(body.to_owned()), &json!(1)).await.unwrap();
        let error = answer.error().unwrap_or_else(|| panic!("{start}: {}", answer.body));
        assert_eq!((answer.status, error["code"].as_i64()), (status, Some(code)), "{start}: {}", answer.body);
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "add_directive", "arguments": {"directive": "one"},
        "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}},
    }});
    let twice = message.to_string().replace(r#""directive":"one""#, r#""directive":"one","directive":"other""#);
    for (what, request, status) in [
        ("a key twice in the arguments", client.post().header("mcp-protocol-version", MODERN).body(twice), 400),
        ("no headers of 2026-07-28", client.post().body(message.to_string()), 400),
        ("no session and no _meta", client.post().body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#), 400),
        (
            "an unknown session",
            client.post().header("mcp-session-id", "x").body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
            404,
        ),
        (
            "another type",
            server
                .client()
                .post(url(&server))
                .header("accept", "application/json, text/event-stream")
                .body(message.to_string()),
            415,
        ),
        ("no stream accepted", server.client().post(url(&server)).json(&message), 406),
        ("no method of HTTP", server.client().put(url(&server)).json(&message), 405),
        ("a stream without a session", server.client().get(url(&server)).header("accept", "text/event-stream"), 400),
    ] {
        let answer = McpClient::read(request, &json!(1)).await.unwrap();
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(answer.error().is_some_and(|error| error["message"].is_string()), "{what}: {}", answer.body);
    }
    let (_, page) = server.get("/api/directives").await.unwrap();
    assert_eq!(page["items"], json!([]), "nothing came of it");
}

#[tokio::test]
async fn foreign_pages_and_names_are_shut_out() {
    let server = server().await;
    let client = McpClient::modern(url(&server));
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"0"}}}"#;
    for (name, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 403),
        ("origin", server.url(), 200),
    ] {
        let answer = client.post().header(name, value).body(hello).send().await.unwrap();
        assert_eq!(answer.status(), status, "{name}: {value}");
    }
}

#[tokio::test]
async fn requests_that_are_cut_leave_nothing_behind() {
    let server = server().await;
    let client = McpClient::modern(url(&server));
    let address = server.url().trim_start_matches("http://").to_owned();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add_directive","arguments":{"directive":"x"}}}"#;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json, \
         text/event-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let whole = head + body;
    for length in (1..whole.len()).step_by(17) {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&whole.as_bytes()[..length]).await.unwrap();
    }
    let page = call(&client, "list_directives", json!({})).await;
    assert_eq!(page["items"], json!([]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
