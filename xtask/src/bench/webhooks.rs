//! Webhooks: a thousand results to five endpoints, one of which is dead. How long after its commit does a result reach
//! the healthy ones, beside plain posts of the same bodies to the same receivers in the same rhythm?

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    client::Client,
    figures::{Figures, quantile, round},
    queue::{directive, start_monitoring},
    server::Server,
};
use crate::run::Stopwatch;

/// Results that are told.
const RESULTS: usize = 1_000;
/// Endpoints that answer.
const HEALTHY: usize = 4;
/// Agents that work at the same time.
const AGENTS: usize = 8;
/// Calls to one endpoint at the same time, as Baton makes them.
const WIDTH: usize = 8;
/// How long everything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures and prints it.
///
/// # Errors
/// If a server does not start, or messages do not arrive.
pub fn measure(baton: &Path) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut figures = Figures::default();
        let watch = Stopwatch::start();
        let mut receivers = Vec::new();
        for _ in 0..HEALTHY {
            receivers.push(Receiver::start(watch).await?);
        }
        let ended = tell(baton, &receivers, watch).await?;
        let (mut delays, repeats) = delays(&receivers, &ended)?;
        let bodies = receivers.iter().map(Receiver::take).next().unwrap_or_default();
        receivers.iter().for_each(|receiver| drop(receiver.take()));
        let begun = post_plainly(&receivers, &ended, &bodies, watch).await?;
        let (mut floor, _) = self::delays(&receivers, &begun)?;

        let (ours, bare) = (summed(&mut delays), summed(&mut floor));
        let mut told = ours.clone();
        told["p50_over_floor"] = ratio(&ours, &bare, "p50_ms");
        told["p99_over_floor"] = ratio(&ours, &bare, "p99_ms");
        told["repeats"] = json!(repeats);
        let bar = "every message arrives once at the healthy endpoints, 99 of 100 within 1 s of the commit";
        let met = repeats == 0 && ours["p99_ms"].as_f64().is_some_and(|p99| p99 <= 1_000.0);
        figures.judge("commit to arrival, one endpoint of five dead", told, Some(bare), bar, met);
        Ok(figures.close())
    })
}

/// A message as it came: the directive that it tells of, when, and what it was.
struct Arrival {
    directive: String,
    at: Duration,
    body: Bytes,
}

