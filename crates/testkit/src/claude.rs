//! The real Claude Code, headless, against the stand-in of its model.
//!
//! It runs in a cleared environment with a HOME of its own and a dummy key, and talks to nobody but the stand-in and
//! the one MCP server that it is given.

mod install;
mod transcript;

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use crate::process::{GroupChild, clean_command};

pub use install::VERSION;
pub use transcript::Transcript;

/// How long a terminated CLI may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The installed CLI.
#[derive(Clone, Debug)]
pub struct Claude {
    program: PathBuf,
}

/// The MCP server that a run may use, under the name `baton`.
#[derive(Clone, Debug)]
pub enum McpServer {
    /// Streamable HTTP at a URL.
    Http(String),
    /// A child of the CLI that speaks MCP on stdin and stdout.
    Stdio {
        /// The program.
        command: PathBuf,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment, added to the CLI's own.
        env: Vec<(String, String)>,
    },
}

/// One headless run.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Where its model is: a base URL of the stand-in.
    pub base_url: String,
    /// What it is asked.
    pub prompt: &'a str,
    /// The directory it works in.
    pub directory: &'a Path,
    /// Its MCP server, if any.
    pub server: Option<McpServer>,
    /// How long it may take in all.
    pub limit: Duration,
}

impl Claude {
    /// Finds the CLI in the cache, or installs it there with npm.
    ///
    /// # Errors
    /// If it is not there and npm is missing or fails; the message names what to do.
    pub async fn find() -> Result<Self> {
        Ok(Claude { program: install::program().await? })
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs the CLI to its end and reads what it told.
    ///
    /// # Errors
    /// If it cannot be started or is not done within `limit`; the message holds what it said until then.
    pub async fn run(&self, run: Run<'_>) -> Result<Transcript> {
        let home = tempfile::Builder::new().prefix("claude-home-").tempdir()?;
        let (out, err) = (home.path().join("stdout"), home.path().join("stderr"));
        let mut command = self.command(&run, home.path())?;
        command.stdout(File::create(&out)?).stderr(File::create(&err)?);
        let mut child = GroupChild::spawn(&mut command).with_context(|| format!("start {}", self.program.display()))?;

        let ended = timeout(run.limit, child.wait()).await;
        let told = || Transcript::read(&out, &err);
        match ended {
            Ok(status) => Ok(Transcript { status: Some(status?), ..told()? }),
            Err(_) => {
                child.signal(Signal::SIGTERM);
                // Whether it obeys or not, the drop of its handle ends the group.
                let _ = timeout(GRACE, child.wait()).await;
                bail!("Claude Code was not done after {:?}:\n{}", run.limit, told()?)
            }
        }
    }

    fn command(&self, run: &Run<'_>, home: &Path) -> Result<Command> {
        let config = home.join("mcp.json");
        let servers = run.server.as_ref().map_or_else(|| json!({}), |server| json!({"baton": server.config()}));
        fs::write(&config, json!({"mcpServers": servers}).to_string())?;

        let mut command = clean_command(&self.program, home);
        command.current_dir(run.directory).envs([
            ("ANTHROPIC_BASE_URL", run.base_url.as_str()),
            ("ANTHROPIC_API_KEY", "dummy"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("DISABLE_TELEMETRY", "1"),
            ("DISABLE_ERROR_REPORTING", "1"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            // Otherwise the tools of MCP servers are not offered to the model until it searches for them.
            ("ENABLE_TOOL_SEARCH", "false"),
        ]);
        command.args(["-p", run.prompt, "--output-format", "stream-json", "--verbose"]);
        command.args([OsString::from("--strict-mcp-config"), "--mcp-config".into(), config.into()]);
        command.args(["--allowedTools", "mcp__baton", "Write", "Bash"]);
        Ok(command)
    }
}

impl McpServer {
    fn config(&self) -> Value {
        match self {
            McpServer::Http(url) => json!({"type": "http", "url": url}),
            McpServer::Stdio { command, args, env } => {
                let env: serde_json::Map<_, _> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                json!({"type": "stdio", "command": command, "args": args, "env": env})
            }
        }
    }
}
