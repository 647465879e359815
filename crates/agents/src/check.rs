//! Work proved by a command: `[acceptance.<name>]` of the operator's configuration.

use std::{path::PathBuf, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Machine,
    agent::Standing,
    program,
    run::{Bounds, Intake, Process, Stopped},
    shepherd::{Exit, Launch},
    text::Tail,
};

/// How much of its output is told, of stdout and of stderr each: the last part.
const OUTPUT_BYTES: usize = 4 * 1024;

/// An acceptance command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name in the configuration.
    pub name: String,
    /// The program and its arguments; never a shell.
    pub argv: Vec<String>,
    /// Where it runs: the directory in which the agent worked.
    pub dir: PathBuf,
    /// How long it may take.
    pub timeout: Duration,
}

/// What an acceptance command says of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It exited with 0.
    Proved,
    /// It exited with something else, or was not done in time.
    Refuted {
        /// How it ended, and the end of what it printed, for the agent's next attempt.
        why: String,
    },
    /// It says nothing of the work: it could not be started, or the caller cancelled it.
    Unknown {
        /// What is missing, and what to do.
        why: String,
    },
}

/// Runs an acceptance command to its end, under the same watch as an agent. May be cancelled; the command is ended then.
pub async fn check(machine: &Machine, check: &Check, cancel: &CancellationToken) -> Verdict {
    let launch = match launch(machine, check) {
        Ok(launch) => launch,
        Err(why) => return Verdict::Unknown { why },
    };
    // It has no standing of its own: the sender is kept so that nothing ever changes.
    let (_standing, stands) = watch::channel(Standing::Working);
    let bounds = Bounds {
        cancel: cancel.clone(),
        timeout: check.timeout,
        stall: None,
        standing: stands,
        settled: CancellationToken::new(),
        limits: machine.limits,
    };
    let (stdout, stderr) = (Printed(Tail::new(OUTPUT_BYTES)), Printed(Tail::new(OUTPUT_BYTES)));
    let (ended, stdout, stderr) = match Process::run(&machine.shepherd, &launch, stdout, stderr, bounds).await {
        Ok(ended) => ended,
        Err(why) => return Verdict::Unknown { why: format!("acceptance `{}`: {why}", check.name) },
    };
    let how = match (ended.stopped, ended.exit) {
        (Some(Stopped::Cancelled), _) => {
            return Verdict::Unknown { why: format!("acceptance `{}` was cancelled", check.name) };
        }
        (Some(_), _) => format!("was not done in {:?}", check.timeout),
        (None, Some(Exit::Code(0))) => return Verdict::Proved,
        (None, Some(exit)) => format!("says no ({exit})"),
        (None, None) => return Verdict::Unknown { why: format!("the end of acceptance `{}` is unknown", check.name) },
    };
    let printed = [stderr.0.text(), stdout.0.text()].join("\n");
    Verdict::Refuted { why: format!("acceptance `{}` {how}: {}", check.name, printed.trim()) }
}

fn launch(machine: &Machine, check: &Check) -> Result<Launch, String> {
    let key = format!("acceptance.{}.argv", check.name);
    let env = machine.ambient.for_check();
    let Some((command, arguments)) = check.argv.split_first() else {
        return Err(format!("`{key}` is empty: it must name a program and its arguments"));
    };
    let Some(program) = program::locate(command, env.get("PATH").map(String::as_str)) else {
        return Err(format!("there is no program `{command}` on this machine (`{key}`): install it or name its path"));
    };
    if !check.dir.is_dir() {
        return Err(format!("{} is no directory on this machine: `{key}` cannot run there", check.dir.display()));
    }
    let argv = [program.display().to_string()].into_iter().chain(arguments.iter().cloned()).collect();
    let limits = machine.limits;
    Ok(Launch::new(argv, env, check.dir.clone(), None, limits.interrupt, limits.terminate))
}

struct Printed(Tail);

impl Intake for Printed {
    async fn take(&mut self, bytes: &[u8]) {
        self.0.take(bytes);
    }

    async fn finish(&mut self) {}
}
