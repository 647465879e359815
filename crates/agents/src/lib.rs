//! Agent command lines as child processes: one adapter a file.
//!
//! Whoever has work to give (a worker, later the session runner) uses five things:
//!
//! - [`Machine`]: how agents are started here; [`Machine::of_this_process`] in the product. Its `shepherd` is the baton
//!   binary, whose `main` answers the hidden subcommand `shepherd` with [`shepherd::run`], before it parses anything
//!   else, opens a file or starts a runtime.
//! - [`AgentConfig`] and [`Task`]: who does what.
//! - [`run`] runs the agent to its end. Cancel it by
//!   [`Controls::cancel`]; dropping the future ends the agent too, without anybody waiting for it.
//! - [`check()`] runs an acceptance command.
//! - [`detect`] says whether the agent's program is there.
//!
//! The caller renews the lease meanwhile, takes chunks from [`Controls::transcript`] (or drops its receiver), and
//! reports [`Outcome::is_success`], [`Outcome::result`], [`Outcome::error`] and [`Outcome::metadata`].
//!
//! Architecture invariant: an agent runs under a shepherd process, and when the shepherd has ended, no process that
//! descends from the agent is left, whichever groups and sessions they made, however the agent, Baton or both died.

mod agent;
mod check;
mod claude;
mod command;
mod config;
mod detect;
mod environment;
mod outcome;
mod program;
mod run;
pub mod shepherd;
mod task;
mod text;

pub use agent::{Agent, End, Reader, Standing, Told};
pub use check::{Check, Verdict, check};
pub use config::{AgentConfig, Kind, Limits, Machine};
pub use detect::{Availability, detect};
pub use environment::Ambient;
pub use outcome::{Ending, Metadata, Outcome, Usage};
pub use run::run;
pub use task::{Chunk, Controls, Stream, Task};
