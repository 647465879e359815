//! Very many polls that wait at the same time: what they hold, and who is woken by one directive.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    client::get,
    figures::{Figures, median, quantile, round},
    queue::Size,
    server::Server,
};
use crate::run::Stopwatch;

/// Connections that are opened at the same time.
const OPENING: usize = 100;
/// How long it may take until all wait, or one is woken.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to look for a second one that was woken.
const SETTLE: Duration = Duration::from_millis(200);
/// Directives that are posted, one after another.
const DIRECTIVES: usize = 20;

/// Measures and judges both.
///
/// # Errors
/// If a server does not start, or does not let all wait.
pub async fn measure(baton: &Path, size: &Size, figures: &mut Figures) -> Result<()> {
    let echo = Server::echo().await?;
    let bare = park(&echo, "/wait?wait_seconds=240", size.parked, || waiting(&echo, "/waiting", "")).await?;
    drop(bare.polls);

    let server = Server::baton(baton).await?;
    super::queue::start_monitoring(&server).await?;
    let path = "/mcp/get_next_directive?wait_seconds=240";
    let mut ours = park(&server, path, size.parked, || waiting(&server, "/api/queue", "/waiting_polls")).await?;

    let per_poll = |memory: &Memory| (memory.parked.saturating_sub(memory.before)) as f64 / size.parked as f64;
    let told = |memory: &Memory| {
        json!({
            "memory_mb": round(memory.parked as f64 / 1e6),
            "memory_mb_before": round(memory.before as f64 / 1e6),
            "bytes_per_poll": round(per_poll(memory)),
        })
    };
    let ratio = ours.memory.parked as f64 / bare.memory.parked as f64;
    let mut figure = told(&ours.memory);
    figure["memory_over_bare"] = json!(round(ratio));
    figure["bytes_per_poll_over_bare"] = json!(round(per_poll(&ours.memory) / per_poll(&bare.memory)));
    let name = format!("{} parked polls", size.parked);
    let bar = "at most 1.3 times the memory of a bare handler that waits";
    figures.judge(&name, figure, Some(told(&bare.memory)), bar, ratio <= 1.3);

    let (wakes, figure) = wake(&server, &mut ours).await?;
    let bar = "each new directive wakes exactly one poll";
    figures.judge(&format!("wake one of {}", size.parked), figure, None, bar, wakes == DIRECTIVES);
    Ok(())
}

struct Memory {
    before: u64,
    parked: u64,
}

struct Parked {
    memory: Memory,
    polls: JoinSet<()>,
    /// The answers, as they come.
    answers: mpsc::UnboundedReceiver<Result<(u16, Bytes)>>,
}

/// Lets very many polls wait and weighs the server before and then.
async fn park<F: Future<Output = Result<u64>>>(
    server: &Server,
    path: &'static str,
    count: usize,
    waiting: impl Fn() -> F,
) -> Result<Parked> {
    eprintln!("parking {count} polls");
    let before = server.memory()?;
    let (tell, answers) = mpsc::unbounded_channel();
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut polls = JoinSet::new();
    for _ in 0..count {
        let permit = Arc::clone(&opening).acquire_owned().await?;
        let (tell, client) = (tell.clone(), server.client().await);
        polls.spawn(async move {
            drop(permit);
            let answer = match client {
                Ok(mut client) => client.post(path, Bytes::new()).await,
                Err(error) => Err(error),
            };
            // Whoever asked may be gone.
            let _ = tell.send(answer);
        });
    }
    let watch = Stopwatch::start();
    while waiting().await? < count as u64 {
        ensure!(watch.elapsed() < PATIENCE, "only {} of {count} polls wait", waiting().await?);
        sleep(Duration::from_millis(50)).await;
    }
    Ok(Parked { memory: Memory { before, parked: server.memory()? }, polls, answers })
}

/// How many polls wait, at a pointer into the answer.
async fn waiting(server: &Server, path: &str, pointer: &str) -> Result<u64> {
    let (_, body) = get(server.address, path).await?;
    let told: Value = serde_json::from_slice(&body)?;
    told.pointer(pointer).and_then(Value::as_u64).with_context(|| format!("{path} tells no number: {told}"))
}

/// Posts directives one after another; gives how many woke exactly one poll.
async fn wake(server: &Server, parked: &mut Parked) -> Result<(usize, Value)> {
    let mut client = server.client().await?;
    let (mut alone, mut answered, mut times) = (0, 0, Vec::new());
    let cpu = server.cpu()?;
    for _ in 0..DIRECTIVES {
        let watch = Stopwatch::start();
        let (status, body) = client.post("/api/directives", super::queue::directive("medium")).await?;
        ensure!(status == 200, "a directive was answered with {status}: {}", String::from_utf8_lossy(&body));
        let first = timeout(PATIENCE, parked.answers.recv()).await.context("no poll was woken")?;
        times.push(watch.elapsed().as_secs_f64() * 1e3);
        let (_, body) = first.context("the polls are gone")??;
        let answer: Value = serde_json::from_slice(&body)?;
        if answer["has_directive"] != true {
            bail!("a poll was woken for nothing: {answer}");
        }
        sleep(SETTLE).await;
        let mut more = 0;
        while parked.answers.try_recv().is_ok() {
            more += 1;
        }
        answered += 1 + more;
        alone += usize::from(more == 0);
    }
    let told = json!({
        "directives": DIRECTIVES,
        "polls_answered": answered,
        "delivery_ms_median": round(median(times.iter().copied())),
        "delivery_ms_max": round(quantile(&mut times, 1.0)),
        "server_cpu_ms_each": round((server.cpu()? - cpu).as_secs_f64() * 1e3 / DIRECTIVES as f64),
    });
    Ok((alone, told))
}
