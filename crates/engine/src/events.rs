//! The log of events as a stream: what is kept first, then what happens, in order and without a gap.
//!
//! One task reads new rows once for all listeners and keeps the latest in memory. A listener that has fallen behind
//! reads the table by itself until it has caught up, so a slow one loses nothing and holds nobody up.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use baton_model::{event::EventFilter, fault::Faults, principal::Scope, view::EventView};
use baton_store::event::{self, Event};
use tokio::sync::watch;

use crate::{
    Engine, Error, Inner, Principal, Result,
    limits::{Held, Holding},
    tokens::Admission,
};

/// Events that are kept in memory for listeners that are nearly up to date.
const KEPT: usize = 4096;
/// Events that one read of the table brings to the tail.
const BATCH: i64 = 1000;
/// Events that a listener is given at once: what is on its way to a slow one is held in memory.
const PIECE: usize = 256;
/// How long the tail rests after it has brought something: listeners are then woken for some events together, which
/// costs far less where there are many of both, and nobody sees so short a delay.
const BREATH: Duration = Duration::from_millis(5);
/// Beneath the wakes, in case one was lost.
const SLOW_POLL: Duration = Duration::from_secs(1);

/// An event on its way to listeners; its JSON is written once for all of them.
#[derive(Debug)]
pub struct Fact {
    event: Event,
    json: OnceLock<String>,
}

impl Fact {
    fn new(event: Event) -> Arc<Self> {
        Arc::new(Fact { event, json: OnceLock::new() })
    }

    /// Its place in the log.
    pub fn seq(&self) -> i64 {
        self.event.seq
    }

    /// `directive.queued`, …
    pub fn kind(&self) -> &str {
        &self.event.kind
    }

    /// The event as it is shown.
    pub fn view(&self) -> EventView {
        self.event.view()
    }

    /// The same as JSON, on one line.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| serde_json::to_string(&self.view()).unwrap_or_default())
    }
}

/// The latest events, and how far they go.
pub(crate) struct Tail {
    latest: Mutex<VecDeque<Arc<Fact>>>,
    /// The place up to which [`Tail::latest`] is complete; listeners wait for it to grow.
    read_to: watch::Sender<i64>,
    /// Rung when the table has grown.
    grown: tokio::sync::Notify,
}

impl Default for Tail {
    fn default() -> Self {
        Tail { latest: Mutex::default(), read_to: watch::channel(-1).0, grown: tokio::sync::Notify::new() }
    }
}

impl Tail {
    /// Tells that the table has grown.
    pub fn ring(&self) {
        self.grown.notify_one();
    }

    /// The first events after a place, from memory; none if memory does not go back so far.
    fn after(&self, seq: i64) -> Option<Vec<Arc<Fact>>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let first = latest.front()?.seq();
        if first > seq + 1 {
            return None;
        }
        let start = latest.partition_point(|fact| fact.seq() <= seq);
        Some(latest.iter().skip(start).take(PIECE).cloned().collect())
    }
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With what happens from now on.
    Now,
    /// After that place in the log.
    After(i64),
}

/// A stream of events. Dropping it ends it.
pub struct Events {
    inner: Arc<Inner>,
    filter: EventFilter,
    /// Everything up to here has been looked at.
    seq: i64,
    read_to: watch::Receiver<i64>,
    gap: Option<Gap>,
    admission: Admission,
    _held: Holding,
}

/// What a stream cannot tell any more: events that were asked for and are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The place that was asked for.
    pub after: i64,
    /// The oldest that is kept.
    pub oldest: i64,
}

impl Engine {
    /// Opens a stream of the events that the principal may hear of.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a kind that is none; [`Error::TooMany`].
    pub async fn events(&self, who: &Principal, filter: EventFilter, from: From) -> Result<Events> {
        who.may(Scope::Read)?;
        let mut faults = Faults::default();
        filter.kinds.iter().for_each(|kind| baton_model::event::check_pattern("kind", kind, &mut faults));
        faults.into_result()?;
        let held = self.inner.limits.hold(Held::Stream, who)?;
        let read_to = self.inner.tail.read_to.subscribe();
        self.inner.tail.ring(); // the tail sleeps while nobody listens
        let admission = self.inner.admission(who);
        let (oldest, last) = self.inner.store.read(async move |tx| event::ends(tx).await).await?;
        let oldest = if oldest == 0 { last + 1 } else { oldest };
        let (seq, gap) = match from {
            From::Now => (last, None),
            From::After(after) if !(0..=last).contains(&after) => {
                return Err(Error::field("after", format!("{after} is no place in this log, which ends at {last}")));
            }
            From::After(after) if after + 1 < oldest => (oldest - 1, Some(Gap { after, oldest })),
            From::After(after) => (after, None),
        };
        let filter = EventFilter { owner: who.only(), ..filter };
        Ok(Events { inner: self.inner.clone(), filter, seq, read_to, gap, admission, _held: held })
    }
}

