//! Measurements against the bars that the house has set itself; one JSON line per figure.
pub mod echo;

use clap::Subcommand;
use std::process::ExitCode;

/// What is measured.
#[derive(Subcommand)]
pub enum Bench {
    /// The queue over REST.
    Queue {
        /// A short run.
        #[arg(long)]
        quick: bool,
    },
    /// A clean release build.
    Build,
}

pub fn bench(_bench: Bench) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
