//! `baton mcp`: MCP on stdio, forwarded to the running server.

use std::ffi::OsString;

use super::Globals;
use crate::{
    failure::Result,
    stdio::{self, Way, start},
};

/// Arguments of `baton mcp`.
#[derive(Debug, clap::Args)]
#[command(after_help = "For the settings of an MCP client: {\"command\": \"baton\", \"args\": [\"mcp\"]}.\n\
                        Without --url and without a running server it starts one, which ends after half an hour \
                        without work.")]
pub struct Args {
    /// Becomes `baton ARGS…` in a session of its own
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true, value_name = "ARGS")]
    detach: Vec<OsString>,
}

/// Forwards until stdin ends.
///
/// # Errors
/// When not one message could be forwarded.
pub async fn run(args: Args, globals: &Globals) -> Result {
    if !args.detach.is_empty() {
        return start::become_detached(&args.detach);
    }
    stdio::run(Way::of(globals)?).await
}
