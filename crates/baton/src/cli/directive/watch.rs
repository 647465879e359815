//! `baton directive watch`: follows directives until all have ended.

mod bell;
mod shown;

use std::time::Duration;

use baton_model::{Clock, State, SystemClock, view::DirectiveDetail};

use super::Globals;
use crate::{
    cli::client::{Client, Trouble, is_passing, segment},
    failure::{Failure, Result},
};

use bell::Bell;
pub use shown::Shown;

/// How often to look where no stream of events tells when.
const LOOK: Duration = Duration::from_millis(500);
/// How long a server may be away, in milliseconds, before watching gives up.
const PATIENCE: i64 = 60_000;

/// Arguments of `baton directive watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directives, by id
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Shows every change until all have ended: a display on a terminal, lines elsewhere, NDJSON with `--json`.
///
/// # Errors
/// When one of them did not succeed, or the server stays away.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let shown = if globals.json { Shown::json() } else { Shown::on_stdout() };
    let ended = follow(Client::new(globals)?, &args.ids, shown, globals).await?;
    let unlucky = ended.iter().filter(|(_, detail)| detail.directive.state != State::Completed).count();
    if unlucky == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{unlucky} of {} directives did not succeed", ended.len()))
        .next("`baton directive show ID` tells why"))
}

/// Follows directives until all have ended and returns them in the order given, each with the server's document.
///
/// # Errors
/// When the server refuses, or stays away for a minute.
pub async fn follow(
    mut client: Client,
    ids: &[String],
    mut shown: Shown,
    globals: &Globals,
) -> Result<Vec<(String, DirectiveDetail)>> {
    let clock = SystemClock::start();
    let mut latest: Vec<Option<(String, DirectiveDetail)>> = ids.iter().map(|_| None).collect();
    let mut heard = clock.steady();
    let mut bell = Bell::default();
    loop {
        bell.listen(&client, ids).await;
        let mut is_away = false;
        for (id, latest) in ids.iter().zip(&mut latest).filter(|(id, _)| bell.rang_for(id)) {
            if latest.as_ref().is_some_and(|(_, detail)| detail.directive.state.is_final()) {
                continue;
            }
            match look(&client, id).await {
                Ok((text, detail)) => {
                    heard = clock.steady();
                    shown.update(&text, &detail, clock.now());
                    *latest = Some((text, detail));
                }
                Err(trouble) if is_passing(&trouble) && clock.steady() - heard < PATIENCE => {
                    shown.say(&format!("{trouble}; waiting for it"));
                    // A server that was started anew may answer elsewhere.
                    client = Client::new(globals).unwrap_or(client);
                    is_away = true;
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
        if latest.iter().flatten().filter(|(_, detail)| detail.directive.state.is_final()).count() == ids.len() {
            return Ok(latest.into_iter().flatten().collect());
        }
        if is_away {
            bell = Bell::default();
        }
        bell.wait(LOOK).await;
    }
}

async fn look(client: &Client, id: &str) -> Result<(String, DirectiveDetail), Trouble> {
    let answer = client.get(&format!("/api/directives/{}", segment(id)), &[]).await?;
    let detail = answer.read()?;
    Ok((answer.text, detail))
}
