//! What the operator says of an agent, and how agents are started on this machine.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::environment::Ambient;

/// The agent command lines that Baton can drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Claude Code, headless.
    Claude,
    /// Any program: the directive on its arguments or its stdin, the result on its stdout.
    Command,
}

impl Kind {
    /// How long an agent of this kind may be silent before it counts as stalled, where the operator says nothing.
    ///
    /// Claude Code's own tools may run for ten minutes without a word; of other programs nothing is known, many say
    /// nothing until they are done.
    pub fn default_stall(self) -> Option<Duration> {
        match self {
            Kind::Claude => Some(Duration::from_secs(15 * 60)),
            Kind::Command => None,
        }
    }
}

/// An agent of the operator's configuration: `[agents.<name>]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Its name there; error messages name its keys by it.
    pub name: String,
    /// Which adapter drives it.
    pub kind: Kind,
    /// The program: a path, or a name that is looked up on `PATH`. None: the kind's own name; `command` has none.
    pub command: Option<String>,
    /// For `claude` added to the adapter's own arguments, so that a repeated flag overrides it. For `command` the whole
    /// command line after the program; an argument that is exactly `{directive}`, `{directive_id}`, `{attempt}`,
    /// `{priority}` or `{dir}` is replaced. Without `{directive}` the text comes on stdin.
    pub args: Vec<String>,
    /// Added to the agent's environment, over everything else.
    pub env: BTreeMap<String, String>,
    /// How long a run may take where the task does not say.
    pub timeout: Duration,
    /// How long it may print nothing before it is ended; none: as long as its timeout allows.
    pub stall: Option<Duration>,
}

/// How agents are started on this machine, the same for all of them.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The baton binary, whose hidden subcommand `shepherd` calls [`crate::shepherd::run`].
    pub shepherd: PathBuf,
    /// The environment that agents may inherit some of.
    pub ambient: Ambient,
    /// How patient Baton is with them.
    pub limits: Limits,
}

impl Machine {
    /// This process's own program and environment, with the usual limits.
    ///
    /// The program is named by `/proc/self/exe`, so that shepherds are of the version that runs, also after the file
    /// on disk was replaced by an upgrade.
    pub fn of_this_process() -> Self {
        Machine { shepherd: "/proc/self/exe".into(), ambient: Ambient::of_this_process(), limits: Limits::default() }
    }
}

/// How patient Baton is with agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From SIGINT to SIGTERM.
    pub interrupt: Duration,
    /// From SIGTERM to SIGKILL.
    pub terminate: Duration,
    /// How much longer than these a shepherd may take to end everything, before it is ended itself.
    pub shepherd: Duration,
    /// How long a process may live on after its result, with nothing running in its background.
    pub after_result: Duration,
    /// How long the agent may be held up by a transcript that is not taken; what comes then is dropped and counted.
    pub transcript_wait: Duration,
    /// How much of one run's output becomes transcript; the rest is dropped and counted.
    pub transcript_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // Claude Code needs 0.4 s after a SIGINT and 1.6 s after a SIGTERM; together they stay under 5 s.
            interrupt: Duration::from_millis(2_000),
            terminate: Duration::from_millis(2_500),
            // It gives up by itself after 30 s.
            shepherd: Duration::from_secs(40),
            // Claude Code may hang after its result; see its issue 39700.
            after_result: Duration::from_secs(30),
            transcript_wait: Duration::from_secs(10),
            transcript_bytes: 32 * 1024 * 1024,
        }
    }
}
