//! `baton mcp` as a client sees it: a child with lines in and lines out.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use baton_testkit::process::clean_command;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    time::timeout,
};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running forwarder; it is killed when it is dropped.
pub struct Forwarder {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: ChildStderr,
}

impl Forwarder {
    /// Starts `baton mcp ARGS…` with `home` as its home.
    pub fn start(home: &Path, args: &[&str]) -> Self {
        Self::start_with(home, args, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(home: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = clean_command(env!("CARGO_BIN_EXE_baton"), home);
        // Never the usual port: it may be somebody's.
        command.env("BATON_BIND", "127.0.0.1:0").envs(environment.iter().copied());
        command.current_dir(home).arg("mcp").args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = child.stderr.take().unwrap();
        Forwarder { child, stdin, lines, stderr }
    }

    /// Writes a line.
    pub async fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).await.unwrap();
        stdin.write_all(b"\n").await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Value) {
        self.write(&message.to_string()).await;
    }

    /// The next message; every line must be one.
    pub async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("a line comes").unwrap();
        let line = line.expect("stdout is open");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next message with this id; what comes before it is returned too.
    pub async fn answer(&mut self, id: impl Into<Value>) -> (Value, Vec<Value>) {
        let id = id.into();
        let mut before = Vec::new();
        loop {
            let message = self.next().await;
            if message["id"] == id && message.get("method").is_none() {
                return (message, before);
            }
            before.push(message);
        }
    }

    /// Sends a request and returns its answer.
    pub async fn call(&mut self, request: Value) -> Value {
        self.send(&request).await;
        self.answer(request["id"].clone()).await.0
    }

    /// Initializes as a client of 2025-11-25.
    pub async fn initialize(&mut self) -> Value {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client()});
        let answer = self.call(legacy("init", "initialize", params)).await;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()), signal).unwrap();
    }

    /// Closes stdin and waits for the end: how it ended, the messages that still came, and stderr.
    pub async fn finish(mut self) -> (ExitStatus, Vec<Value>, String) {
        drop(self.stdin.take());
        self.ended().await
    }

    /// The same without closing stdin.
    pub async fn ended(mut self) -> (ExitStatus, Vec<Value>, String) {
        let end = async {
            let mut rest = Vec::new();
            while let Some(line) = self.lines.next_line().await.unwrap() {
                rest.push(serde_json::from_str(&line).unwrap());
            }
            let mut stderr = String::new();
            self.stderr.read_to_string(&mut stderr).await.unwrap();
            (self.child.wait().await.unwrap(), rest, stderr)
        };
        timeout(PATIENCE, end).await.expect("it ends")
    }
}

fn client() -> Value {
    json!({"name": "test", "version": "1"})
}

/// A request of 2026-07-28.
pub fn modern(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": client(),
    });
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A request of 2025-11-25 and before.
pub fn legacy(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A call of a tool, for [`modern`] or [`legacy`].
pub fn tool(name: &str, arguments: Value) -> Value {
    json!({"name": name, "arguments": arguments})
}
