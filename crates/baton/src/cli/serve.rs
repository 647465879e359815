//! `baton serve`

use std::time::Duration;

use super::Globals;
use crate::{
    config::{Flag, Sources},
    data_dir, demo,
    failure::{Failure, Result},
    server::{self, Plan, Workers},
};

/// Arguments of `baton serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Connect Claude Code with: claude mcp add --transport http baton http://127.0.0.1:8000/mcp")]
pub struct Args {
    /// Where to listen [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<String>,
    /// The database, as sqlite://PATH [default: baton.db in the data directory]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Start with sample directives and a scripted agent, on data of its own
    #[arg(long)]
    demo: bool,
    /// End when the demo is over
    #[arg(long, requires = "demo")]
    once: bool,
    /// End when nothing was asked for so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_exit: Option<Duration>,
    /// Also do directives here, so many at the same time, as `baton worker` does
    #[arg(long, value_name = "N", conflicts_with_all = ["demo", "idle_exit"])]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: Option<u16>,
    /// Who does them: a name of `[agents]` in the settings, or `claude`
    #[arg(long, value_name = "NAME", default_value = "claude", requires = "workers")]
    agent: String,
}

/// Serves until a signal comes.
pub fn run(args: Args, globals: &Globals) -> Result {
    let flags = [
        args.bind.map(|text| Flag { name: "--bind", key: "server.bind", text }),
        args.database_url.map(|text| Flag { name: "--database-url", key: "store.url", text }),
    ];
    let sources = sources(globals, flags.into_iter().flatten().collect())?;
    if args.demo && globals.json {
        return Err(Failure::usage("--demo tells a story for people; it has no --json form")
            .next("leave out --json, or start `baton serve --json` without the demo"));
    }
    if args.demo {
        return demo::run(sources, args.idle_exit, globals.data_dir.clone(), args.once);
    }
    let data_dir = data_dir::locate(globals.data_dir.as_deref())?;
    let workers = args.workers.map(|count| Workers { count: usize::from(count), agent: args.agent });
    server::run(Plan { data_dir, sources, idle_exit: args.idle_exit, json: globals.json, workers })
}

/// Everything that holds settings for this command line.
///
/// # Errors
/// When the file that was named does not exist.
pub fn sources(globals: &Globals, mut flags: Vec<Flag>) -> Result<Sources> {
    if let Some(file) = globals.config.as_deref().filter(|file| !file.is_file()) {
        return Err(Failure::config(format!("there is no settings file {}", file.display()))
            .because("--config or BATON_CONFIG names it")
            .next("name one that exists, or leave it out: no file is needed"));
    }
    if globals.verbose {
        flags.push(Flag { name: "--verbose", key: "telemetry.log", text: "debug".into() });
    }
    Ok(Sources::of_process(globals.config.as_deref(), flags))
}

/// Reads a number of seconds above 0.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no number of seconds above 0");
    let number: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number).ok().filter(|span| !span.is_zero()).ok_or_else(wrong)
}
