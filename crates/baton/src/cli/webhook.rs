//! `baton webhook`: URLs that are told what happens, and what was delivered to them.

mod delivery;
mod endpoint;

use clap::Subcommand;
use reqwest::StatusCode;

use super::{Globals, client::Trouble};
use crate::failure::{Failure, Result};

/// Arguments of `baton webhook`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Tell a URL what happens; prints its id
    Add(endpoint::Add),
    /// List endpoints, oldest first
    List,
    /// Show everything about an endpoint
    Show(endpoint::Show),
    /// Send an endpoint a message that tells of nothing
    Test(delivery::Test),
    /// Deliver again: every dead letter, or what is named
    Replay(delivery::Replay),
    /// List what was and is to be delivered to an endpoint
    Deliveries(delivery::List),
    /// Print what signs calls to the URLs in your directives, the newest first
    Secret,
    /// Give an endpoint a new secret; the one before signs beside it for a day
    Rotate(Id),
    /// Call an endpoint again
    Enable(Id),
    /// Call an endpoint no more; what happens is kept for it
    Disable(Id),
    /// Remove an endpoint and what was still to be delivered to it
    Remove(Id),
}

/// The endpoint to act on.
#[derive(Debug, clap::Args)]
pub struct Id {
    /// The endpoint, by id
    id: String,
}

/// Carries out `baton webhook`.
///
/// # Errors
/// When the server is not there or refuses, or when a test that was waited for was not delivered.
pub async fn run(args: Args, globals: &Globals) -> Result {
    match args.verb {
        Verb::Add(args) => endpoint::add(args, globals).await,
        Verb::List => endpoint::list(globals).await,
        Verb::Show(args) => endpoint::show(args, globals).await,
        Verb::Test(args) => delivery::test(args, globals).await,
        Verb::Replay(args) => delivery::replay(args, globals).await,
        Verb::Deliveries(args) => delivery::list(args, globals).await,
        Verb::Secret => endpoint::secret(globals).await,
        Verb::Rotate(args) => endpoint::rotate(&args.id, globals).await,
        Verb::Enable(args) => endpoint::switch(&args.id, endpoint::Switch::On, globals).await,
        Verb::Disable(args) => endpoint::switch(&args.id, endpoint::Switch::Off, globals).await,
        Verb::Remove(args) => endpoint::remove(&args.id, globals).await,
    }
}

/// A refusal with the command that helps.
fn refused(trouble: Trouble) -> Failure {
    let next = match &trouble {
        Trouble::Refused(problem) => match (problem.status, problem.code.as_str()) {
            (StatusCode::NOT_FOUND, "not_found") => Some("`baton webhook list` shows what there is"),
            (StatusCode::CONFLICT, "disabled") => Some("`baton webhook enable ID` calls it again"),
            (StatusCode::CONFLICT, "too_many") => Some("`baton webhook remove ID` makes room"),
            _ => None,
        },
        _ => None,
    };
    match next {
        Some(next) => trouble.into_failure().next(next),
        None => trouble.into_failure(),
    }
}
