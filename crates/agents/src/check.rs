//! Work proved by a command: `[acceptance.<name>]` of the operator's configuration.

use std::{path::PathBuf, time::Duration};

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
