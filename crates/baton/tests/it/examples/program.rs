//! The examples as processes.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use baton_testkit::{packages, process::clean_command};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long a program may take to say the next line, or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the examples are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    TypeScript,
}

/// What runs programs of a language.
#[derive(Clone)]
pub struct Runtime {
    language: Language,
    path: OsString,
}

impl Runtime {
    pub async fn of(language: Language) -> Self {
        let path = match language {
            Language::Python => std::env::var_os("PATH").unwrap(),
            Language::TypeScript => packages::path_with_node().await.unwrap(),
        };
        Runtime { language, path }
    }

    /// An example, by its name without ending.
    pub fn program(&self, name: &str, args: &[&str]) -> Program {
        let (interpreter, file) = match self.language {
            Language::Python => ("python3", folder("python").join(format!("{name}.py"))),
            Language::TypeScript => ("node", folder("typescript").join(format!("{name}.ts"))),
        };
        let home = tempfile::tempdir().unwrap();
        let mut command = clean_command(interpreter, home.path());
        // The examples' folder stays as it is, and what a line says is there at once.
        command.env("PATH", &self.path).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(home.path());
        command.arg(file).args(args).kill_on_drop(true);
        Program { command, home }
    }
}

/// Where the examples of a language are.
pub fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(language).canonicalize().unwrap()
}

/// An example that is about to be run.
pub struct Program {
    command: Command,
    home: TempDir,
}

impl Program {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, which must be a good one: what it printed.
    pub async fn prints(self) -> String {
        let (code, out, err) = self.run().await;
        assert_eq!((code, err.as_str()), (Some(0), ""), "it printed {out}");
        out
    }

    /// Runs it to its end, which must be a bad one: what it complained of.
    pub async fn fails(self) -> String {
        let (code, out, err) = self.run().await;
        assert_eq!(code, Some(1), "{out}{err}");
        // Whoever is told of a failure is not told where in the program it was noticed.
        assert!(!err.contains("Traceback") && !err.contains("    at "), "{err}");
        err
    }

    async fn run(mut self) -> (Option<i32>, String, String) {
        let done = timeout(PATIENCE, self.command.output()).await.expect("it comes to its end").unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8(said).unwrap());
        (done.status.code(), out, err)
    }

    /// Lets it run.
    pub fn start(mut self) -> Running {
        let told = File::create(self.home.path().join("stderr")).unwrap();
        let mut child = self.command.stdout(Stdio::piped()).stderr(told).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines, home: self.home }
    }
}

/// An example that runs; it ends when it is dropped.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    home: TempDir,
}

impl Running {
    /// The next line that it prints.
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.ok().and_then(Result::unwrap);
        line.unwrap_or_else(|| panic!("it said nothing more:\n{}", self.complaints()))
    }

    /// The next line, as JSON.
    pub async fn json(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// What it said on stderr.
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stderr")).unwrap()
    }

    /// Ends it as an operator does: the lines that nobody had read yet.
    pub async fn stop(mut self) -> Vec<String> {
        kill(Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()), Signal::SIGTERM).unwrap();
        let mut rest = Vec::new();
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await.expect("it ends").unwrap() {
            rest.push(line);
        }
        self.child.wait().await.unwrap();
        rest
    }
}
