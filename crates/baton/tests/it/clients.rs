//! Every client that people have: each lists Baton's tools and takes a directive through its whole life, over HTTP and
//! over stdio, in every mode of its own.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod driver;
mod inspector;
mod round;

use baton_testkit::{packages, server::Server};
use serde_json::{Value, json};

use driver::{Driver, Script};
use inspector::Inspector;

const BATON: &str = env!("CARGO_BIN_EXE_baton");
/// The newest revision with an `initialize`.
const LEGACY: &str = "2025-11-25";
/// The first without.
const MODERN: &str = "2026-07-28";

/// How a client reaches the server.
#[derive(Clone, Copy)]
enum Way {
    Http,
    /// By a child that is told the server's URL.
    StdioByUrl,
    /// By a child that finds the server in its data directory.
    StdioByDataDir,
}

impl Way {
    /// As the clients' own settings have it.
    fn target(self, server: &Server) -> Value {
        let stdio = |flag: &str, value: String| json!({"command": BATON, "args": ["mcp", flag, value]});
        match self {
            Way::Http => json!({"url": format!("{}/mcp", server.url())}),
            Way::StdioByUrl => stdio("--url", server.url().to_owned()),
            Way::StdioByDataDir => stdio("--data-dir", server.data_dir().display().to_string()),
        }
    }
}

/// A script plays a round in each of its client's modes, and must have agreed on the revision that belongs to the mode.
async fn plays(script: Script, way: Way, modes: &[(&str, &str)]) {
    for (mode, revision) in modes {
        let server = Server::start(BATON, &[]).await.unwrap();
        let mut client = Driver::start(&script, &way.target(&server), mode).await;
        let (protocol, tools) = (client.protocol.clone(), client.tools.clone());
        assert_eq!(protocol, *revision, "in mode {mode}");
        round::play(&server, &tools, async |tool, arguments| client.call(tool, arguments).await).await;
    }
}

async fn python(way: Way) {
    let script = Script::python("mcp_client.py", packages::pip("mcp", "2.3.0").await.unwrap());
    plays(script, way, &[("auto", MODERN), ("legacy", LEGACY), (MODERN, MODERN)]).await;
}

#[tokio::test]
async fn python_over_http() {
    python(Way::Http).await;
}

#[tokio::test]
async fn python_over_stdio() {
    python(Way::StdioByDataDir).await;
}

/// `fastmcp` is a name for this package with its server, which the index does not resolve at present.
async fn fastmcp(way: Way) {
    let script = Script::python("fastmcp_client.py", packages::pip("fastmcp-slim[client]", "4.1.6").await.unwrap());
    plays(script, way, &[("auto", MODERN), ("legacy", LEGACY)]).await;
}

#[tokio::test]
async fn fastmcp_over_http() {
    fastmcp(Way::Http).await;
}

#[tokio::test]
async fn fastmcp_over_stdio() {
    fastmcp(Way::StdioByUrl).await;
}

async fn typescript_1(way: Way) {
    let package = packages::npm("@modelcontextprotocol/sdk", "1.32.2").await.unwrap();
    plays(Script::node("sdk_client.mjs", package).await, way, &[("default", LEGACY)]).await;
}

#[tokio::test]
async fn typescript_1_over_http() {
    typescript_1(Way::Http).await;
}

#[tokio::test]
async fn typescript_1_over_stdio() {
    typescript_1(Way::StdioByUrl).await;
}

async fn typescript_2(way: Way) {
    let package = packages::npm("@modelcontextprotocol/client", "2.4.0").await.unwrap();
    plays(Script::node("client.mjs", package).await, way, &[("default", LEGACY), ("auto", MODERN)]).await;
}

#[tokio::test]
async fn typescript_2_over_http() {
    typescript_2(Way::Http).await;
}

#[tokio::test]
async fn typescript_2_over_stdio() {
    typescript_2(Way::StdioByDataDir).await;
}

async fn inspector(way: Way) {
    for (era, revision) in [("legacy", LEGACY), ("auto", MODERN), ("modern", MODERN)] {
        let server = Server::start(BATON, &[]).await.unwrap();
        let inspector = Inspector::new(way.target(&server), era).await;
        assert_eq!(inspector.ask("initialize", &[]).await["protocolVersion"], revision, "in era {era}");
        let tools = inspector.ask("tools/list", &[]).await["tools"].as_array().unwrap().clone();
        round::play(&server, &tools, async |tool, arguments| inspector.call(tool, arguments).await).await;
    }
}

#[tokio::test]
async fn inspector_over_http() {
    inspector(Way::Http).await;
}

#[tokio::test]
async fn inspector_over_stdio() {
    inspector(Way::StdioByUrl).await;
}
