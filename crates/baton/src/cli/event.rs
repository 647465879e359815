//! `baton event`: what happens, as it happens.

mod tail;

use clap::Subcommand;

use super::Globals;
use crate::failure::Result;

/// Arguments of `baton event`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Follow events until Ctrl-C, also over restarts of the server
    Tail(tail::Args),
}

/// Carries out `baton event`.
///
/// # Errors
/// When there is no server at first, or when it refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    match args.verb {
        Verb::Tail(args) => tail::run(args, globals).await,
    }
}
