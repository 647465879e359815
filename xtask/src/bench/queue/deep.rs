//! The same cycles with many directives beneath that nobody takes.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::load::{self, Tally};
use crate::{
    bench::{
        figures::{Figures, median, round},
        server::Server,
    },
    run::Stopwatch,
};

/// Connections that fill the queue.
const FILLERS: usize = 64;

/// Queues directives that go last, and tells how fast that went.
///
/// # Errors
/// If one is refused.
pub async fn fill(server: &Server, depth: usize, figures: &mut Figures) -> Result<()> {
    eprintln!("queueing {depth} directives");
    let left = Arc::new(AtomicUsize::new(depth));
    let cpu = server.cpu()?;
    let watch = Stopwatch::start();
    let mut fillers = JoinSet::new();
    for _ in 0..FILLERS {
        let mut client = server.client().await?;
        let left = Arc::clone(&left);
        fillers.spawn(async move {
            let one_less = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                let (status, body) = client.post("/api/directives", load::directive("low")).await?;
                ensure!(status == 200, "a directive was answered with {status}: {}", String::from_utf8_lossy(&body));
            }
            Ok(())
        });
    }
    while let Some(filled) = fillers.join_next().await {
        filled??;
    }
    let told = json!({
        "per_second": round(depth as f64 / watch.elapsed().as_secs_f64()),
        "server_cpu_us_each": round((server.cpu()? - cpu).as_secs_f64() * 1e6 / depth as f64),
        "memory_mb": round(server.memory()? as f64 / 1e6),
    });
    figures.tell(&format!("queue {depth} directives, K={FILLERS}"), told, None);
    Ok(())
}

/// Judges the cycles; `shares` are their rates over those of the empty queue, round by round.
///
/// # Errors
/// If the server has ended.
pub fn tell(server: &Server, depth: usize, shares: &[f64], tallies: &mut [Tally], figures: &mut Figures) -> Result<()> {
    let faults = load::faults(tallies, &mut HashSet::new());
    let mut told = load::cycle_figures(tallies, server, &faults)?;
    let share = median(shares.iter().copied());
    told["share_of_the_rate_at_depth_0"] = json!(round(share));
    let name = format!("cycle K={}, depth {depth}", super::JUDGED);
    let bar = "at least 0.8 of the rate at depth 0, none delivered twice, no error";
    figures.judge(&name, told, None, bar, share >= 0.8 && faults.none());
    Ok(())
}
