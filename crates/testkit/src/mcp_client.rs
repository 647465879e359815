//! A raw MCP client over Streamable HTTP: it sends what a test says and shows what came back, in both eras of the
//! protocol. What a well-behaved library would hide or repair stays visible.

mod answer;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};

use crate::http;

pub use answer::Answer;

/// The stateless revision.
pub const MODERN: &str = "2026-07-28";
/// The newest of the revisions with `initialize` and sessions.
pub const LEGACY: &str = "2025-11-25";

/// How long any answer may take; longer than the longest poll that Baton lets wait.
const PATIENCE: Duration = Duration::from_secs(300);

/// A client of one MCP endpoint.
#[derive(Clone, Debug)]
pub struct McpClient {
    client: Client,
    url: String,
    token: Option<String>,
    era: Era,
}

#[derive(Clone, Debug)]
enum Era {
    Modern,
    Legacy { session: Option<String> },
}

impl McpClient {
    /// A client of 2026-07-28: every request stands for itself.
    pub fn modern(url: impl Into<String>) -> Self {
        McpClient { client: http::client(), url: url.into(), token: None, era: Era::Modern }
    }

    /// A client of 2025-11-25: initializes and keeps the session that the server gives, if it gives one.
    ///
    /// # Errors
    /// If the server refuses or answers with another revision.
    pub async fn legacy(url: impl Into<String>) -> Result<Self> {
        let mut client =
            McpClient { client: http::client(), url: url.into(), token: None, era: Era::Legacy { session: None } };
        let hello = json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client_info()});
        let answer = client.request("initialize", hello).await?;
        let version = &answer.result().context("initialize was refused")?["protocolVersion"];
        ensure!(version == LEGACY, "the server chose revision {version}");
        client.era = Era::Legacy { session: answer.header("mcp-session-id").map(str::to_owned) };
        let taken = client.notify("notifications/initialized", json!({})).await?;
        ensure!(taken.status == 202, "notifications/initialized was answered with {}", taken.status);
        Ok(client)
    }

    /// The same client with an access token.
    pub fn with_token(self, token: &str) -> Self {
        McpClient { token: Some(token.to_owned()), ..self }
    }

    /// The session that a legacy server gave.
    pub fn session(&self) -> Option<&str> {
        match &self.era {
            Era::Modern => None,
            Era::Legacy { session } => session.as_deref(),
        }
    }

    /// Calls a tool; errors of use come as a result with `isError`.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub async fn call_tool(&self, name: &str, arguments: Value) -> Result<Answer> {
        self.request("tools/call", json!({"name": name, "arguments": arguments})).await
    }

    /// Sends a request, with the metadata and headers of the era, and reads until its response is there. The id is 1:
    /// each request has a connection of its own, so nothing can be mixed up.
    ///
    /// # Errors
    /// If the connection fails or ends before the response. A refusal by status or JSON-RPC error is no error here.
    pub async fn request(&self, method: &str, params: Value) -> Result<Answer> {
        self.send(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).await
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub async fn notify(&self, method: &str, params: Value) -> Result<Answer> {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await
    }

    /// Sends a message of the era, from which a test may have left something out or put something in: in the modern
    /// era `_meta` keys that are there already stay.
    ///
    /// # Errors
    /// If the connection fails or ends before the response.
    pub async fn send(&self, mut message: Value) -> Result<Answer> {
        let mut request = self.post();
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        match &self.era {
            Era::Modern => {
                add_meta(&mut message["params"]["_meta"]);
                request = request.header("mcp-protocol-version", MODERN).header("mcp-method", &method);
                if let Some(name) = name_of(&method, &message["params"]) {
                    request = request.header("mcp-name", name);
                }
            }
            Era::Legacy { session } => {
                if method != "initialize" {
                    request = request.header("mcp-protocol-version", LEGACY);
                }
                if let Some(session) = session {
                    request = request.header("mcp-session-id", session);
                }
            }
        }
        Self::read(request.body(message.to_string()), &message["id"]).await
    }

    /// A POST to the endpoint with the two headers that every message needs and nothing else; for bad input, together
    /// with [`Self::read`].
    pub fn post(&self) -> RequestBuilder {
        let accept = "application/json, text/event-stream";
        let request =
            self.client.post(&self.url).header(header::ACCEPT, accept).header(header::CONTENT_TYPE, "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request as it stands and reads its answer, up to the response with this id.
    ///
    /// # Errors
    /// If the connection fails or ends before the response.
    pub async fn read(request: RequestBuilder, id: &Value) -> Result<Answer> {
        tokio::time::timeout(PATIENCE, answer::read(request, id)).await.context("no answer")?
    }
}

/// What 2026-07-28 wants in the `_meta` of every request.
fn add_meta(meta: &mut Value) {
    let wanted = [
        ("io.modelcontextprotocol/protocolVersion", json!(MODERN)),
        ("io.modelcontextprotocol/clientCapabilities", json!({})),
        ("io.modelcontextprotocol/clientInfo", client_info()),
    ];
    for (key, value) in wanted {
        if meta[key].is_null() {
            meta[key] = value;
        }
    }
}

fn client_info() -> Value {
    json!({"name": "baton-testkit", "version": env!("CARGO_PKG_VERSION")})
}

/// The value of `Mcp-Name`, for the methods that have one.
fn name_of<'a>(method: &str, params: &'a Value) -> Option<&'a str> {
    match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        _ => None,
    }
}
