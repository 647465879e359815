//! `baton connect`: how an agent is told of Baton.

mod claude;

use std::path::{Path, PathBuf};

use clap::Subcommand;
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
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Without a client it shows the lines for Claude Code and for others.")]
pub struct Args {
    #[command(subcommand)]
    whom: Option<Whom>,
}

#[derive(Debug, Subcommand)]
enum Whom {
    /// Tell Claude Code of Baton, by its own command
    Claude(claude::Args),
}

/// Carries out `baton connect`.
///
/// # Errors
/// When Claude Code is asked for and is not there or refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    match args.whom {
        Some(Whom::Claude(args)) => claude::run(args, globals),
        None => show(globals),
    }
}

fn show(globals: &Globals) -> Result {
    let url = endpoint(globals)?;
    let line = claude::Line::http("baton", None, &url, client::token());
    let others = json!({"mcpServers": {"baton": {"command": "baton", "args": stdio_args(globals)?}}});
    if globals.json {
        print_json(&json!({"url": url, "claude": line.shown(), "stdio": others}));
        return Ok(());
    }
    eprintln!("Claude Code (`baton connect claude` runs it):");
    print(&line);
    eprintln!("\nOther clients, in their settings (stdio; starts a server by itself):");
    print_json(&others);
    Ok(())
}

/// The server's MCP endpoint; that of the usual address where none runs.
fn endpoint(globals: &Globals) -> Result<String> {
    match client::find(globals) {
        Ok(url) => Ok(format!("{url}/mcp")),
        Err(trouble @ Trouble::NoServer { .. }) => {
            eprintln!("{trouble}: `baton serve` starts one; this is for its usual address");
            Ok(format!("{USUAL}/mcp"))
        }
        Err(trouble) => Err(trouble.into()),
    }
}

/// The arguments of a `baton mcp` that finds the same server from anywhere.
fn stdio_args(globals: &Globals) -> Result<Vec<String>> {
    let absolute = |path: &Path| -> Result<String> {
        let unusable = |why: String| Failure::failed(format!("cannot name {}", path.display())).because(why);
        let absolute: PathBuf = std::path::absolute(path).map_err(|error| unusable(error.to_string()))?;
        absolute.into_os_string().into_string().map_err(|_| unusable("its name is no UTF-8".to_owned()))
    };
    let mut args = vec!["mcp".to_owned()];
    if let Some(url) = &globals.url {
        args.extend(["--url".to_owned(), client::root_of(url).to_owned()]);
        return Ok(args);
    }
    if let Some(dir) = &globals.data_dir {
        args.extend(["--data-dir".to_owned(), absolute(dir)?]);
    }
    if let Some(file) = &globals.config {
        args.extend(["--config".to_owned(), absolute(file)?]);
    }
    Ok(args)
}
