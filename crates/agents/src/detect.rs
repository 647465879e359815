//! Whether an agent can be used on this machine, for `baton doctor`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{AgentConfig, Machine, program};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether an agent's program is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is there and runs.
    Found {
        /// Where.
        program: PathBuf,
        /// What it says of its version, on one line; none for programs of the kind `command`, which are not run.
        version: Option<String>,
    },
    /// It is not there, or does not run.
    Missing {
        /// Why, and what to do.
        why: String,
    },
}

/// Looks for an agent's program and asks it for its version. It is asked in the environment that it would work in.
pub async fn detect(machine: &Machine, config: &AgentConfig) -> Availability {
    let env = machine.ambient.for_agent(config, None);
    let program = match program::find(config, env.get("PATH").map(String::as_str)) {
        Ok(program) => program,
        Err(why) => return Availability::Missing { why },
    };
    let Some(arguments) = config.kind.agent().version() else {
        return Availability::Found { program, version: None };
    };
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().envs(&env).process_group(0).kill_on_drop(true).stdin(Stdio::null());
    match timeout(PATIENCE, command.output()).await {
        Ok(Ok(told)) if told.status.success() => {
            let told = String::from_utf8_lossy(&told.stdout);
            Availability::Found { program, version: told.lines().next().map(|line| line.trim().to_owned()) }
        }
        Ok(Ok(told)) => {
            let said = String::from_utf8_lossy(&told.stderr);
            Availability::Missing { why: broken(&program, &format!("it ends with {}: {}", told.status, said.trim())) }
        }
        Ok(Err(error)) => Availability::Missing { why: broken(&program, &error.to_string()) },
        Err(_) => Availability::Missing { why: broken(&program, "it does not tell its version") },
    }
}

fn broken(program: &Path, why: &str) -> String {
    format!("{} is there but does not work: {why}. Install it anew", program.display())
}
