//! What every client does: the life of one directive, and a mistake.

use baton_testkit::server::Server;
use serde_json::{Value, json};

/// Plays a round and checks each structured result. `call` gives a tool's result as it came over the wire.
pub async fn play(server: &Server, tools: &[Value], mut call: impl AsyncFnMut(&str, Value) -> Value) {
    assert_eq!(names(tools), names(&documented()), "a client lists what the documentation lists, in its order");
    assert!(tools.iter().all(|tool| tool["outputSchema"]["type"] == "object"));

    let mut done = async |tool: &str, arguments: Value| {
        let result = call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        let texts = result["content"].as_array().unwrap();
        assert_eq!(texts.len(), 1, "{tool}: {result}");
        let text: Value = serde_json::from_str(texts[0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(floats(&text), floats(&result["structuredContent"]), "{tool}");
        text
    };
    let directive = "Grüß 世界 \u{1f980}\n\"quoted\" \\ and more";
    let added = done("add_directive", json!({"directive": directive, "priority": "urgent", "tags": ["clients"]})).await;
    assert_eq!(added["success"], true);
    let started = done("start_directive_monitoring", json!({"agent": "tester"})).await;
    assert!(started["session_id"].is_string(), "{started}");

    let got = done("get_next_directive", json!({"agent": "tester"})).await;
    assert_eq!(got["next_action"], "EXECUTE_THEN_POLL");
    assert_eq!([&got["directive"], &got["directive_id"]], [&json!(directive), &added["directive_id"]]);
    let report = json!({
        "directive_id": got["directive_id"],
        "lease_token": got["metadata"]["lease_token"],
        "success": true,
        "result": "done — fertig",
        "execution_time": 1.5,
    });
    // Waits for longer than an answer may be silent, so that it comes down a stream that was opened before it.
    let next = done("get_next_directive", json!({"previous_result": report, "wait_seconds": 1.5})).await;
    assert_eq!([&next["has_directive"], &next["next_action"]], [&json!(false), &json!("WAIT_THEN_POLL")]);

    let analytics = done("get_directive_analytics", json!({})).await;
    assert_eq!(analytics["total_completed"], 1);
    assert_eq!(analytics["success_rate"].as_f64(), Some(1.0));
    assert_eq!(analytics["average_execution_time"].as_f64(), Some(1.5));

    let refused = call("get_directive", json!({"directive_id": "nobody's"})).await;
    assert_eq!(refused["isError"], true, "{refused}");
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("`nobody's`"), "{refused}");

    let (_, results) = server.get("/api/results").await.unwrap();
    assert_eq!(results[0]["directive_id"], added["directive_id"]);
    assert_eq!(results[0]["result"], "done — fertig");
}

/// A value with all its numbers as floats: to JavaScript `1.0` is `1`.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), floats(member))).collect(),
        other => other.clone(),
    }
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

fn documented() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tools.json");
    let list: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    list["tools"].as_array().unwrap().clone()
}
