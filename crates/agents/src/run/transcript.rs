//! What an agent writes, on its way to whoever keeps it, without ever holding the agent up for long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::timeout,
};

use crate::{Chunk, Stream, text::Decoder};

/// How much of one run was kept and dropped, on both streams together.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Counts>);

struct Counts {
    limit: u64,
    seen: AtomicU64,
    dropped: AtomicU64,
}

impl Ledger {
    /// A run of which `limit` bytes are kept.
    pub(super) fn new(limit: u64) -> Self {
        Ledger(Arc::new(Counts { limit, seen: AtomicU64::new(0), dropped: AtomicU64::new(0) }))
    }

    /// How many bytes were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn drop_bytes(&self, bytes: u64) {
        self.0.dropped.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what came; says whether it was within the limit before and whether it still is.
    fn count(&self, bytes: u64) -> (bool, bool) {
        let before = self.0.seen.fetch_add(bytes, Ordering::Relaxed);
        (before <= self.0.limit, before.saturating_add(bytes) <= self.0.limit)
    }
}

/// Sends one stream to the transcript.
pub(super) struct Tap {
    stream: Stream,
    sender: mpsc::Sender<Chunk>,
    ledger: Ledger,
    wait: Duration,
    decoder: Decoder,
    /// The receiver was waited for in vain: until it takes something again, nobody waits for it.
    blocked: bool,
}

impl Tap {
    pub(super) fn new(stream: Stream, sender: mpsc::Sender<Chunk>, ledger: &Ledger, wait: Duration) -> Self {
        Tap { stream, sender, ledger: ledger.clone(), wait, decoder: Decoder::default(), blocked: false }
    }

    pub(super) async fn take(&mut self, bytes: &[u8]) {
        let length = size(bytes.len());
        match self.ledger.count(length) {
            (_, true) => {
                let text = self.decoder.decode(bytes);
                self.send(text, length).await;
            }
            (true, false) => {
                self.ledger.drop_bytes(length);
                let limit = self.ledger.0.limit;
                self.send(format!("\n[baton: the transcript ends here, at {limit} bytes]\n"), 0).await;
            }
            (false, false) => self.ledger.drop_bytes(length),
        }
    }

    pub(super) async fn finish(&mut self) {
        let rest = self.decoder.finish();
        let length = size(rest.len());
        self.send(rest, length).await;
    }

    async fn send(&mut self, text: String, length: u64) {
        if text.is_empty() {
            return;
        }
        let chunk = Chunk { stream: self.stream, text };
        let sent = if self.blocked {
            !matches!(self.sender.try_send(chunk), Err(TrySendError::Full(_)))
        } else {
            // A closed channel counts as sent: nobody wants it.
            timeout(self.wait, self.sender.send(chunk)).await.is_ok()
        };
        if !sent {
            self.ledger.drop_bytes(length);
        }
        self.blocked = !sent;
    }
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
