//! Baton: one place where AI agents get their work and hand back results.
//!
//! This binary is the server (`baton serve`) and the command line that talks to it.

mod cli;
mod config;
mod data_dir;
mod demo;
mod failure;
mod lifecycle;
mod logging;
mod mcp_client;
mod server;
mod stdio;
mod worker;

use std::{io::Write, process::ExitCode};

use clap::Parser;

fn main() -> ExitCode {
    // A shepherd is a small process between a worker and its agent: it has no use for anything that follows.
    if std::env::args_os().nth(1).is_some_and(|noun| noun == baton_agents::shepherd::SUBCOMMAND) {
        return baton_agents::shepherd::run();
    }
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed stderr changes nothing about the exit status.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.code()
        }
    }
}
