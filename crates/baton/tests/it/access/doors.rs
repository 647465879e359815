//! The other doors: MCP, and browsers with a cookie.

use std::collections::BTreeSet;

use baton_testkit::mcp_client::McpClient;

use super::*;

const READ: [&str; 3] = ["get_directive", "get_directive_analytics", "list_directives"];
const SUBMIT: [&str; 2] = ["add_directive", "cancel_directive"];
const WORK: [&str; 4] = ["extend_lease", "get_next_directive", "start_directive_monitoring", "stop_monitoring"];

fn mcp(gated: &Gated, who: &str) -> McpClient {
    McpClient::modern(format!("{}/mcp", gated.server.url())).with_token(gated.token(who))
}

#[tokio::test]
async fn tools_are_listed_and_called_by_scope() {
    let gated = Gated::new().await;
    let all: BTreeSet<&str> = [&READ[..], &SUBMIT, &WORK].concat().into_iter().collect();
    for (who, known) in [
        ("reader", READ.to_vec()),
        ("alice", [&READ[..], &SUBMIT].concat()),
        ("worker", [&READ[..], &WORK].concat()),
        ("boss", all.iter().copied().collect()),
    ] {
        let client = mcp(&gated, who);
        let listed = client.request("tools/list", json!({})).await.unwrap();
        let listed = listed.result().unwrap_or_else(|| panic!("{}", listed.body))["tools"].clone();
        let listed: BTreeSet<&str> =
            listed.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(listed, known.iter().copied().collect(), "{who}; a new tool needs a place in these lists");
        for tool in all.difference(&listed) {
            let arguments = match *tool {
                "add_directive" => json!({"directive": "x"}),
                "cancel_directive" => json!({"directive_id": UNKNOWN}),
                "extend_lease" => json!({"directive_id": UNKNOWN, "lease_token": "x"}),
                _ => json!({}),
            };
            let answer = client.call_tool(tool, arguments).await.unwrap();
            let result = answer.result().unwrap_or_else(|| panic!("{who} {tool}: {}", answer.body));
            assert_eq!(result["isError"], true, "{who} {tool}: {}", answer.body);
            assert!(result["content"][0]["text"].as_str().unwrap().contains("scope"), "{who} {tool}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn agents_over_mcp_see_their_own() {
    let gated = Gated::new().await;
    let id = gated.add("alice", json!({"directive": "one"})).await;
    for (who, found) in [("alice", true), ("boss", true), ("bob", false), ("reader", false)] {
        let answer = mcp(&gated, who).call_tool("get_directive", json!({"directive_id": id})).await.unwrap();
        assert_eq!(answer.result().unwrap()["isError"], !found, "{who}: {}", answer.body);
        let list = mcp(&gated, who).call_tool("list_directives", json!({})).await.unwrap();
        let count = list.result().unwrap()["structuredContent"]["items"].as_array().unwrap().len();
        assert_eq!(count, usize::from(found), "{who}: {}", list.body);
    }
}

#[tokio::test]
async fn without_a_token_mcp_is_401_with_a_challenge_in_both_eras() {
    let gated = Gated::new().await;
    let url = format!("{}/mcp", gated.server.url());
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    for (message, version) in [(&hello, None), (&list, Some("2026-07-28"))] {
        for token in [None, Some("baton_wrong")] {
            let mut request = McpClient::modern(&url).post().json(message);
            request =
                version.into_iter().fold(request, |request, version| request.header("mcp-protocol-version", version));
            request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
            let refused = request.send().await.unwrap();
            assert_eq!(refused.status(), 401);
            assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(gated.ask(method, "/mcp", None, None).await.status, 401);
    }
}

#[tokio::test]
async fn a_cookie_changes_something_only_from_our_own_pages() {
    let gated = Gated::new().await;
    let cookie = format!("other=1; baton_token={}", gated.token("alice"));
    let url = |path: &str| format!("{}{path}", gated.server.url());
    let ours = gated.server.url().to_owned();
    let read = gated.server.client().get(url("/api/queue")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(read.status(), 200, "reading needs no origin");
    for (header, value, status, code) in [
        ("x-nothing", "1", 403, "origin_required"),
        ("sec-fetch-site", "cross-site", 403, "origin_required"),
        ("sec-fetch-site", "same-site", 403, "origin_required"),
        ("origin", "https://evil.example", 403, ""),
        ("origin", "null", 403, ""),
        ("origin", ours.as_str(), 200, ""),
        ("sec-fetch-site", "same-origin", 200, ""),
    ] {
        let request = gated.server.client().post(url("/api/directives")).header("cookie", &cookie);
        let answer = request.header(header, value).json(&json!({"directive": "x"})).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{header}: {value}");
        let body: Value = answer.json().await.unwrap();
        assert!(code.is_empty() || body["code"] == code, "{header}: {value}: {body}");
    }
    // With a token in the header the page does not matter: no browser adds that by itself.
    let added = gated.post("/api/directives", "alice", json!({"directive": "x"})).await;
    assert_eq!(added.status, 200);
    let wrong =
        gated.server.client().get(url("/api/queue")).header("cookie", "baton_token=wrong").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
}
