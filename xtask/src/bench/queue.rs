//! The queue over REST. One cycle posts a directive and then polls, reporting the directive that was taken before.

mod deep;
mod load;

use std::{collections::HashSet, fs, path::Path, process::ExitCode, time::Duration};

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::{
    figures::{Figures, median, round},
    parked,
    server::Server,
    start,
};
use load::Tally;
pub use load::{Load, directive, start_monitoring};

/// How much is measured.
pub struct Size {
    rounds: usize,
    /// How long each load lasts in each round.
    echo_window: Duration,
    cycle_window: Duration,
    /// Directives that lie beneath.
    depth: usize,
    /// Polls that wait at the same time.
    pub parked: usize,
    /// Starts of the server.
    pub starts: usize,
}

impl Size {
    /// Some three minutes.
    pub const FULL: Size = Size {
        rounds: 5,
        echo_window: Duration::from_secs(1),
        cycle_window: Duration::from_secs(3),
        depth: 100_000,
        parked: 10_000,
        starts: 20,
    };
    /// Under half a minute.
    pub const QUICK: Size = Size {
        rounds: 1,
        echo_window: Duration::from_millis(500),
        cycle_window: Duration::from_secs(1),
        depth: 10_000,
        parked: 1_000,
        starts: 5,
    };
}

/// Numbers of connections, and with how many the bars are judged.
const CONNECTIONS: [usize; 3] = [1, 8, 32];
const JUDGED: usize = 32;

/// Measures everything and prints it.
///
/// # Errors
/// If a server does not start, or breaks off.
pub fn measure(baton: &Path, size: Size) -> Result<ExitCode> {
    // 10,000 connections need as many descriptors here and, inherited, in the servers.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut figures = Figures::default();
        machine(&figures, "machine before");
        start::measure(baton, &size, &mut figures).await?;
        cycles(baton, &size, &mut figures).await?;
        parked::measure(baton, &size, &mut figures).await?;
        machine(&figures, "machine after");
        Ok(figures.close())
    })
}

/// What else goes on: the figures are worth what the machine was.
fn machine(figures: &Figures, name: &str) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    figures.tell(name, json!({"cores": cores, "load": load.split(' ').take(3).collect::<Vec<_>>()}), None);
}

/// What was measured with one number of connections, round by round.
#[derive(Default)]
struct Rounds {
    echo: Vec<Tally>,
    cycle: Vec<Tally>,
    /// Cycles per 100 echo requests of the same round.
    ratio: Vec<f64>,
}

/// Echo, cycles and cycles with depth beneath, in turns, so that a disturbance hits all alike.
async fn cycles(baton: &Path, size: &Size, figures: &mut Figures) -> Result<()> {
    let echo = Server::echo().await?;
    let shallow = Server::baton(baton).await?;
    let deep = Server::baton(baton).await?;
    load::start_monitoring(&shallow).await?;
    load::start_monitoring(&deep).await?;
    deep::fill(&deep, size.depth, figures).await?;

    let mut all: Vec<Rounds> = CONNECTIONS.iter().map(|_| Rounds::default()).collect();
    let mut deep_rounds = Vec::new();
    load::run(&echo, Load::Echo, JUDGED, size.echo_window).await?;
    load::run(&shallow, Load::Cycle, JUDGED, size.echo_window).await?;
    for round in 0..size.rounds {
        for (connections, rounds) in CONNECTIONS.into_iter().zip(&mut all) {
            eprintln!("round {} of {}, {connections} connections", round + 1, size.rounds);
            let before = load::run(&echo, Load::Echo, connections, size.echo_window).await?;
            let cycle = load::run(&shallow, Load::Cycle, connections, size.cycle_window).await?;
            if connections == JUDGED {
                let tally = load::run(&deep, Load::Cycle, connections, size.cycle_window).await?;
                deep_rounds.push((tally.per_second() / cycle.per_second(), tally));
            }
            let after = load::run(&echo, Load::Echo, connections, size.echo_window).await?;
            rounds.ratio.push(200.0 * cycle.per_second() / (before.per_second() + after.per_second()));
            rounds.cycle.push(cycle);
            rounds.echo.extend([before, after]);
        }
    }

    let mut seen = HashSet::new();
    for (connections, rounds) in CONNECTIONS.into_iter().zip(&mut all) {
        let floor = load::echo_figures(&mut rounds.echo);
        figures.tell(&format!("echo K={connections}"), floor.clone(), None);
        let faults = load::faults(&rounds.cycle, &mut seen);
        let mut told = load::cycle_figures(&mut rounds.cycle, &shallow, &faults)?;
        let ratio = median(rounds.ratio.iter().copied());
        told["cycles_per_100_echo_requests"] = json!(round(ratio));
        let name = format!("cycle K={connections}");
        if connections == JUDGED {
            let bar = "at least 10 cycles per 100 echo requests, none delivered twice, no error";
            figures.judge(&name, told, Some(floor), bar, ratio >= 10.0 && faults.none());
        } else {
            let bar = "none delivered twice, no error";
            figures.judge(&name, told, Some(floor), bar, faults.none());
        }
    }
    let shares: Vec<f64> = deep_rounds.iter().map(|(share, _)| *share).collect();
    let mut tallies: Vec<Tally> = deep_rounds.into_iter().map(|(_, tally)| tally).collect();
    deep::tell(&deep, size.depth, &shares, &mut tallies, figures)
}
