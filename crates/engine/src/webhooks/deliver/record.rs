//! Writing what came of deliveries: outcomes together, one write at a time, and what is given up.

use std::{sync::Arc, time::Duration};

use baton_model::Millis;
use baton_store::delivery::{self, Outcome};
use tokio::{task::JoinError, time::sleep};

use super::{super::endpoints, Deliverer};
use crate::{Inner, Result};

/// Outcomes that are written in one transaction.
const BATCH: usize = 64;
/// Deliveries that are given up or brought forward in one transaction.
const CHANGES: i64 = 200;
/// How long after a write that failed it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A delivery whose call has ended.
#[derive(Clone)]
pub(super) struct Ended {
    pub lane: String,
    pub outcome: Outcome,
    /// Why its endpoint is not called any more.
    pub gone: Option<&'static str>,
    /// Whether that brought its lane up.
    pub recovered: bool,
}

/// What has been written.
pub(super) enum Written {
    /// Outcomes of these deliveries, with their lanes.
    Outcomes(Vec<(String, String)>),
    /// What was given up in a lane.
    GivenUp(String),
}

impl Deliverer {
    /// Writes what has ended, unless a write is under way already: then it is written after that one.
    pub(super) fn record(&mut self, inner: &Arc<Inner>) {
        if self.is_recording || self.ended.is_empty() {
            return;
        }
        let batch: Vec<Ended> = self.ended.drain(..self.ended.len().min(BATCH)).collect();
        self.is_recording = true;
        let inner = inner.clone();
        self.writes.spawn(async move {
            inner.record(&batch).await;
            Written::Outcomes(batch.into_iter().map(|ended| (ended.lane, ended.outcome.id)).collect())
        });
    }

    pub(super) fn take_written(&mut self, inner: &Inner, written: Result<Written, JoinError>) {
        let now = inner.clock.now();
        match written {
            Ok(Written::Outcomes(recorded)) => {
                self.is_recording = false;
                for (lane, id) in recorded {
                    self.agenda.lane(&lane).recorded(&id);
                    self.agenda.look(&lane, now);
                }
            }
            Ok(Written::GivenUp(lane)) => self.agenda.look(&lane, now),
            Err(error) => {
                // A bug. What it was about stays where it is until the next start.
                self.is_recording = false;
                tracing::error!(background.task = "webhooks", "a write broke off: {error}");
            }
        }
    }

    pub(super) fn give_up(&mut self, inner: &Arc<Inner>, lane: String, cutoff: Millis, now: Millis) {
        let inner = inner.clone();
        self.writes.spawn(async move {
            let of = lane.clone();
            let write =
                inner.store.write_in_background(async move |tx| delivery::give_up(tx, &of, cutoff, now, CHANGES).await);
            if let Err(error) = write.await {
                tracing::error!(webhook.lane = lane, "deliveries could not be given up: {error}");
                sleep(PAUSE).await;
            }
            Written::GivenUp(lane)
        });
    }
}

impl Inner {
    /// Writes outcomes until it succeeds or the store is closed, then brings forward what waits in lanes that are up
    /// again.
    async fn record(&self, batch: &[Ended]) {
        let (ended, now): (Arc<[Ended]>, _) = (batch.into(), self.clock.now());
        loop {
            let ended = ended.clone();
            // Not in the background: endpoints would wait for each other's records on a busy queue.
            let write = self.store.write(async move |tx| {
                for ended in ended.iter() {
                    delivery::record(tx, &ended.outcome).await?;
                    if let Some(reason) = &ended.gone {
                        endpoints::disable(tx, &ended.lane, reason, now).await?;
                    }
                }
                Ok::<_, baton_store::Error>(())
            });
            match write.await {
                Ok(()) => break,
                Err(baton_store::Error::Closed) => return,
                Err(error) => {
                    tracing::error!(background.task = "webhooks", "outcomes could not be written: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
        for ended in batch.iter().filter(|ended| ended.recovered) {
            tracing::info!(webhook.lane = ended.lane, "it answers again");
            if let Err(error) = self.bring_forward(&ended.lane, now).await {
                tracing::error!(webhook.lane = ended.lane, "deliveries could not be brought forward: {error}");
            }
        }
    }

    async fn bring_forward(&self, lane: &str, now: Millis) -> Result<()> {
        loop {
            let of = lane.to_owned();
            let write =
                self.store.write_in_background(async move |tx| delivery::bring_forward(tx, &of, now, CHANGES).await);
            if write.await? < CHANGES.unsigned_abs() {
                return Ok(());
            }
        }
    }
}
