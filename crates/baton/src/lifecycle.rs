//! From the first signal to the last byte: when a server stops, and how.
//!
//! A stop has three steps: nothing new is accepted and parked polls are answered; running requests end; the store
//! closes. A second signal, [`GRACE`] or [`CLOSE`] cuts it short. What was answered before is on disk in either case.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use baton_model::{Clock, Millis};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, Result};

/// How long running requests may take to end.
pub const GRACE: Duration = Duration::from_secs(6);
/// How long the store may take to close after that. Together they stay under the 10 s that supervisors wait.
pub const CLOSE: Duration = Duration::from_secs(3);

/// Why a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGTERM or SIGINT.
    Signal(&'static str),
    /// Nobody asked for anything for as long as `--idle-exit` says.
    Idle,
    /// The demo is over.
    DemoEnded,
    /// What the queue needs in the background has ended, which it must not.
    Broken,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Signal(name) => name,
            Reason::Idle => "nobody asked for anything (--idle-exit)",
            Reason::DemoEnded => "the demo is over",
            Reason::Broken => "the background work has ended",
        })
    }
}

/// The signals that end a server.
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Self> {
        let refused = |error| Failure::failed("cannot listen for signals").because(error);
        Ok(Signals {
            terminate: signal(SignalKind::terminate()).map_err(refused)?,
            interrupt: signal(SignalKind::interrupt()).map_err(refused)?,
        })
    }

    /// Waits for one of them.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Counts the requests that run, their answers' bodies included.
pub struct Activity {
    clock: Arc<dyn Clock>,
    running: AtomicUsize,
    last: AtomicI64,
}

impl Activity {
    /// Nothing runs; the idle time begins now.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let last = AtomicI64::new(clock.steady());
        Arc::new(Activity { clock, running: AtomicUsize::new(0), last })
    }

    /// Counts a request until what is returned is dropped.
    pub fn enter(self: &Arc<Self>) -> Entered {
        self.running.fetch_add(1, Ordering::SeqCst);
        Entered(Arc::clone(self))
    }

    /// How many run now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Returns when nothing has run for `limit`.
    pub async fn idle_for(&self, limit: Duration) {
        loop {
            let rest = self.rest(limit);
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest).await;
        }
    }

    /// How long until `limit` may be over at the earliest.
    fn rest(&self, limit: Duration) -> Duration {
        if self.running.load(Ordering::SeqCst) > 0 {
            return limit;
        }
        let idle: Millis = self.clock.steady() - self.last.load(Ordering::SeqCst);
        limit.saturating_sub(Duration::from_millis(u64::try_from(idle).unwrap_or(0)))
    }
}

/// A request that runs.
pub struct Entered(Arc<Activity>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.last.store(self.0.clock.steady(), Ordering::SeqCst);
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The body of an answer; its request runs until the body has gone out.
pub struct Counted {
    body: Body,
    _entered: Entered,
}

impl Counted {
    /// Counts the request for as long as the body is sent.
    pub fn new(body: Body, entered: Entered) -> Self {
        Counted { body, _entered: entered }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use baton_model::SystemClock;

    use super::*;

    #[test]
    fn a_running_request_keeps_the_server_awake() {
        let activity = Activity::new(Arc::new(SystemClock::start()));
        let limit = Duration::from_secs(60);
        let entered = activity.enter();
        activity.last.store(i64::MIN / 2, Ordering::SeqCst);
        assert_eq!(activity.rest(limit), limit, "one runs");
        activity.last.store(i64::MIN / 2, Ordering::SeqCst);
        drop(entered);
        let rest = activity.rest(limit);
        assert!(rest > Duration::from_secs(50), "its end starts the idle time anew: {rest:?}");
        activity.last.store(0, Ordering::SeqCst);
        assert_eq!(activity.rest(limit), Duration::ZERO);
    }
}
