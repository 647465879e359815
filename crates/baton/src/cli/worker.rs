//! `baton worker`

use std::{path::PathBuf, sync::Arc, time::Duration};

use baton_model::{Clock, Rng, SystemClock, SystemRng};

use super::{Globals, serve};
use crate::{
    config, data_dir,
    failure::{Failure, Result},
    lifecycle::Signals,
    logging, server,
    worker::{Amount, Link, Places, Plan, Stops, Target, Voice, Worker},
};

/// The status of a process that a signal ended (SIGINT), as shells tell it.
const INTERRUPTED: i32 = 130;

/// Arguments of `baton worker`.
#[derive(Debug, clap::Args)]
#[command(after_help = "On another machine: BATON_TOKEN=baton_… baton worker --url https://HOST:8000\n\
                        The first Ctrl-C takes no more work and waits for what runs; the second ends it and gives it back.")]
pub struct Args {
    /// Who does the work: a name of `[agents]` in the settings, or `claude`
    #[arg(long, value_name = "NAME", default_value = "claude")]
    agent: String,
    /// How many directives at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// What it is called: directives with this `agent` are for it alone [default: HOST-AGENT]
    #[arg(long, value_name = "WORKER")]
    name: Option<String>,
    /// Only directives with one of these tags
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    tags: Vec<String>,
    /// A directory in which directives may choose where to work; may be repeated [default: `sessions.roots`]
    #[arg(long, value_name = "DIR")]
    root: Vec<PathBuf>,
    /// Where directives work that choose nothing [default: a fresh directory for each, in the data directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Do one directive, then end
    #[arg(long)]
    once: bool,
    /// End when nothing was to be done for so long
    #[arg(long, value_name = "SECONDS", value_parser = serve::seconds)]
    idle_exit: Option<Duration>,
    /// How soon another worker may have a directive if this one dies
    #[arg(long, value_name = "SECONDS", value_parser = lease, default_value = "60")]
    lease: Duration,
}

/// Works until a signal comes, or nothing is left for it to do.
pub fn run(args: Args, globals: &Globals) -> Result {
    let settings = config::load(&serve::sources(globals, Vec::new())?)?.settings;
    logging::start(&settings.telemetry.log)?;
    let data_dir = data_dir::locate(globals.data_dir.as_deref())?;
    let concurrency = if args.once { 1 } else { usize::from(args.concurrency) };
    let plan = Plan {
        amount: if args.once { Amount::One } else { Amount::Endless },
        idle_exit: args.idle_exit,
        tags: args.tags,
        lease: args.lease,
        ..Plan::new(&settings, &args.agent, args.name, concurrency, &data_dir)?
    };
    let places = Places {
        roots: if args.root.is_empty() { plan.places.roots } else { directories("--root", args.root)? },
        usual: directories("--dir", args.dir.into_iter().collect())?.pop(),
        ..plan.places
    };
    let plan = Plan { places, ..plan };
    let voice = if globals.json { Voice::Json } else { Voice::Lines };
    let link = Link::new(Target::Named(globals.clone()))?;
    // Each run needs a handful.
    server::raise_file_limit();
    server::block_on(async {
        let stops = Stops::default();
        let signals = Signals::listen()?;
        tokio::spawn(heed(signals, stops.clone()));
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) =
            (Arc::new(SystemClock::start()), Arc::new(SystemRng::from_machine()));
        Worker::new(plan, link, voice, stops, clock, rng).run().await
    })
}

/// The first signal is a wish, the second an order, and the third does not wait.
async fn heed(mut signals: Signals, stops: Stops) {
    signals.next().await;
    stops.finish();
    signals.next().await;
    stops.end();
    signals.next().await;
    // The agents' shepherds see to them.
    std::process::exit(INTERRUPTED);
}

fn directories(flag: &str, dirs: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let canonical = |dir: PathBuf| {
        let found = dir.canonicalize().ok().filter(|dir| dir.is_dir());
        found.ok_or_else(|| Failure::usage(format!("{flag} {} is no directory on this machine", dir.display())))
    };
    dirs.into_iter().map(canonical).collect()
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = serve::seconds(text)?;
    // Less is only noise, more is no heartbeat.
    match lease.as_secs_f64() {
        1.0..=3600.0 => Ok(lease),
        _ => Err(format!("`{text}` is not between 1 and 3600 seconds")),
    }
}
