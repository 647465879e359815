//! A small MCP client: calls tools over Streamable HTTP, revision 2026-07-28 (stateless: every request says who asks
//! and which revision it speaks; the answer is JSON or a stream of events that ends with it).

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{
    Response,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const REVISION: &str = "2026-07-28";

/// Why a tool could not be called, or what it refused with.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server was not reached, or the connection broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// A JSON-RPC error, or an answer that is none.
    #[error("the server answered HTTP {status} with {body}")]
    Protocol {
        /// HTTP status.
        status: u16,
        /// What came instead of a result.
        body: String,
    },
    /// The tool says what is wrong with the call (`isError`).
    #[error("{tool} refused: {text}")]
    Tool {
        /// Its name.
        tool: String,
        /// Its words.
        text: String,
    },
    /// The result has another shape than the tool promises.
    #[error("the result cannot be read: {0}")]
    Shape(#[from] serde_json::Error),
}

/// One server, as an agent sees it.
pub struct McpClient {
    http: reqwest::Client,
    url: String,
    name: &'static str,
    next_id: AtomicU64,
}

impl McpClient {
    /// A client called `name` of the server at `url` (without `/mcp`). Nothing is sent yet.
    pub fn new(http: reqwest::Client, url: &str, name: &'static str) -> Self {
        McpClient { http, url: format!("{url}/mcp"), name, next_id: AtomicU64::new(1) }
    }

    /// Calls a tool and reads its `structuredContent`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call<T: DeserializeOwned>(&self, tool: &str, arguments: Value) -> Result<T, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = json!({
            "jsonrpc": "2.0",
            "id": id,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": REVISION,
                    "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": env!("CARGO_PKG_VERSION") },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let response = self
            .http
            .post(&self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header("MCP-Protocol-Version", REVISION)
            .header("Mcp-Method", "tools/call")
            .header("Mcp-Name", tool)
            .json(&request)
            .send()
            .await?;
        let status = response.status().as_u16();
        let mut answer = answer(response, id).await?;
        let result = answer["result"].take();
        if result.is_null() {
            return Err(CallError::Protocol { status, body: answer.to_string() });
        }
        if result["isError"] == true {
            let text = result["content"][0]["text"].as_str().unwrap_or("(no text)").to_owned();
            return Err(CallError::Tool { tool: tool.to_owned(), text });
        }
        Ok(T::deserialize(&result["structuredContent"])?)
    }
}

/// The message with this id; progress and keep-alives before it are passed over.
async fn answer(mut response: Response, id: u64) -> Result<Value, CallError> {
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        let body = response.text().await?;
        return serde_json::from_str(&body).map_err(|_| CallError::Protocol { status, body });
    }
    let mut events = Events::default();
    while let Some(bytes) = response.chunk().await? {
        if let Some(message) = events.feed(&bytes).into_iter().find(|message| message["id"] == id) {
            return Ok(message);
        }
    }
    Err(CallError::Protocol { status, body: "a stream that ended before the answer".into() })
}

/// Cuts a stream of server-sent events into the JSON messages it carries.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: String,
}

impl Events {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Value> {
        let mut messages = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_owned();
            self.line.clear();
            if let Some(data) = line.strip_prefix("data:") {
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            } else if line.is_empty() {
                messages.extend(serde_json::from_str(&std::mem::take(&mut self.data)).ok());
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = b": waiting\n\nretry: 3000\n\ndata: {\"method\":\"notifications/progress\"}\n\nevent: message\r\n\
                       data: {\"id\":1,\ndata: \"result\":{}}\r\n\r\n";
        for size in [1, 7, stream.len()] {
            let mut events = Events::default();
            let messages: Vec<Value> = stream.chunks(size).flat_map(|bytes| events.feed(bytes)).collect();
            assert_eq!(
                messages,
                [json!({"method": "notifications/progress"}), json!({"id": 1, "result": {}})],
                "cut into {size}"
            );
        }
    }
}
