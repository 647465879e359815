//! The MCP door, by clients of both eras.
#![expect(clippy::unwrap_used, reason = "what a helper of the tests cannot do is a failure of the test")]

mod bad_input;
mod cancellation;
mod loops;
mod waiting;

use std::{future::Future, time::Duration};

use baton_testkit::{mcp_client::McpClient, server::Server};
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

/// How long anything but a wait on purpose may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn server() -> Server {
    Server::start(env!("CARGO_BIN_EXE_baton"), &[]).await.unwrap()
}

fn url(server: &Server) -> String {
    format!("{}/mcp", server.url())
}

async fn both_eras(server: &Server) -> [McpClient; 2] {
    [McpClient::modern(url(server)), McpClient::legacy(url(server)).await.unwrap()]
}

/// Calls a tool that must succeed: its structured content, which is also its only text.
async fn call(client: &McpClient, tool: &str, arguments: Value) -> Value {
    let answer = client.call_tool(tool, arguments).await.unwrap();
    let result = answer.result().unwrap_or_else(|| panic!("{tool}: {}", answer.body));
    assert_eq!(result["isError"], false, "{tool}: {}", answer.body);
    assert_eq!(result["content"].as_array().unwrap().len(), 1, "{tool}: {}", answer.body);
    assert_eq!(answer.tool_json().unwrap(), result["structuredContent"], "{tool}");
    result["structuredContent"].clone()
}

/// Calls a tool that must refuse: its sentence. A refusal has no structured content.
async fn refused(client: &McpClient, tool: &str, arguments: Value) -> String {
    let answer = client.call_tool(tool, arguments).await.unwrap();
    let result = answer.result().unwrap_or_else(|| panic!("{tool}: {}", answer.body));
    assert_eq!(result["isError"], true, "{tool}: {}", answer.body);
    assert_eq!(result.get("structuredContent"), None, "{tool}: {}", answer.body);
    assert_eq!(result["content"].as_array().unwrap().len(), 1, "{tool}: {}", answer.body);
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Looks every few milliseconds until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let looking = async {
        let mut ticks = interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            if look().await {
                return;
            }
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

async fn waiting_polls(server: &Server) -> i64 {
    let (status, queue) = server.get("/api/queue").await.unwrap();
    assert_eq!(status, 200, "{queue}");
    queue["waiting_polls"].as_i64().unwrap()
}

async fn until_polls_wait(server: &Server, count: i64) {
    until(&format!("{count} polls wait"), || async { waiting_polls(server).await == count }).await;
}

/// Whether a value is described by a schema of the kind that Baton publishes; why not.
fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let wrong = |why: String| Err(format!("{why}: {value} against {schema}"));
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices
            .iter()
            .map(|choice| check(choice, value))
            .find(Result::is_ok)
            .unwrap_or(wrong("no choice".into()));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_kind = |name: &Value| name == kind || (kind == "integer" && name == "number");
    match &schema["type"] {
        Value::Array(kinds) if !kinds.iter().any(is_kind) => return wrong(kind.into()),
        name @ Value::String(_) if !is_kind(name) => return wrong(kind.into()),
        _ => {}
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return wrong("not in the list".into());
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return wrong(format!("{name} is missing"));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => return wrong(format!("{name} is unknown")),
            (Value::Null, rest) => check(rest, inner)?,
            (known, _) => check(known, inner)?,
        }
    }
    value.as_array().into_iter().flatten().try_for_each(|item| check(&schema["items"], item))
}

/// A poll's arguments that bring a result.
fn report(polled: &Value, success: bool, result: &str) -> Value {
    json!({
        "directive_id": polled["directive_id"],
        "lease_token": polled["metadata"]["lease_token"],
        "success": success,
        "result": result,
    })
}
