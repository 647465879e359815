//! The Inspector on the command line: a process for every question.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use baton_testkit::{packages, process::clean_command};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

/// How long a question may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, what it talks to, and in which era.
pub struct Inspector {
    program: PathBuf,
    path: OsString,
    target: Value,
    era: &'static str,
    home: TempDir,
}

impl Inspector {
    /// `era` is the program's word: legacy, auto or modern.
    pub async fn new(target: Value, era: &'static str) -> Self {
        let package = packages::npm("@modelcontextprotocol/inspector", "2.12.0").await.unwrap();
        let program = package.join("node_modules/.bin/mcp-inspector");
        let path = packages::path_with_node().await.unwrap();
        Inspector { program, path, target, era, home: tempfile::tempdir().unwrap() }
    }

    /// What a method answers.
    pub async fn ask(&self, method: &str, args: &[&str]) -> Value {
        let mut command = clean_command(&self.program, self.home.path());
        command.env("PATH", &self.path).current_dir(self.home.path()).kill_on_drop(true);
        command.args(["--cli", "--protocol-era", self.era, "--format", "json", "--quiet", "--method", method]);
        command.args(args).arg("--");
        match self.target["url"].as_str() {
            Some(url) => command.arg(url),
            None => {
                let args = self.target["args"].as_array().unwrap().iter();
                command.arg(self.target["command"].as_str().unwrap()).args(args.map(|arg| arg.as_str().unwrap()))
            }
        };
        let done = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
        let told: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}", String::from_utf8_lossy(&done.stderr)));
        told["result"].clone()
    }

    /// Calls a tool: its result.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        let arguments = arguments.to_string();
        self.ask("tools/call", &["--tool-name", tool, "--tool-args-json", &arguments]).await
    }
}
