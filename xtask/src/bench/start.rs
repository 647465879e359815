//! From the start of the process to the first good answer, and what it holds when nobody asks anything.

use std::{path::Path, time::Duration};

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use super::{
    figures::{Figures, median, quantile, round},
    queue::Size,
    server::Server,
};

/// Measures both.
///
/// # Errors
/// If a server does not start.
pub async fn measure(baton: &Path, size: &Size, figures: &mut Figures) -> Result<()> {
    let (mut ready, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..size.starts {
        ready.push(Server::baton(baton).await?.ready_after.as_secs_f64() * 1e3);
        bare.push(Server::echo().await?.ready_after.as_secs_f64() * 1e3);
    }
    let middle = median(ready.iter().copied());
    let told = json!({
        "starts": ready.len(),
        "ms_min": round(quantile(&mut ready, 0.0)),
        "ms_median": round(middle),
        "ms_max": round(quantile(&mut ready, 1.0)),
    });
    let floor = json!({"ms_median": round(median(bare))});
    let bar = "ready on a fresh data directory within 100 ms (median)";
    figures.judge("ready", told, Some(floor), bar, middle <= 100.0);

    let (server, echo) = (Server::baton(baton).await?, Server::echo().await?);
    sleep(Duration::from_secs(2)).await;
    let memory = server.memory()? as f64 / 1e6;
    let floor = json!({"memory_mb": round(echo.memory()? as f64 / 1e6)});
    figures.judge("idle", json!({"memory_mb": round(memory)}), Some(floor), "under 30 MB after 2 s", memory < 30.0);
    Ok(())
}
