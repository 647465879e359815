//! MCP on stdio (specification 2026-07-28, basic/transports/stdio, and the revisions before): one JSON-RPC message on
//! a line, both ways. Each message goes to a Baton server over Streamable HTTP as it is, and what comes back goes to
//! stdout as it is; nothing else is ever written there.
//!
//! Both eras of the protocol may be spoken by one client in one run. A message of the modern era says so in its
//! `_meta` and stands for itself; all others belong to the one session that `initialize` opened.

mod answers;
mod forward;
mod headers;
mod lines;
mod message;
mod server;
mod session;
mod sse;
pub mod start;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::{AbortHandle, Id, JoinSet},
    time::timeout,
};

use crate::failure::{Failure, Result};
use forward::Forwarder;
use lines::Line;
use message::{Kind, Message, error_line};
pub use server::Way;

/// JSON-RPC: the line is no JSON.
const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: the line is JSON, but no message.
const INVALID_REQUEST: i64 = -32600;
/// How long requests that are under way may still take once stdin has ended.
const GRACE: Duration = Duration::from_secs(1);

/// Forwards until stdin or stdout is closed or a signal comes.
///
/// # Errors
/// When not one message could be forwarded.
pub async fn run(way: Way) -> Result {
    let (out, written) = lines::write_stdout();
    let mut lines = lines::read_stdin();
    let refused = |error| Failure::failed("cannot listen for signals").because(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut desk = Desk {
        forwarder: Arc::new(Forwarder::new(way, out.clone())),
        out,
        asked: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let grace = loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => desk.take(line).await,
                None => break GRACE,
            },
            Some(ended) = desk.tasks.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                desk.asked.remove(&id);
            }
            () = desk.out.closed() => break Duration::ZERO,
            _ = terminate.recv() => break Duration::ZERO,
            _ = interrupt.recv() => break Duration::ZERO,
        }
    };
    let _ = timeout(grace, async { while desk.tasks.join_next().await.is_some() {} }).await;
    desk.tasks.shutdown().await;
    let Desk { forwarder, out, .. } = desk;
    forwarder.close().await;
    let verdict = forwarder.verdict();
    drop((forwarder, out));
    let _ = timeout(GRACE, written).await;
    verdict
}

/// Requests under way, and what may still happen to them.
struct Desk {
    forwarder: Arc<Forwarder>,
    out: mpsc::Sender<String>,
    asked: HashMap<Id, Asked>,
    tasks: JoinSet<()>,
}

/// A request under way.
struct Asked {
    id: String,
    is_modern: bool,
    called_off: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Desk {
    async fn take(&mut self, line: Line) {
        let message = match line {
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => return,
            Line::Whole(bytes) => Message::read(bytes),
            Line::TooLong(id) => Err(error_line(
                &id,
                INVALID_REQUEST,
                &format!("the message is longer than {} bytes and was not read", lines::LIMIT),
            )),
        };
        match message {
            Err(refusal) => drop(self.out.send(refusal).await),
            Ok(message) if message.kind() == Kind::Request => self.ask(message).await,
            Ok(message) if message.method() == Some("notifications/cancelled") => self.call_off(message).await,
            // In line: what follows may rely on it. The server only acknowledges it.
            Ok(message) => self.forwarder.tell(message).await,
        }
    }

    async fn ask(&mut self, message: Message) {
        let called_off = Arc::new(AtomicBool::new(false));
        let (id, is_modern) = (message.id().to_string(), message.modern_version().is_some());
        // Taken here, so that the messages behind `initialize` wait for the session it opens.
        let opening = match message.is_initialize() {
            true => match self.forwarder.opening().await {
                Some(opening) => Some(opening),
                None => {
                    let refusal = message.error_line(INVALID_REQUEST, "another `initialize` is still under way");
                    return drop(self.out.send(refusal).await);
                }
            },
            false => None,
        };
        let forwarder = Arc::clone(&self.forwarder);
        let flag = Arc::clone(&called_off);
        let task = self.tasks.spawn(async move { forwarder.ask(message, opening, &flag).await });
        self.asked.insert(task.id(), Asked { id, is_modern, called_off, task });
    }

    /// In the modern era a request is called off by closing its connection; before, the server is told.
    async fn call_off(&mut self, message: Message) {
        let id = message.param("requestId").map(ToString::to_string);
        let asked = self.asked.values().find(|asked| Some(&asked.id) == id.as_ref());
        match asked {
            Some(asked) if asked.is_modern => asked.task.abort(),
            Some(asked) => {
                asked.called_off.store(true, Ordering::Relaxed);
                self.forwarder.tell(message).await;
            }
            None if message.modern_version().is_some() => {}
            None => self.forwarder.tell(message).await,
        }
    }
}
