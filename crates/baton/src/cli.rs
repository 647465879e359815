//! The command tree: one line for each noun; what a noun does stands in `cli/<noun>.rs`.
//!
//! stdout is data, stderr is talk. Exit status: 0 ok, 1 failed, 2 usage, 78 configuration.

pub mod analytics;
pub mod backup;
pub mod client;
pub mod completions;
pub mod config;
pub mod connect;
pub mod directive;
pub mod doctor;
pub mod event;
pub mod generate;
pub mod man;
pub mod mcp;
pub mod queue;
pub mod restore;
pub mod results;
pub mod serve;
pub mod text;
pub mod token;
pub mod webhook;
pub mod worker;

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
};

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::failure::{Failure, Result};

/// One place where AI agents get their work and hand back results.
#[derive(Debug, Parser)]
#[command(name = "baton", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Start with `baton serve --demo`, or with `baton serve` and then `baton directive add TEXT`.\n\
                        Exit status: 0 ok, 1 failed, 2 usage, 78 configuration.")]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    noun: Noun,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// The server to talk to [default: the one that runs on the data directory]
    #[arg(long, global = true, env = "BATON_URL", hide_env = true, value_name = "URL")]
    pub url: Option<String>,
    /// The settings file [default: ./baton.toml, then $XDG_CONFIG_HOME/baton/baton.toml]
    #[arg(long, global = true, env = "BATON_CONFIG", hide_env = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the data lies [default: $XDG_DATA_HOME/baton]
    #[arg(long, global = true, env = "BATON_DATA_DIR", hide_env = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more (the same as BATON_LOG=debug)
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Run the server
    Serve(serve::Args),
    /// Speak MCP on stdio and forward to the server
    Mcp(mcp::Args),
    /// Take directives and have an agent's command line do them
    Worker(worker::Args),
    /// Add, list, show, watch, cancel and retry directives
    Directive(directive::Args),
    /// Show how the queue stands
    Queue(queue::Args),
    /// List results, newest first
    Results(results::Args),
    /// Show success rates, times and common failures
    Analytics(analytics::Args),
    /// Make, list and revoke access tokens
    Token(token::Args),
    /// Tell URLs what happens, and look after what is delivered
    Webhook(webhook::Args),
    /// Follow what happens
    Event(event::Args),
    /// Show the line that connects an agent
    Connect(connect::Args),
    /// Copy the database into a file, also while the server runs
    Backup(backup::Args),
    /// Put a backup in the place of the database
    Restore(restore::Args),
    /// Show, check and describe the settings
    Config(config::Args),
    /// Check what a server needs on this machine
    Doctor(doctor::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
    /// Print files that are generated from the code
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Carries out a command line.
///
/// # Errors
/// Whatever the command failed with; its exit status is in it.
pub fn run(cli: Cli) -> Result {
    let globals = &cli.globals;
    match cli.noun {
        Noun::Serve(args) => serve::run(args, globals),
        Noun::Mcp(args) => wait_for(mcp::run(args, globals)),
        Noun::Worker(args) => worker::run(args, globals),
        Noun::Directive(args) => wait_for(directive::run(args, globals)),
        Noun::Queue(args) => wait_for(queue::run(args, globals)),
        Noun::Results(args) => wait_for(results::run(args, globals)),
        Noun::Analytics(args) => wait_for(analytics::run(args, globals)),
        Noun::Token(args) => wait_for(token::run(args, globals)),
        Noun::Webhook(args) => wait_for(webhook::run(args, globals)),
        Noun::Event(args) => wait_for(event::run(args, globals)),
        Noun::Connect(args) => wait_for(connect::run(args, globals)),
        Noun::Backup(args) => backup::run(args, globals),
        Noun::Restore(args) => restore::run(args, globals),
        Noun::Config(args) => config::run(args, globals),
        Noun::Doctor(args) => wait_for(doctor::run(args, globals)),
        Noun::Completions(args) => completions::run(args),
        Noun::Man(args) => man::run(args),
        Noun::Generate(args) => generate::run(args),
    }
}

/// Runs a client command: one thread is enough.
fn wait_for(command: impl Future<Output = Result>) -> Result {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start the runtime").because(error))?
        .block_on(command)
}

/// Writes one line of data. A reader that has gone (`| head`) ends the process quietly; a disk that is full does not.
pub fn print(line: impl std::fmt::Display) {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("{}", Failure::failed("cannot write to stdout").because(error));
            std::process::exit(1);
        }
    }
}

/// Writes a value as indented JSON.
pub fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(text),
        Err(error) => eprintln!("cannot be written as JSON: {error}"),
    }
}
