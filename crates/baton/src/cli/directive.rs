//! `baton directive`: give agents work and follow what becomes of it.

mod add;
mod change;
mod follow_up;
mod list;
mod show;
mod watch;

use clap::Subcommand;

use super::Globals;
use crate::failure::Result;

/// Arguments of `baton directive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Put a directive into the queue; prints its id
    Add(Box<add::Args>),
    /// List directives, newest first
    List(list::Args),
    /// Show everything about a directive
    Show(show::Args),
    /// Follow directives until they have ended
    Watch(watch::Args),
    /// Call directives off
    Cancel(change::Ids),
    /// Do directives again: at once if they wait for a retry, as new ones if they have ended
    Retry(change::Ids),
    /// Change how urgent directives are
    Priority(change::Priority),
}

/// Carries out `baton directive`.
///
/// # Errors
/// When the server is not there or refuses, or when a directive that was waited for did not succeed.
pub async fn run(args: Args, globals: &Globals) -> Result {
    match args.verb {
        Verb::Add(args) => add::run(*args, globals).await,
        Verb::List(args) => list::run(args, globals).await,
        Verb::Show(args) => show::run(args, globals).await,
        Verb::Watch(args) => watch::run(args, globals).await,
        Verb::Cancel(args) => change::run("cancel", args, globals).await,
        Verb::Retry(args) => change::run("retry", args, globals).await,
        Verb::Priority(args) => change::set_priority(args, globals).await,
    }
}
