//! Every tool, as an agent uses it.

use std::collections::BTreeMap;

use baton_testkit::mcp_client::McpClient;
use serde_json::{Value, json};

use super::{both_eras, call, check, report, server};

/// What was told, with everything that differs from run to run replaced by a word.
struct Story<'a> {
    client: &'a McpClient,
    schemas: BTreeMap<String, Value>,
    words: Vec<(String, &'static str)>,
    told: Vec<Value>,
}

impl<'a> Story<'a> {
    async fn begin(client: &'a McpClient) -> Self {
        let answer = client.request("tools/list", json!({})).await.unwrap();
        let tools = answer.result().unwrap()["tools"].as_array().unwrap();
        let schema = |tool: &Value| (tool["name"].as_str().unwrap().to_owned(), tool["outputSchema"].clone());
        Story { client, schemas: tools.iter().map(schema).collect(), words: Vec::new(), told: Vec::new() }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = call(self.client, tool, arguments.clone()).await;
        check(&self.schemas[tool], &result).unwrap_or_else(|why| panic!("{tool}: {why}"));
        self.told.push(json!({"call": tool, "with": arguments, "gives": result.clone()}));
        result
    }

    fn name(&mut self, value: &Value, word: &'static str) {
        self.words.push((value.as_str().unwrap().to_owned(), word));
    }

    fn end(self) -> Value {
        let mut text = Value::from(self.told).to_string();
        for (value, word) in self.words {
            text = text.replace(&value, word);
        }
        let mut told = serde_json::from_str(&text).unwrap();
        hide_moments(&mut told);
        told
    }
}

fn hide_moments(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let is_moment = key == "at" || key.ends_with("_at") || key == "timestamp";
                match inner {
                    Value::String(text) if is_moment => *text = "[moment]".to_owned(),
                    Value::Object(days) if key == "daily_volume" => {
                        // One day, or two around midnight.
                        *inner = json!({"[day]": days.values().filter_map(Value::as_i64).sum::<i64>()});
                    }
                    inner => hide_moments(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_moments),
        _ => {}
    }
}

/// Gives work, takes it, does it, reports it, follows it up, looks at it, and stops.
async fn work(client: &McpClient) -> Value {
    let mut story = Story::begin(client).await;
    let added = story
        .call(
            "add_directive",
            json!({
                "directive": "Count the errors of yesterday",
                "priority": "High",
                "tags": ["ops"],
                "metadata": {"ticket": 7},
                "follow_up_rules": [{"condition": "result.contains('3 errors')", "next_directive": "Mend them"}],
            }),
        )
        .await;
    story.name(&added["directive_id"], "[first]");
    let polled = story.call("get_next_directive", json!({"wait_seconds": 0})).await;
    assert_eq!(polled["next_action"], "STOP", "nobody has started monitoring");

    let started = story.call("start_directive_monitoring", json!({"agent": "ann"})).await;
    story.name(&started["session_id"], "[session]");
    let arguments = json!({"agent": "ann", "session_id": started["session_id"], "tags": ["ops", "web"]});
    let polled = story.call("get_next_directive", arguments).await;
    assert_eq!(polled["next_action"], "EXECUTE_THEN_POLL");
    story.name(&polled["metadata"]["lease_token"], "[token of first]");
    let lease = json!({"directive_id": polled["directive_id"], "lease_token": polled["metadata"]["lease_token"]});
    story.call("extend_lease", lease).await;
    story.call("list_directives", json!({"state": "leased"})).await;

    let done = json!({"previous_result": report(&polled, true, "3 errors, all in billing"), "agent": "ann"});
    let polled = story.call("get_next_directive", done).await;
    assert_eq!(polled["directive"], "Mend them", "the follow-up comes next");
    story.name(&polled["directive_id"], "[second]");
    story.name(&polled["metadata"]["lease_token"], "[token of second]");
    let failed = json!({"previous_result": report(&polled, false, "no way in"), "wait_seconds": 0, "agent": "ann"});
    let polled = story.call("get_next_directive", failed).await;
    assert_eq!(polled["next_action"], "WAIT_THEN_POLL");

    story.call("get_directive", json!({"directive_id": added["directive_id"]})).await;
    let later = story.call("add_directive", json!({"directive": "Water the plants", "delay_seconds": 3600})).await;
    story.name(&later["directive_id"], "[third]");
    story.call("cancel_directive", json!({"directive_id": later["directive_id"]})).await;
    let page = story.call("list_directives", json!({"limit": 1})).await;
    story.name(&page["next_cursor"], "[cursor]");
    story.call("get_directive_analytics", json!({})).await;
    story.call("stop_monitoring", json!({})).await;
    let used: std::collections::BTreeSet<_> =
        story.told.iter().map(|it| it["call"].as_str().unwrap().to_owned()).collect();
    assert!(story.schemas.keys().eq(&used), "every tool was used: {used:?}");
    story.end()
}

#[tokio::test]
async fn an_agent_works_through_directives_with_every_tool() {
    let (one, other) = (server().await, server().await);
    let modern = work(&McpClient::modern(super::url(&one))).await;
    insta::assert_json_snapshot!("every_tool", modern);
    let legacy = work(&McpClient::legacy(super::url(&other)).await.unwrap()).await;
    assert_eq!(legacy, modern, "the tools do not know the era");
}

#[tokio::test]
async fn lists_and_prompts_are_the_same_in_both_eras() {
    let server = server().await;
    let [modern, legacy] = both_eras(&server).await;
    for method in ["tools/list", "prompts/list"] {
        let new = modern.request(method, json!({})).await.unwrap();
        let new = new.result().unwrap();
        let again = modern.request(method, json!({})).await.unwrap();
        assert_eq!(again.result().unwrap(), new, "{method} has one order");
        assert!(new["ttlMs"].as_u64().is_some_and(|ttl| ttl > 0) && new["cacheScope"] == "private", "{method}");
        let old = legacy.request(method, json!({})).await.unwrap();
        let list = method.strip_suffix("/list").unwrap();
        assert_eq!(old.result().unwrap()[list], new[list], "{method}");
        assert_eq!(old.result().unwrap().get("resultType"), None, "{method} of the older era");
        insta::assert_json_snapshot!(list, new);
    }
    let arguments = json!({"name": "work_directives", "arguments": {"agent": "ann", "tags": "ops,web"}});
    let new = modern.request("prompts/get", arguments.clone()).await.unwrap();
    let old = legacy.request("prompts/get", arguments).await.unwrap();
    assert_eq!(old.result().unwrap()["messages"], new.result().unwrap()["messages"]);
    insta::assert_json_snapshot!("prompt", new.result().unwrap());
}

#[tokio::test]
async fn both_ways_of_meeting_tell_the_same_of_the_server() {
    let server = server().await;
    let modern = McpClient::modern(super::url(&server));
    let discovered = modern.request("server/discover", json!({})).await.unwrap();
    insta::assert_json_snapshot!("discover", discovered.result().unwrap(), {
        "._meta[\"io.modelcontextprotocol/serverInfo\"].version" => "[version]",
    });
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"] {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"},
        }});
        let answer = McpClient::read(modern.post().body(hello.to_string()), &json!(1)).await.unwrap();
        let told = answer.result().unwrap_or_else(|| panic!("{revision}: {}", answer.body));
        let spoken = if revision == "1999-01-01" { "2025-11-25" } else { revision };
        assert_eq!(told["protocolVersion"], spoken);
        assert!(answer.header("mcp-session-id").is_some(), "{revision}");
        for key in ["instructions", "capabilities"] {
            assert_eq!(told[key], discovered.result().unwrap()[key], "{revision}");
        }
    }
}
