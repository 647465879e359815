//! The bare axum server that the benches compare with: what any server on this machine costs at least.

use std::{
    io::Read,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, time::timeout};

#[derive(Default)]
struct Waiters {
    wake: Notify,
    count: AtomicU64,
}

#[derive(Deserialize)]
struct Wait {
    wait_seconds: u64,
}

/// Serves on a free port, which it prints, until its standard input ends.
///
/// # Errors
/// If there is no port to be had.
pub fn serve() -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        let router = Router::new()
            .route("/echo", post(async |Json(body): Json<Value>| Json(body)))
            .route("/wait", post(wait))
            .route("/wake", post(async |State(waiters): State<Arc<Waiters>>| waiters.wake.notify_one()))
            .route(
                "/waiting",
                get(async |State(waiters): State<Arc<Waiters>>| Json(waiters.count.load(Ordering::Relaxed))),
            )
            .with_state(Arc::<Waiters>::default())
            .merge(super::events::bare::routes());
        Ok(axum::serve(listener, router).await?)
    })
}

/// Waits as a poll waits, and knows nothing else.
async fn wait(State(waiters): State<Arc<Waiters>>, Query(wait): Query<Wait>, body: Option<Json<Value>>) -> Json<Value> {
    waiters.count.fetch_add(1, Ordering::Relaxed);
    let woken = timeout(Duration::from_secs(wait.wait_seconds), waiters.wake.notified()).await.is_ok();
    waiters.count.fetch_sub(1, Ordering::Relaxed);
    Json(serde_json::json!({"has_directive": woken, "body": body.map(|Json(body)| body)}))
}
