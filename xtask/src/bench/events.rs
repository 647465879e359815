//! The stream of events: two hundred listeners, a thousand events a second. Does any lose one, and how long after its
//! commit does an event arrive, beside a bare server that broadcasts the same frames to as many listeners?

pub mod bare;
mod listener;

use std::{net::SocketAddr, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    client::Client,
    figures::{Figures, quantile, round},
    queue::directive,
    server::{Server, cpu},
};
use crate::run::Stopwatch;
use listener::{Heard, Listener, time_of_day};

/// Streams that are open.
const LISTENERS: usize = 200;
/// Events in a second.
const RATE: u32 = 1_000;
/// Connections that the events come of.
const WRITERS: u32 = 16;
/// Seconds of events.
const SECONDS: u32 = 5;
/// How long it may take until the last event has arrived.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures and judges.
///
/// # Errors
/// If a server does not start, or breaks off.
pub fn measure(baton: &Path) -> Result<ExitCode> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut figures = Figures::default();
        let echo = Server::echo().await?;
        let bare = load(&echo, Source::Bare).await?;
        drop(echo);
        let server = Server::baton(baton).await?;
        let ours = load(&server, Source::Baton).await?;
        let bar = "no event lost or told twice, in order, at 1,000 events a second";
        let met = ours.lost == 0 && ours.disorder == 0 && ours.per_second >= 0.95 * f64::from(RATE);
        figures.judge(&format!("events to {LISTENERS} listeners"), ours.tell(), Some(bare.tell()), bar, met);
        Ok(figures.close())
    })
}

/// Where events come of.
#[derive(Clone, Copy)]
enum Source {
    /// Each posted directive is one.
    Baton,
    /// Each posted frame is sent as it is.
    Bare,
}

impl Source {
    fn stream(self) -> &'static str {
        match self {
            Source::Baton => "/api/events",
            Source::Bare => "/events",
        }
    }

    async fn post(self, client: &mut Client, number: u32) -> Result<()> {
        let (status, body) = match self {
            Source::Baton => client.post("/api/directives", directive("medium")).await?,
            Source::Bare => client.post("/event", bare::frame(number, time_of_day())).await?,
        };
        ensure!(status == 200, "an event was answered with {status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    }
}

/// What was measured of one server.
struct Outcome {
    per_second: f64,
    lost: usize,
    disorder: usize,
    lags: Vec<f64>,
    server_cpu: f64,
    own_cpu: f64,
    memory: u64,
}

impl Outcome {
    fn tell(&self) -> Value {
        let mut lags = self.lags.clone();
        json!({
            "events_per_second": round(self.per_second),
            "frames": self.lags.len(),
            "lost": self.lost,
            "out_of_order": self.disorder,
            "lag_ms_p50": round(quantile(&mut lags, 0.5)),
            "lag_ms_p99": round(quantile(&mut lags, 0.99)),
            "lag_ms_max": round(quantile(&mut lags, 1.0)),
            "server_cpu_percent": round(self.server_cpu),
            "generator_cpu_percent": round(self.own_cpu),
            "memory_mb": round(self.memory as f64 / 1e6),
        })
    }
}

/// Lets all listen, makes events in an even rhythm, and waits until all have heard all.
async fn load(server: &Server, source: Source) -> Result<Outcome> {
    let expected = (RATE * SECONDS) as usize;
    let mut listening = JoinSet::new();
    for _ in 0..LISTENERS {
        let mut listener = Listener::open(server.address, source.stream()).await?;
        listening.spawn(async move { timeout(PATIENCE, listener.hear(expected)).await.unwrap_or(Ok(listener.heard)) });
    }
    // So that opening is over before the clock runs.
    sleep(Duration::from_millis(500)).await;
    let (server_cpu, own_cpu, watch) = (server.cpu()?, cpu("self")?, Stopwatch::start());
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        writing.spawn(write(server.address, source, writer));
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let took = watch.elapsed();
    let mut heard = Vec::new();
    while let Some(one) = listening.join_next().await {
        heard.push(one??);
    }
    let percent = |spent: Duration| 100.0 * spent.as_secs_f64() / watch.elapsed().as_secs_f64();
    Ok(Outcome {
        per_second: expected as f64 / took.as_secs_f64(),
        lost: heard.iter().map(|heard| expected.saturating_sub(heard.lags.len())).sum(),
        disorder: heard.iter().map(|heard: &Heard| heard.disorder).sum(),
        server_cpu: percent(server.cpu()?.saturating_sub(server_cpu)),
        own_cpu: percent(cpu("self")?.saturating_sub(own_cpu)),
        memory: server.memory()?,
        lags: heard.into_iter().flat_map(|heard| heard.lags).collect(),
    })
}

/// One connection's share of the events.
async fn write(address: SocketAddr, source: Source, writer: u32) -> Result<()> {
    let mut client = Client::connect(address).await?;
    let mut rhythm = interval(Duration::from_secs(1) * WRITERS / RATE);
    // Behind its time it hurries, so that the rate is kept.
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let events = RATE * SECONDS;
    for number in (0..events).filter(|number| number % WRITERS == writer) {
        rhythm.tick().await;
        source.post(&mut client, number).await.context("an event could not be made")?;
    }
    Ok(())
}
