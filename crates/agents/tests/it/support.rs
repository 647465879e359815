//! An agent that is a script, and a look at what it left behind.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use baton_agents::{AgentConfig, Ambient, Chunk, Controls, Kind, Limits, Machine, Outcome, Task, run};
use baton_model::{Ids, Priority, SystemRng};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, so that a test that waits in vain fails and does not hang.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Marks the processes of one test.
pub const MARK: &str = "BATON_TEST_MARK";

/// The stand-in of the baton binary: an example, which `cargo test` builds, but `cargo test --test it` does not.
pub fn stand_in() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().and_then(Path::parent).unwrap().join("examples/stand_in");
    assert!(program.exists(), "{} is missing: cargo build -p baton-agents --examples", program.display());
    program
}

/// A machine whose agents may see nothing but `PATH`, and where nothing takes long.
pub fn machine() -> Machine {
    let path = ("PATH".to_owned(), std::env::var("PATH").unwrap());
    let limits = Limits {
        interrupt: Duration::from_millis(300),
        terminate: Duration::from_millis(300),
        after_result: Duration::from_millis(300),
        ..Limits::default()
    };
    Machine { shepherd: stand_in(), ambient: Ambient::of([path]), limits }
}

/// A directory with a script in it that is run as an agent.
pub struct Agent {
    pub dir: TempDir,
    pub config: AgentConfig,
    mark: String,
}

impl Agent {
    /// A script for bash as an agent of this kind.
    pub fn bash(kind: Kind, script: &str) -> Self {
        Self::script(kind, &format!("#!/bin/bash\n{script}\n"))
    }

    /// A script for Python as an agent of the kind `command`.
    pub fn python(script: &str) -> Self {
        Self::script(Kind::Command, &format!("#!/usr/bin/env python3\n{script}\n"))
    }

    fn script(kind: Kind, script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("agent");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mark = dir.path().display().to_string();
        let config = AgentConfig {
            name: "fake".to_owned(),
            kind,
            command: Some(program.display().to_string()),
            args: Vec::new(),
            env: BTreeMap::from([(MARK.to_owned(), mark.clone())]),
            timeout: LIMIT,
            stall: None,
        };
        Agent { dir, config, mark }
    }

    /// A task in the agent's directory.
    pub fn task(&self, text: &str) -> Task {
        let ids = Ids::new(std::sync::Arc::new(SystemRng::from_machine()));
        Task {
            directive_id: "d-1".to_owned(),
            attempt: 1,
            text: text.to_owned(),
            dir: self.dir.path().to_owned(),
            priority: Priority::Medium,
            timeout: None,
            budget_usd: None,
            session_id: ids.next(0),
        }
    }

    /// Runs it; the transcript is thrown away.
    pub async fn run(&self) -> Outcome {
        self.run_with(&machine(), &Watched::start().controls).await
    }

    /// Runs it under these controls, and sees that it left nothing behind.
    pub async fn run_with(&self, machine: &Machine, controls: &Controls) -> Outcome {
        let task = self.task("do it");
        let ended = tokio::time::timeout(LIMIT, run(machine, &self.config, &task, controls)).await;
        let outcome = ended.expect("the run should have ended long ago");
        assert_eq!(self.processes(), Vec::<i32>::new(), "left behind by a run that ended as {outcome:?}");
        outcome
    }

    /// The living processes that bear its mark, wherever they went.
    pub fn processes(&self) -> Vec<i32> {
        marked(&self.mark)
    }

    /// Waits until a file is there that the script makes, and reads it.
    pub async fn file(&self, name: &str) -> String {
        appeared(&self.dir.path().join(name)).await
    }
}

/// Waits until a file is there and not empty, and reads it.
pub async fn appeared(file: &Path) -> String {
    let look = async {
        loop {
            match fs::read_to_string(file) {
                Ok(text) if !text.is_empty() => return text,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("{} never came", file.display()))
}

/// The living processes with this mark in their environment. Those that are dead and not yet buried have none.
pub fn marked(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let bears = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    pids.filter(bears).collect()
}

/// Controls whose transcript is gathered.
pub struct Watched {
    pub controls: Controls,
    pub progress: watch::Receiver<String>,
    transcript: tokio::task::JoinHandle<Vec<Chunk>>,
}

impl Watched {
    pub fn start() -> Self {
        let (transcript, mut chunks) = mpsc::channel(16);
        let (progress, shown) = watch::channel(String::new());
        let controls = Controls { cancel: CancellationToken::new(), transcript, progress };
        let gather = async move {
            let mut all = Vec::new();
            while let Some(chunk) = chunks.recv().await {
                all.push(chunk);
            }
            all
        };
        Watched { controls, progress: shown, transcript: tokio::spawn(gather) }
    }

    /// What was written, on both streams.
    pub async fn transcript(self) -> Vec<Chunk> {
        drop(self.controls);
        self.transcript.await.unwrap()
    }
}
