//! Messages to and from the browser: JSON with a zero byte after each.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::unix::pipe::{Receiver, Sender},
    sync::{Mutex as Turn, oneshot},
    time::timeout,
};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The wire; everything that came for a session is kept until it is asked for.
pub(super) struct Link {
    sender: Turn<Sender>,
    number: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    events: HashMap<String, Vec<Value>>,
    closed: bool,
}

impl Link {
    pub(super) fn new(sender: Sender, receiver: Receiver) -> Arc<Self> {
        let link = Arc::new(Link {
            sender: Turn::new(sender),
            number: AtomicU64::new(1),
            state: Mutex::new(State::default()),
        });
        tokio::spawn(listen(Arc::downgrade(&link), receiver));
        link
    }

    /// Calls a method, of a session's page or of the browser, and waits for its result.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"id": number, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (tell, told) = oneshot::channel();
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                bail!("the browser has ended");
            }
            state.waiting.insert(number, tell);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.sender.lock().await.write_all(&bytes).await.context("write to the browser")?;
        let mut answer = timeout(PATIENCE, told)
            .await
            .with_context(|| format!("no answer to {method} within {PATIENCE:?}"))?
            .map_err(|_| anyhow!("the browser ended before it answered {method}"))?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer["result"].take()),
        }
    }

    /// What a session was told since the last call.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.events.remove(session).unwrap_or_default()
    }

    fn take(&self, message: Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = message["id"].as_u64().and_then(|number| state.waiting.remove(&number)) {
            // A caller that has gone does not want it any more.
            let _ = waiting.send(message);
        } else if let Some(session) = message["sessionId"].as_str() {
            state.events.entry(session.to_owned()).or_default().push(message);
        }
    }

    fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        state.waiting.clear();
    }
}

async fn listen(link: std::sync::Weak<Link>, receiver: Receiver) {
    let mut reader = BufReader::new(receiver);
    let mut bytes = Vec::new();
    while reader.read_until(0, &mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(link) = link.upgrade() else { return };
        if let Ok(message) = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes)) {
            link.take(message);
        }
        bytes.clear();
    }
    if let Some(link) = link.upgrade() {
        link.close();
    }
}
