//! `baton queue`: how the queue stands, and the switch that hands out work or holds it back.

use baton_model::{
    poll::{Started, Stopped},
    view::QueueStatus,
};
use clap::Subcommand;

use super::{Globals, client::Client, print, text::count};
use crate::failure::Result;

/// Arguments of `baton queue`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show how many directives wait, are with agents and have ended
    Status,
    /// Hand out work to agents that poll
    Start,
    /// Tell every agent that polls to stop; directives stay in the queue
    Stop,
}

/// Carries out `baton queue`.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    let answer = match args.verb {
        Verb::Status => client.get("/api/queue", &[]).await?,
        Verb::Start => client.post("/mcp/start_monitoring").await?,
        Verb::Stop => client.post("/mcp/stop_monitoring").await?,
    };
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    match args.verb {
        Verb::Status => print(status(&answer.read()?)),
        Verb::Start => {
            let started: Started = answer.read()?;
            print(format!("agents that poll are handed work (monitoring session {})", started.session_id));
        }
        Verb::Stop => {
            let stopped: Stopped = answer.read()?;
            let waiting = count(stopped.pending_directives, "directive");
            print(format!("agents that poll are told to stop; {waiting} stay in the queue"));
        }
    }
    Ok(())
}

fn status(queue: &QueueStatus) -> String {
    let switch = match (&queue.session_id, queue.is_monitoring) {
        (Some(session), true) => format!("on (session {session})"),
        (_, true) => "on".to_owned(),
        (_, false) => "off: agents that poll are told to stop; `baton queue start` hands out work".to_owned(),
    };
    format!(
        "waiting     {} ({} not due yet)\nwith agents {}\nended       {}\npolls open  {}\nmonitoring  {switch}",
        queue.pending_directives,
        queue.scheduled_directives,
        queue.active_directives,
        queue.completed_directives,
        queue.waiting_polls,
    )
}
