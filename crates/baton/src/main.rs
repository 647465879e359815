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

use std::{io::Write, process::ExitCode};

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed stderr changes nothing about the exit status.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.code()
        }
    }
}