/// Answers everything with 204 and notes when it came.
struct Receiver {
    address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

#[derive(Deserialize)]
struct Told {
    directive_id: String,
}

impl Receiver {
    async fn start(watch: Stopwatch) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, arrivals) = (listener.local_addr()?, Arc::<Mutex<Vec<Arrival>>>::default());
        let take = async |State((watch, arrivals)): State<(Stopwatch, Arc<Mutex<Vec<Arrival>>>)>, body: Bytes| {
            let at = watch.elapsed();
            let Ok(Told { directive_id }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
            let arrival = Arrival { directive: directive_id, at, body };
            arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            StatusCode::NO_CONTENT
        };
        let app = Router::new().route("/hook", post(take)).with_state((watch, arrivals.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Receiver { address, arrivals })
    }

    fn count(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What came so far; it is forgotten.
    fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When each directive's result was on disk, as its agent was told.
type Ended = Vec<(String, Duration)>;

/// Lets agents do directives on a server that tells everybody.
async fn tell(baton: &Path, receivers: &[Receiver], watch: Stopwatch) -> Result<Ended> {
    let server = Server::baton(baton).await?;
    start_monitoring(&server).await?;
    // A port that was free a moment ago refuses every call.
    let dead = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut client = server.client().await?;
    for address in receivers.iter().map(|receiver| receiver.address).chain([dead]) {
        let body = json!({"url": format!("http://{address}/hook")}).to_string();
        let (status, answer) = client.post("/api/webhooks", body).await?;
        ensure!(status == 200, "an endpoint was answered with {status}: {}", String::from_utf8_lossy(&answer));
    }
    let mut agents = JoinSet::new();
    for _ in 0..AGENTS {
        agents.spawn(agent(server.client().await?, RESULTS / AGENTS, watch));
    }
    let mut ended = Vec::new();
    while let Some(more) = agents.join_next().await {
        ended.extend(more??);
    }
    ended.sort_by_key(|(_, at)| *at);
    arrived(receivers).await?;
    Ok(ended)
}

/// Posts directives and does what it is handed, until nothing is left.
async fn agent(mut client: Client, mut to_post: usize, watch: Stopwatch) -> Result<Ended> {
    let (mut ended, mut done) = (Vec::new(), None::<(String, Bytes)>);
    loop {
        if to_post > 0 {
            to_post -= 1;
            let (status, _) = client.post("/api/directives", directive("medium")).await?;
            ensure!(status == 200, "a directive was answered with {status}");
        }
        let report = done.as_ref().map_or_else(Bytes::new, |(_, report)| report.clone());
        let (status, taken) = client.post("/mcp/get_next_directive", report).await?;
        ensure!(status == 200, "a poll was answered with {status}: {}", String::from_utf8_lossy(&taken));
        ended.extend(done.take().map(|(id, _)| (id, watch.elapsed())));
        let taken: Value = serde_json::from_slice(&taken)?;
        let id = match taken["directive_id"].as_str() {
            Some(id) => id,
            None if to_post > 0 => continue, // another agent was quicker
            None => return Ok(ended),
        };
        let token = &taken["metadata"]["lease_token"];
        let report = json!({"directive_id": id, "success": true, "result": "nothing went wrong", "lease_token": token});
        done = Some((id.to_owned(), report.to_string().into()));
    }
}

/// Waits until every receiver has everything.
async fn arrived(receivers: &[Receiver]) -> Result<()> {
    let waiting = async {
        while receivers.iter().any(|receiver| receiver.count() < RESULTS) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let counts = || receivers.iter().map(Receiver::count).collect::<Vec<_>>();
    timeout(PATIENCE, waiting).await.with_context(|| format!("{RESULTS} messages each were expected: {:?}", counts()))
}

/// Posts the same bodies in the same rhythm, with as many connections as Baton uses.
async fn post_plainly(receivers: &[Receiver], ended: &Ended, bodies: &[Arrival], watch: Stopwatch) -> Result<Ended> {
    let bodies: HashMap<&str, &Bytes> = bodies.iter().map(|one| (one.directive.as_str(), &one.body)).collect();
    let (mut lines, mut posters) = (Vec::new(), JoinSet::new());
    for receiver in receivers {
        let (line, waiting) = mpsc::unbounded_channel::<Bytes>();
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        for _ in 0..WIDTH {
            let (mut client, waiting) = (Client::connect(receiver.address).await?, waiting.clone());
            posters.spawn(async move {
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(body) = next else { return Ok(()) };
                    client.post("/hook", body).await?;
                }
            });
        }
        lines.push(line);
    }
    let (start, first) = (watch.elapsed(), ended.first().map_or(Duration::ZERO, |(_, at)| *at));
    let mut begun = Vec::with_capacity(ended.len());
    for (directive, at) in ended {
        let due = start + (*at - first);
        sleep(due.saturating_sub(watch.elapsed())).await;
        let body = bodies.get(directive.as_str()).context("a message was not for this run")?;
        begun.push((directive.clone(), watch.elapsed()));
        for line in &lines {
            line.send(Bytes::clone(body))?;
        }
    }
    drop(lines);
    while let Some(done) = posters.join_next().await {
        done?.map_err(|error: anyhow::Error| error.context("a plain post"))?;
    }
    arrived(receivers).await?;
    Ok(begun)
}

/// Milliseconds from the end of each directive to each arrival, and how many arrived again. A message may overtake the
/// answer to the agent: then it is 0.
fn delays(receivers: &[Receiver], ended: &Ended) -> Result<(Vec<f64>, usize)> {
    let ended: HashMap<&str, Duration> = ended.iter().map(|(id, at)| (id.as_str(), *at)).collect();
    let (mut delays, mut repeats) = (Vec::new(), 0);
    for receiver in receivers {
        let arrivals = receiver.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen: HashMap<&str, Duration> = HashMap::new();
        for arrival in arrivals.iter() {
            let end = ended.get(arrival.directive.as_str()).context("a message about an unknown directive")?;
            if seen.insert(&arrival.directive, arrival.at).is_some() {
                repeats += 1;
            } else {
                delays.push(arrival.at.saturating_sub(*end).as_secs_f64() * 1e3);
            }
        }
        ensure!(seen.len() == ended.len(), "{} messages of {} arrived", seen.len(), ended.len());
    }
    Ok((delays, repeats))
}

fn summed(delays: &mut [f64]) -> Value {
    let at = |delays: &mut [f64], share| json!(round(quantile(delays, share)));
    json!({
        "messages": delays.len(),
        "p50_ms": at(delays, 0.5),
        "p99_ms": at(delays, 0.99),
        "max_ms": at(delays, 1.0),
    })
}

fn ratio(ours: &Value, floor: &Value, figure: &str) -> Value {
    let of = |figures: &Value| figures[figure].as_f64().unwrap_or(0.0);
    json!(round(of(ours) / of(floor)))
}
