//! A client library, driven by a small script (`tests/clients/`): a call is a line in, its result a line out.

use std::{
    ffi::OsString,
    fs::File,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use baton_testkit::{packages, process::clean_command};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

/// How long a start or a call may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A script and what it needs to run.
pub struct Script {
    program: PathBuf,
    file: PathBuf,
    path: Option<OsString>,
    /// Where a script of Node.js stands, so that it finds its package.
    _beside: Option<TempDir>,
}

impl Script {
    /// A script for the Python of a virtual environment.
    pub fn python(name: &str, python: PathBuf) -> Self {
        Script { program: python, file: source(name), path: None, _beside: None }
    }

    /// A script for Node.js, which looks for packages beside the script.
    pub async fn node(name: &str, package: PathBuf) -> Self {
        let beside = tempfile::tempdir().unwrap();
        let file = beside.path().join(name);
        std::fs::copy(source(name), &file).unwrap();
        symlink(package.join("node_modules"), beside.path().join("node_modules")).unwrap();
        let path = packages::path_with_node().await.unwrap();
        Script { program: "node".into(), file, path: Some(path), _beside: Some(beside) }
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// A client that is connected. It is killed when it is dropped; a child of its own ends with its stdin.
pub struct Driver {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    home: TempDir,
    /// The revision that it agreed on with the server.
    pub protocol: String,
    /// The tools as it lists them.
    pub tools: Vec<Value>,
}

impl Driver {
    /// Connects in a mode of the client's own.
    pub async fn start(script: &Script, target: &Value, mode: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = clean_command(&script.program, home.path());
        if let Some(path) = &script.path {
            command.env("PATH", path);
        }
        command.arg(&script.file).arg(target.to_string()).arg(mode).current_dir(home.path());
        let told = File::create(home.path().join("stderr")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(told).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut driver = Driver { _child: child, stdin, lines, home, protocol: String::new(), tools: Vec::new() };
        let hello = driver.line().await;
        driver.protocol = hello["protocol"].as_str().unwrap().to_owned();
        driver.tools = hello["tools"].as_array().unwrap().clone();
        driver
    }

    /// Calls a tool: its result.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let call = json!({"tool": tool, "arguments": arguments}).to_string() + "\n";
        self.stdin.write_all(call.as_bytes()).await.unwrap();
        self.line().await
    }

    async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.ok().and_then(Result::unwrap);
        let told = || std::fs::read_to_string(self.home.path().join("stderr")).unwrap();
        let line = line.unwrap_or_else(|| panic!("the client said nothing more:\n{}", told()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}
