//! The agents that make the load, and what they saw.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    bench::{
        client::Client,
        figures::{median, quantile, round},
        server::{self, Server},
    },
    run::Stopwatch,
};

/// What an agent does over and over.
#[derive(Clone, Copy)]
pub enum Load {
    /// Posts the body of a directive to the bare server.
    Echo,
    /// Posts a directive, then polls with the result of the one before.
    Cycle,
}

/// What was seen in one window.
#[derive(Default)]
pub struct Tally {
    /// Echoes or cycles that were completed.
    done: u64,
    /// Directives that were handed out, in no order.
    taken: Vec<String>,
    errors: u64,
    first_error: Option<String>,
    /// Milliseconds of each first and second request.
    post_ms: Vec<f64>,
    poll_ms: Vec<f64>,
    window: Duration,
    server_cpu: Duration,
    own_cpu: Duration,
}

impl Tally {
    /// What was done in a second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.window.as_secs_f64()
    }

    fn micros(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.done.max(1) as f64
    }

    fn error(&mut self, what: impl ToString) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| what.to_string());
    }

    fn add(&mut self, other: Tally) {
        self.done += other.done;
        self.taken.extend(other.taken);
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.post_ms.extend(other.post_ms);
        self.poll_ms.extend(other.poll_ms);
    }
}

/// Tells Baton that agents may be handed work.
///
/// # Errors
/// If it refuses.
pub async fn start_monitoring(server: &Server) -> Result<()> {
    let (status, body) = server.client().await?.post("/mcp/start_monitoring", Bytes::new()).await?;
    ensure!(status == 200, "start_monitoring answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// Lets `connections` agents work for a while, each over a connection of its own.
///
/// # Errors
/// If they cannot connect, or the server has ended.
pub async fn run(server: &Server, load: Load, connections: usize, window: Duration) -> Result<Tally> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(server.client().await?);
    }
    let (server_before, own_before) = (server.cpu()?, server::cpu("self")?);
    let watch = Stopwatch::start();
    let mut agents = JoinSet::new();
    for client in clients {
        agents.spawn(agent(client, load, watch, window));
    }
    let mut tally = Tally::default();
    while let Some(seen) = agents.join_next().await {
        tally.add(seen?);
    }
    tally.window = watch.elapsed();
    tally.server_cpu = server.cpu()?.saturating_sub(server_before);
    tally.own_cpu = server::cpu("self")?.saturating_sub(own_before);
    Ok(tally)
}

async fn agent(mut client: Client, load: Load, watch: Stopwatch, window: Duration) -> Tally {
    let mut tally = Tally::default();
    let mut report = Bytes::new();
    while watch.elapsed() < window {
        let done = match load {
            Load::Echo => echo(&mut client, &mut tally).await,
            Load::Cycle => cycle(&mut client, &mut tally, &mut report).await,
        };
        if let Err(error) = done {
            tally.error(format!("{error:#}"));
            break;
        }
    }
    tally
}

/// A directive as the benches post it.
pub fn directive(priority: &str) -> Bytes {
    let text = "Look through the error log of the billing service since yesterday and say what went wrong";
    json!({"directive": text, "priority": priority, "tags": ["bench"]}).to_string().into()
}

async fn echo(client: &mut Client, tally: &mut Tally) -> Result<()> {
    let watch = Stopwatch::start();
    let (status, _) = client.post("/echo", directive("medium")).await?;
    ensure!(status == 200, "echo answered {status}");
    tally.post_ms.push(milliseconds(watch));
    tally.done += 1;
    Ok(())
}

#[derive(Deserialize)]
struct Answer {
    directive_id: Option<String>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    lease_token: Option<String>,
}

