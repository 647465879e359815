//! The MCP door: Baton's tools for agents, over Streamable HTTP at `/mcp`.
//!
//! README.md tells which revision of the protocol is served by what, and what holds when a caller goes away.

mod early;
mod handler;
mod http;
mod message;
mod prompts;
mod refusal;
mod schema;
mod sessions;
mod standing;
mod tools;

use std::sync::Arc;

use axum::{Router, middleware, routing::any};
use baton_engine::Engine;
use baton_model::{Clock, principal::Scopes};
use rmcp::ServerHandler;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Serves MCP at exactly `/mcp`.
///
/// `clock` measures how long the sessions of older clients have been silent. When `stopping` is cancelled, the standing
/// streams of such clients end, so that the server can stop; calls that are under way are the engine's to end.
pub fn router(engine: Engine, clock: Arc<dyn Clock>, stopping: CancellationToken) -> Router {
    let door = serve_handler(handler::Handler::new(engine.clone()), clock, stopping);
    // The last layer is the first that a request comes to.
    door.layer(middleware::from_fn_with_state(engine.clone(), standing::hold))
        .layer(middleware::from_fn_with_state(engine, baton_gate::identify))
}

/// Serves another handler the way [`router`] serves Baton's own, to whomever asks: the conformance suite puts its
/// fixtures behind this door.
pub fn serve_handler<H: ServerHandler + Clone>(
    handler: H,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
) -> Router {
    let door = http::Door::new(handler, clock, stopping);
    Router::new().route("/mcp", any(http::serve::<H>)).with_state(door)
}

/// What `tools/list` answers, for the documentation: `{tools: [{name, title, description, inputSchema, outputSchema,
/// annotations}]}`.
pub fn tool_list() -> Value {
    json!({"tools": tools::Tools::all().list(Scopes::ADMIN)})
}