impl Events {
    /// What was asked for and is no longer kept; told once. Look for it before the first [`Events::next`] and after each:
    /// what a very slow listener has not come to may be forgotten meanwhile.
    pub fn gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// The place up to which everything has been told: where to go on after a break.
    pub fn place(&self) -> i64 {
        self.seq
    }

    /// Waits for the next events that fit: some, or only a gap. None when the server stops, or when the token that
    /// opened the stream is let in no more. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Fact>>>> {
        loop {
            if self.inner.stopping.is_cancelled() || !self.admission.holds(&self.inner).await? {
                return Ok(None);
            }
            let read_to = *self.read_to.borrow_and_update();
            let mut more = match self.inner.tail.after(self.seq) {
                Some(latest) => latest,
                None => self.read().await?,
            };
            let reached = more.last().map_or(read_to, |last| last.seq());
            if reached <= self.seq {
                tokio::select! {
                    changed = self.read_to.wait_for(|read_to| *read_to > self.seq) => drop(changed),
                    ended = self.admission.ended(&self.inner) => ended?,
                    () = self.inner.stopping.cancelled() => {}
                }
                continue;
            }
            // The log has no holes but where the oldest were forgotten.
            let oldest = more.first().map_or(reached + 1, |first| first.seq());
            if oldest > self.seq + 1 {
                self.gap = Some(Gap { after: self.seq, oldest });
            }
            self.seq = reached;
            more.retain(|fact| fact.event.passes(&self.filter));
            if !more.is_empty() || self.gap.is_some() {
                return Ok(Some(more));
            }
            tokio::task::yield_now().await;
        }
    }

    /// What follows in the table.
    async fn read(&self) -> Result<Vec<Arc<Fact>>> {
        let seq = self.seq;
        let limit = i64::try_from(PIECE).unwrap_or(BATCH);
        let read = self.inner.store.read(async move |tx| event::after(tx, seq, limit).await).await?;
        Ok(read.into_iter().map(Fact::new).collect())
    }
}

impl Inner {
    /// Reads new events for everybody who listens, until `stop`.
    pub(crate) async fn follow_events(&self, stop: &tokio_util::sync::CancellationToken) {
        loop {
            tokio::select! {
                () = self.tail.grown.notified() => {}
                () = tokio::time::sleep(SLOW_POLL) => {}
                () = stop.cancelled() => return,
            }
            match self.read_events().await {
                Ok(()) => tokio::time::sleep(BREATH).await,
                Err(Error::Stopping) => return,
                Err(error) => {
                    tracing::error!(background.task = "events", "the log of events could not be read: {error}");
                    tokio::time::sleep(SLOW_POLL).await;
                }
            }
        }
    }

    async fn read_events(&self) -> Result<()> {
        let tail = &self.tail;
        if tail.read_to.receiver_count() == 0 {
            // Nobody listens: what is kept would only grow old.
            tail.latest.lock().unwrap_or_else(PoisonError::into_inner).clear();
            tail.read_to.send_replace(-1);
            return Ok(());
        }
        loop {
            let mut seq = *tail.read_to.borrow();
            if seq < 0 {
                (_, seq) = self.store.read(async move |tx| event::ends(tx).await).await?;
                tail.read_to.send_replace(seq);
            }
            let more = self.store.read(async move |tx| event::after(tx, seq, BATCH).await).await?;
            let Some(last) = more.last().map(|event| event.seq) else { return Ok(()) };
            {
                let mut latest = tail.latest.lock().unwrap_or_else(PoisonError::into_inner);
                latest.extend(more.into_iter().map(Fact::new));
                let surplus = latest.len().saturating_sub(KEPT);
                latest.drain(..surplus);
            }
            tail.read_to.send_replace(last);
        }
    }
}
