//! A server for the official MCP conformance suite: the suite's own fixtures behind Baton's real transport stack, which
//! is the MCP door with its early streams and sessions, the gate over it, and the limits of a connection.
//!
//! It listens on a free port of 127.0.0.1, prints its URL as one line, and serves until it is killed.

mod fixtures;
mod serve;

use std::{io::Write, net::Ipv4Addr, sync::Arc};

use anyhow::Result;
use baton_gate::{Access, Guard};
use baton_model::SystemClock;
use fixtures::Fixtures;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer;

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let bound = listener.local_addr()?;
    let clock = Arc::new(SystemClock::start());
    let door = baton_mcp::serve_handler(Fixtures::default(), clock, CancellationToken::new());
    let app = Guard::new(Access::new(bound, None, &[], &[])?).layer(door);
    writeln!(std::io::stdout(), "http://{bound}/mcp")?;
    serve::serve(listener, app).await
}
