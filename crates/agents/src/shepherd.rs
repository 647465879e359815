//! The process between Baton and an agent, which sees to it that nothing of the agent outlives it.
//!
//! An agent's descendants may leave its process group and session (Claude Code's Bash tool does), and Baton may be
//! killed at any moment. So every agent gets a parent of its own, a small process that
//! - is the *subreaper* of all that descends from it: whoever loses his parent becomes its child, never init's, so that
//!   it can find and end them all and knows from `wait` when none is left;
//! - notices the end of Baton, however it came, by the end of its control channel, and then ends the agent;
//! - stands in a session of its own, without terminal, and is deaf to SIGINT and SIGTERM: a Ctrl-C reaches Baton alone,
//!   which then decides.
//!
//! The control channel is the shepherd's stdin, a socket that is used both ways: a [`Launch`] as one line of JSON, then
//! [`Order`]s, one word a line; back come [`Report`]s as lines of JSON. The agent's stdout and stderr are the
//! shepherd's own, so that nothing is copied on the way; they end when the shepherd has ended. Should a shepherd itself
//! be killed, which its agent can do, Baton ends what it leaves behind, as the heir of its orphans.

mod keeper;
mod orphans;
mod privacy;
mod starter;
mod tree;

use std::{collections::BTreeMap, fmt, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use orphans::inherit_orphans;
pub use privacy::keep_private;
pub use starter::{Output, Shepherd, StartError};

/// The hidden subcommand of the baton binary that must call [`run`].
pub const SUBCOMMAND: &str = "shepherd";

/// What is to be started.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The program, as a path that needs no look-up, and its arguments; never a shell's line.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub dir: PathBuf,
    /// What comes on stdin, which ends after it; none: nothing.
    pub stdin: Option<String>,
    /// From SIGINT to SIGTERM, in milliseconds.
    pub interrupt_ms: u64,
    /// From SIGTERM to SIGKILL, in milliseconds.
    pub terminate_ms: u64,
}

impl Launch {
    /// A program with its arguments, its environment, its directory, its stdin, and how long it is waited for after
    /// a SIGINT and after a SIGTERM.
    pub fn new(
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        dir: PathBuf,
        stdin: Option<String>,
        interrupt: Duration,
        terminate: Duration,
    ) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (interrupt_ms, terminate_ms) = (milliseconds(interrupt), milliseconds(terminate));
        Launch { argv, env, dir, stdin, interrupt_ms, terminate_ms }
    }
}

/// Names of variables only: values may be secrets, and so may what comes on stdin.
impl fmt::Debug for Launch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        out.debug_struct("Launch").field("argv", &self.argv).field("env", &names).field("dir", &self.dir).finish()
    }
}

/// What a shepherd is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send the agent one SIGINT, and nothing more.
    Interrupt,
    /// End everything: SIGINT to the agent, SIGTERM to everybody, SIGKILL to everybody, with time between them.
    Stop,
    /// End everything at once.
    Kill,
}

impl Order {
    const ALL: [Order; 3] = [Order::Interrupt, Order::Stop, Order::Kill];

    fn word(self) -> &'static str {
        match self {
            Order::Interrupt => "interrupt",
            Order::Stop => "stop",
            Order::Kill => "kill",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Order::ALL.into_iter().find(|order| order.word() == word)
    }
}

/// What a shepherd tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The agent runs, under this process id, which is also its group's.
    Started {
        /// Process id.
        pid: i32,
    },
    /// The agent could not be started; nothing more comes.
    NotStarted {
        /// What the system said.
        error: String,
    },
    /// The agent's own process has ended.
    Exited(Exit),
    /// Everything has ended; nothing more comes.
    Ended {
        /// Processes that were still there after the agent's own had ended.
        leftovers: u64,
        /// Processes that nobody may end, or that do not die; 0 but for programs of other users.
        survivors: u64,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

/// As people say it: `exit 1`, `signal SIGTERM`.
impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Exit::Code(code) => write!(out, "exit {code}"),
            Exit::Signal(number) => match Signal::try_from(number) {
                Ok(signal) => write!(out, "signal {signal}"),
                Err(_) => write!(out, "signal {number}"),
            },
        }
    }
}

/// The shepherd's whole life; for `main`, before it does anything else. Exits with 0 if everything below it has ended.
pub fn run() -> ExitCode {
    match keeper::keep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever is not there to read this is not there to be told otherwise.
            let _ =
                writeln!(std::io::stderr(), "baton {SUBCOMMAND}: {error}; Baton starts this itself, for its agents");
            ExitCode::FAILURE
        }
    }
}
