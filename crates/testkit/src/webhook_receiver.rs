//! A receiver of webhooks that does as a script says: answers, misbehaves, goes down and comes up again.
//!
//! ```no_run
//! # use baton_testkit::webhook_receiver::{Receiver, Reply};
//! # async fn example() -> anyhow::Result<()> {
//! let receiver = Receiver::start().await?;
//! receiver.script("/hook", [Reply::Status(500), Reply::Status(200)]);
//! // … something calls receiver.url("/hook") twice …
//! let received = receiver.wait_for("/hook", 2).await?;
//! received[1].verify("whsec_…")?;
//! # Ok(()) }
//! ```

mod reply;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub use reply::Reply;

/// How long tests wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest request that is read.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
    /// When it was read to its end.
    pub at: Instant,
}

impl Received {
    /// The value of a header; empty if it is not there or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `webhook-id`: the same in each attempt of one delivery.
    pub fn id(&self) -> &str {
        self.header(standardwebhooks::HEADER_WEBHOOK_ID)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }

    /// Checks the signature as receivers do (Standard Webhooks): one of those in the header must be made with `secret`,
    /// and the timestamp must be fresh.
    ///
    /// # Errors
    /// What the library of Standard Webhooks finds wrong.
    pub fn verify(&self, secret: &str) -> Result<(), standardwebhooks::WebhookError> {
        standardwebhooks::Webhook::new(secret)?.verify(&self.body, &self.headers)
    }
}

/// The receiver; it ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

struct Shared {
    scripts: Mutex<BTreeMap<String, VecDeque<Reply>>>,
    received: watch::Sender<Vec<Received>>,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1. Until a script says otherwise, every request is answered with 204.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { scripts: Mutex::default(), received: watch::Sender::new(Vec::new()) });
        let task = Some(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Ok(Receiver { address, shared, task })
    }

    /// Where it listens, also while it is down.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How requests for a path (without query) are answered, in the order of their coming; the last reply stays.
    pub fn script(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        locked(&self.shared.scripts).insert(path.to_owned(), replies.into_iter().collect());
    }

    /// What came for a path so far, in the order of its coming; for all paths if it is empty.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let all = self.shared.received.borrow();
        all.iter().filter(|request| is_for(request, path)).cloned().collect()
    }

    /// Waits until `count` requests for a path came; for any path if it is empty.
    ///
    /// # Errors
    /// If they do not come within a minute; tells how many did.
    pub async fn wait_for(&self, path: &str, count: usize) -> anyhow::Result<Vec<Received>> {
        self.wait_until(path, |received| received.len() >= count)
            .await
            .with_context(|| format!("{count} requests for `{path}` were expected"))
    }

    /// Waits until what came for a path is enough.
    ///
    /// # Errors
    /// If it is not within a minute; tells how many requests came.
    pub async fn wait_until(
        &self,
        path: &str,
        mut enough: impl FnMut(&[Received]) -> bool,
    ) -> anyhow::Result<Vec<Received>> {
        let mut news = self.shared.received.subscribe();
        let waiting = async {
            loop {
                news.borrow_and_update();
                let received = self.received(path);
                if enough(&received) {
                    return received;
                }
                // It cannot fail: this receiver holds the sender.
                let _ = news.changed().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.with_context(|| format!("{} requests for `{path}` came in {PATIENCE:?}", self.received(path).len()))
    }

    /// Stops listening and cuts every connection.
    pub async fn down(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // It ends with the abort; only then is the port free.
            let _ = task.await;
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// If somebody else took the port.
    pub async fn up(&mut self) -> io::Result<()> {
        self.down().await;
        let listener = TcpListener::bind(self.address).await?;
        self.task = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Shared {
    fn next_reply(&self, path: &str) -> Reply {
        let mut scripts = locked(&self.scripts);
        match scripts.get_mut(path) {
            Some(script) if script.len() > 1 => script.pop_front(),
            Some(script) => script.front().cloned(),
            None => None,
        }
        .unwrap_or(Reply::Status(204))
    }
}

/// Accepts until it is aborted; the connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => _ = connections.spawn(serve(stream, Arc::clone(&shared))),
            // One connection's own (ECONNABORTED), or the descriptors are used up for the moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // An error here is a script that breaks off, or a caller that does.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY).await.map_err(io::Error::other)?;
    let reply = shared.next_reply(parts.uri.path());
    let path = parts.uri.to_string();
    shared.received.send_modify(|received| {
        received.push(Received { path, headers: parts.headers, body: body.to_vec(), at: now() });
    });
    reply.play().await
}

fn is_for(request: &Received, path: &str) -> bool {
    path.is_empty() || request.path.split('?').next() == Some(path)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the kit tells tests when something arrived")]
fn now() -> Instant {
    Instant::now()
}
