//! What an adapter has to say of its command line.

use crate::{AgentConfig, Ending, Kind, Metadata, Task, claude::Claude, command::Command, shepherd::Exit};

/// An agent command line: how it is called, and how its output is read.
pub trait Agent: Send + Sync {
    /// The program, where the operator names none.
    fn program(&self) -> Option<&'static str>;

    /// How a person gets the program, as a sentence.
    fn install(&self) -> &'static str;

    /// The arguments that make the program tell its version and end; none if no program is to be tried.
    fn version(&self) -> Option<&'static [&'static str]>;

    /// The arguments of a run.
    ///
    /// # Errors
    /// A directive that cannot stand on this agent's command line; the text says what to do.
    fn arguments(&self, config: &AgentConfig, task: &Task) -> Result<Vec<String>, String>;

    /// What comes on stdin; none: nothing.
    fn stdin(&self, config: &AgentConfig, task: &Task) -> Option<String>;

    /// Who reads the output of one run.
    fn reader(&self, config: &AgentConfig) -> Box<dyn Reader>;
}

impl Kind {
    /// The adapter.
    pub fn agent(self) -> &'static dyn Agent {
        match self {
            Kind::Claude => &Claude,
            Kind::Command => &Command,
        }
    }
}

/// Reads the output of one run, in bounded memory.
pub trait Reader: Send {
    /// Takes what came on stdout next, cut anywhere.
    fn take(&mut self, bytes: &[u8]);

    /// Where the run stands, by what was taken.
    fn standing(&self) -> Standing;

    /// The latest of what the agent says or does; may be long.
    fn progress(&self) -> Option<&str>;

    /// What came of the run, once its process has ended.
    fn close(self: Box<Self>, end: &End) -> Told;
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Working,
    /// It has told its result, and nothing runs in its background: it should end by itself.
    Resting,
    /// It cannot come to anything: it is to be ended.
    Doomed,
}

/// How a run's process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// None if nobody knows.
    pub exit: Option<Exit>,
    /// The end of what it said on stderr.
    pub stderr: String,
}

/// What the agent told of its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// How it ended, in the agent's eyes.
    pub ending: Ending,
    /// Its result, or what there is of it.
    pub result: String,
    /// What is known of it.
    pub metadata: Metadata,
}
