//! A stateless MCP server with the two tools of a queue, just enough for the worker's script and for the raw client.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub struct FakeQueue {
    address: SocketAddr,
    state: Arc<Mutex<Queue>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Queue {
    directives: Vec<String>,
    handed_out: usize,
    reports: Vec<Value>,
    /// Without directives: WAIT_THEN_POLL instead of STOP.
    endless: bool,
}

impl FakeQueue {
    /// Hands out the directives in order, then says STOP.
    pub async fn start(directives: &[&str]) -> Self {
        let directives = directives.iter().map(|text| (*text).to_owned()).collect();
        Self::serve(Queue { directives, ..Queue::default() }).await
    }

    /// Has nothing to do and never says STOP.
    pub async fn start_endless() -> Self {
        Self::serve(Queue { endless: true, ..Queue::default() }).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn reports(&self) -> Vec<Value> {
        self.state.lock().unwrap().reports.clone()
    }

    async fn serve(queue: Queue) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(queue));
        let app = Router::new().route("/mcp", post(answer)).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        FakeQueue { address, state, server }
    }
}

impl Drop for FakeQueue {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(queue): State<Arc<Mutex<Queue>>>, headers: HeaderMap, Json(call): Json<Value>) -> Response {
    if call["id"].is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    let tool = |name: &str| json!({"name": name, "description": name, "inputSchema": {"type": "object"}});
    let result = match call["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "fake", "version": "1"},
        }),
        "server/discover" => json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
            "serverInfo": {"name": "fake", "version": "1"}, "ttlMs": 60000, "cacheScope": "private",
        }),
        "tools/list" => json!({
            "resultType": "complete", "ttlMs": 1000, "cacheScope": "private",
            "tools": [tool("start_directive_monitoring"), tool("get_next_directive"), tool("echo_headers")],
        }),
        "tools/call" => {
            let arguments = &call["params"]["arguments"];
            let text = match call["params"]["name"].as_str().unwrap_or_default() {
                "echo_headers" => headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect(),
                "get_next_directive" => queue.lock().unwrap().next(arguments).to_string(),
                _ => "{}".to_owned(),
            };
            json!({"resultType": "complete", "content": [{"type": "text", "text": text}]})
        }
        _ => {
            let error = json!({"code": -32601, "message": "no such method"});
            return (StatusCode::NOT_FOUND, Json(json!({"jsonrpc": "2.0", "id": call["id"], "error": error})))
                .into_response();
        }
    };
    let answer = json!({"jsonrpc": "2.0", "id": call["id"], "result": result});
    if call["params"]["arguments"]["as_stream"] == true {
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}});
        let stream = format!(": hello\n\nevent: message\ndata: {progress}\n\ndata: {answer}\n\n");
        return ([("content-type", "text/event-stream")], stream).into_response();
    }
    ([("mcp-session-id", "session-1")], Json(answer)).into_response()
}

impl Queue {
    fn next(&mut self, arguments: &Value) -> Value {
        if arguments["previous_result"].is_object() {
            self.reports.push(arguments["previous_result"].clone());
        }
        let number = self.handed_out;
        let Some(directive) = self.directives.get(number) else {
            let next_action = if self.endless { "WAIT_THEN_POLL" } else { "STOP" };
            return json!({"has_directive": false, "next_action": next_action, "wait_seconds": 1, "metadata": {}});
        };
        self.handed_out += 1;
        json!({
            "has_directive": true, "directive": directive, "directive_id": format!("id-{number}"),
            "next_action": "EXECUTE_THEN_POLL", "metadata": {"lease_token": format!("lease-{number}")},
        })
    }
}