/// One cycle; `report` is the body of its poll and becomes that of the next.
async fn cycle(client: &mut Client, tally: &mut Tally, report: &mut Bytes) -> Result<()> {
    let watch = Stopwatch::start();
    let (status, body) = client.post("/api/directives", directive("medium")).await?;
    ensure!(status == 200, "a directive was answered with {status}: {}", String::from_utf8_lossy(&body));
    tally.post_ms.push(milliseconds(watch));

    let watch = Stopwatch::start();
    let (status, body) = client.post("/mcp/get_next_directive", report.clone()).await?;
    ensure!(status == 200, "a poll was answered with {status}: {}", String::from_utf8_lossy(&body));
    tally.poll_ms.push(milliseconds(watch));

    let answer: Answer = serde_json::from_slice(&body)?;
    // Every agent posts before it polls, so there is always one.
    let id = answer.directive_id.context("a poll brought no directive although one was queued")?;
    let token = answer.metadata.lease_token;
    let said = json!({"directive_id": id, "success": true, "result": "nothing went wrong", "execution_time": 1.5, "lease_token": token});
    *report = said.to_string().into();
    tally.taken.push(id);
    tally.done += 1;
    Ok(())
}

fn milliseconds(watch: Stopwatch) -> f64 {
    watch.elapsed().as_secs_f64() * 1e3
}

/// What must not happen.
pub struct Faults {
    delivered_twice: usize,
    errors: u64,
    first_error: Option<String>,
}

impl Faults {
    /// Nothing did.
    pub fn none(&self) -> bool {
        self.delivered_twice == 0 && self.errors == 0
    }
}

/// Looks for what must not happen; `seen` holds all directives that this server handed out before.
pub fn faults(tallies: &[Tally], seen: &mut HashSet<String>) -> Faults {
    let taken = tallies.iter().flat_map(|tally| &tally.taken);
    Faults {
        delivered_twice: taken.filter(|id| !seen.insert((*id).clone())).count(),
        errors: tallies.iter().map(|tally| tally.errors).sum(),
        first_error: tallies.iter().find_map(|tally| tally.first_error.clone()),
    }
}

/// Medians over the rounds; quantiles over all of them.
pub fn cycle_figures(tallies: &mut [Tally], server: &Server, faults: &Faults) -> Result<Value> {
    let mut posts: Vec<f64> = tallies.iter().flat_map(|tally| tally.post_ms.iter().copied()).collect();
    let mut polls: Vec<f64> = tallies.iter().flat_map(|tally| tally.poll_ms.iter().copied()).collect();
    Ok(json!({
        "cycles_per_second": round(median(tallies.iter().map(Tally::per_second))),
        "post_ms_p50": round(quantile(&mut posts, 0.5)),
        "post_ms_p99": round(quantile(&mut posts, 0.99)),
        "poll_ms_p50": round(quantile(&mut polls, 0.5)),
        "poll_ms_p99": round(quantile(&mut polls, 0.99)),
        "server_cpu_us_per_cycle": round(median(tallies.iter().map(|tally| tally.micros(tally.server_cpu)))),
        "generator_cpu_us_per_cycle": round(median(tallies.iter().map(|tally| tally.micros(tally.own_cpu)))),
        "memory_mb": round(server.memory()? as f64 / 1e6),
        "cycles": tallies.iter().map(|tally| tally.done).sum::<u64>(),
        "delivered_twice": faults.delivered_twice,
        "errors": faults.errors,
        "first_error": faults.first_error,
    }))
}

/// The same of the bare server, and what the generator itself took: it must not be what limits.
pub fn echo_figures(tallies: &mut [Tally]) -> Value {
    let mut posts: Vec<f64> = tallies.iter().flat_map(|tally| tally.post_ms.iter().copied()).collect();
    json!({
        "requests_per_second": round(median(tallies.iter().map(Tally::per_second))),
        "ms_p50": round(quantile(&mut posts, 0.5)),
        "ms_p99": round(quantile(&mut posts, 0.99)),
        "server_cpu_us_per_request": round(median(tallies.iter().map(|tally| tally.micros(tally.server_cpu)))),
        "generator_cpu_us_per_request": round(median(tallies.iter().map(|tally| tally.micros(tally.own_cpu)))),
        "errors": tallies.iter().map(|tally| tally.errors).sum::<u64>(),
    })
}
