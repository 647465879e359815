//! Measurements against the bars that the house has set itself; one JSON line per figure on stdout.

mod client;
pub mod echo;
mod events;
mod figures;
mod parked;
mod queue;
mod release;
mod server;
mod start;
mod webhooks;

use std::{
    path::{Path, PathBuf},
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
    /// Webhooks: how soon a result arrives while one endpoint of five is dead, beside plain posts.
    Webhooks {
        /// The program that is measured; a release build by default.
        #[arg(long, value_name = "FILE")]
        baton: Option<PathBuf>,
    },
    /// The stream of events: 200 listeners at 1,000 events a second, beside a bare server that broadcasts.
    Events {
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
            let baton = program(baton)?;
            if cfg!(debug_assertions) {
                return as_release("queue", &baton, quick.then_some("--quick"));
            }
            queue::measure(&baton, if quick { queue::Size::QUICK } else { queue::Size::FULL })
        }
        Bench::Webhooks { baton } => {
            let baton = program(baton)?;
            if cfg!(debug_assertions) {
                return as_release("webhooks", &baton, None);
            }
            webhooks::measure(&baton)
        }
        Bench::Events { baton } => {
            let baton = program(baton)?;
            if cfg!(debug_assertions) {
                return as_release("events", &baton, None);
            }
            events::measure(&baton)
        }
        Bench::Build => release::measure(),
    }
}

/// What is measured: what was named, or a release build.
fn program(named: Option<PathBuf>) -> Result<PathBuf> {
    match named {
        Some(named) => named.canonicalize().with_context(|| format!("cannot find {}", named.display())),
        None => artifacts::release("baton"),
    }
}

/// The generator and the server that is compared with are built as Baton is.
fn as_release(bench: &str, baton: &Path, more: Option<&str>) -> Result<ExitCode> {
    let mut command = Command::new(artifacts::release("xtask")?);
    command.args(["bench", bench, "--baton"]).arg(baton).args(more);
    run(&mut command).map(|()| ExitCode::SUCCESS)
}
