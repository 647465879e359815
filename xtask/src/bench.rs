//! Measurements against the bars that the house has set itself; one JSON line per figure on stdout.

mod client;
pub mod echo;
mod figures;
mod parked;
mod queue;
mod release;
mod server;
mod start;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::{artifacts, run::run};

/// What is measured.
#[derive(Subcommand)]
pub enum Bench {
    /// The queue over REST, beside a bare axum server in the same run.
    Queue {
        /// A short run: fewer rounds, a tenth of the directives and connections.
        #[arg(long)]
        quick: bool,
        /// The program that is measured; a release build by default.
        #[arg(long, value_name = "FILE")]
        baton: Option<PathBuf>,
    },
    /// A clean release build.
    Build,
}

/// Measures and tells how many bars were met.
///
/// # Errors
/// If something could not be measured at all.
pub fn bench(bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Queue { quick, baton } => {
            let baton = match baton {
                Some(baton) => baton.canonicalize().with_context(|| format!("cannot find {}", baton.display()))?,
                None => artifacts::release("baton")?,
            };
            if cfg!(debug_assertions) {
                // The generator and the server that is compared with are built as Baton is.
                let mut command = Command::new(artifacts::release("xtask")?);
                command.args(["bench", "queue", "--baton"]).arg(baton).args(quick.then_some("--quick"));
                return run(&mut command).map(|()| ExitCode::SUCCESS);
            }
            queue::measure(&baton, if quick { queue::Size::QUICK } else { queue::Size::FULL })
        }
        Bench::Build => release::measure(),
    }
}
