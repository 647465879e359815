//! `baton connect`: how an agent is told of Baton.

use std::process::Command;

use serde_json::json;

use super::{
    Globals,
    client::{self, Trouble},
    print, print_json,
};
use crate::failure::{Failure, Result};

/// Where a server listens unless it is told otherwise.
const USUAL: &str = "http://127.0.0.1:8000";

/// Arguments of `baton connect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run the line for Claude Code
    #[arg(long)]
    write: bool,
}

/// Carries out `baton connect`.
///
/// # Errors
/// When `--write` is given and Claude Code is not there or refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let url = match client::find(globals) {
        Ok(url) => url,
        Err(trouble @ Trouble::NoServer { .. }) => {
            eprintln!("{trouble}: `baton serve` starts one; this is for its usual address");
            USUAL.to_owned()
        }
        Err(trouble) => return Err(trouble.into()),
    };
    let line = ["claude", "mcp", "add", "--transport", "http", "baton", &format!("{url}/mcp")].map(str::to_owned);
    if args.write {
        return write(&line);
    }
    let others = json!({"mcpServers": {"baton": {"command": "baton", "args": ["mcp"]}}});
    if globals.json {
        print_json(&json!({"url": format!("{url}/mcp"), "claude": line, "stdio": others}));
        return Ok(());
    }
    eprintln!("Claude Code:");
    print(line.join(" "));
    eprintln!("\nOther clients, in their settings (stdio; starts a server by itself):");
    print_json(&others);
    Ok(())
}

fn write(line: &[String]) -> Result {
    let shown = line.join(" ");
    let status = Command::new(&line[0]).args(&line[1..]).status().map_err(|error| {
        Failure::failed("cannot run Claude Code")
            .because(format!("{}: {error}", line[0]))
            .next("install it with `npm install -g @anthropic-ai/claude-code`, or run `baton connect` for the line")
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed("Claude Code did not take the line")
        .because(format!("`{shown}` ended with {status}"))
        .next("`claude mcp remove baton`, if it knows one already, and then again"))
}
