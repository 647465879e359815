//! What goes on by itself: delays and leases that end, dependencies that failed, old rows that are forgotten.

use std::{
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use baton_model::{Millis, State, lifecycle};
use baton_store::{
    directive::{self, DirectiveRow, FinalResult},
    retention,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    Engine, Error, Inner,
    queue::{
        Work,
        ending::{Halt, end_with},
    },
};

/// Longest sleep between two looks, whatever the alarm says.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// Rows that one transaction settles.
const BATCH: i64 = 100;
/// Due directives for which the slow poll wakes a poll each, in case a wake was lost.
const NUDGE: i64 = 16;
/// Looks between two nudges.
const NUDGE_EVERY: u32 = 5;
/// How often old rows are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How long things are kept. None keeps for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Events.
    pub events: Option<Duration>,
    /// Directives that have ended, with their results.
    pub results: Option<Duration>,
    /// What agents said while they worked.
    pub transcripts: Option<Duration>,
}

/// When the next look is planned; rung when something is due earlier.
pub(crate) struct Alarm {
    planned: AtomicI64,
    earlier: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Alarm { planned: AtomicI64::new(Millis::MAX), earlier: Notify::new() }
    }
}

impl Alarm {
    pub fn ring_at(&self, at: Millis) {
        if at < self.planned.load(Ordering::Acquire) {
            self.earlier.notify_one();
        }
    }
}

impl Engine {
    /// Runs everything that goes on by itself until `stop`.
    pub async fn run_background(&self, stop: CancellationToken) {
        let inner = &self.inner;
        tokio::join!(inner.schedule(&stop), inner.forget(&stop), inner.follow_events(&stop), inner.deliver(&stop));
    }

    /// One look at what is due, for simulations that move the clock themselves.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn look(&self) -> Result<(), Error> {
        while self.inner.look().await?.is_zero() {}
        Ok(())
    }
}

impl Inner {
    async fn schedule(self: &Arc<Self>, stop: &CancellationToken) {
        for look in 1_u32.. {
            let sleep = match self.look().await {
                Ok(sleep) => sleep,
                Err(Error::Stopping) => return,
                Err(error) => {
                    tracing::error!(background.task = "schedule", "the queue could not be looked after: {error}");
                    SLOW_POLL
                }
            };
            if look.is_multiple_of(NUDGE_EVERY) {
                self.nudge().await;
            }
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.alarm.earlier.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Settles what can be settled now and says how long there is nothing more to do.
    async fn look(self: &Arc<Self>) -> Result<Duration, Error> {
        let (now, steady) = (self.clock.now(), self.clock.steady());
        self.alarm.planned.store(now.max(steady) + 1000, Ordering::Release);
        let (due, _) = self.store.read(async move |tx| directive::next_alarms(tx).await).await?;
        let mut settled = 0;
        if due.is_some_and(|due| due <= now) {
            let promoted = self.store.write_in_background(async move |tx| directive::promote_due(tx, now, BATCH).await);
            settled += promoted.await?;
        }
        let (doomed, expired) = self.store.read(async move |tx| directive::unsettled(tx, steady, BATCH).await).await?;
        for row in doomed {
            let error = "a directive that it depends on was not carried out";
            settled += told(self.give_up(row, State::Failed, "Not carried out.", error).await)?;
        }
        for row in expired {
            settled += told(self.expire(row).await)?;
        }
        if settled > 0 {
            return Ok(Duration::ZERO); // what waited for these can be settled next
        }
        let (due, lease) = self.store.read(async move |tx| directive::next_alarms(tx).await).await?;
        let until = |at: Option<Millis>, now: Millis| at.map_or(SLOW_POLL, |at| millis(at - now + 1));
        let sleep = until(due.filter(|due| *due > now), self.clock.now());
        let sleep = sleep.min(until(lease.filter(|lease| *lease > steady), self.clock.steady())).min(SLOW_POLL);
        let ahead = Millis::try_from(sleep.as_millis()).unwrap_or(1000);
        self.alarm.planned.store(self.clock.now().min(self.clock.steady()) + ahead, Ordering::Release);
        Ok(sleep)
    }

    /// Hands a directive whose lease ran out to the next agent, or gives it up.
    async fn expire(self: &Arc<Self>, row: DirectiveRow) -> Result<(), Error> {
        metrics::counter!("baton_leases_expired_total").increment(1);
        let deliveries = row.expiries + 1;
        if lifecycle::is_dead(row.expiries, self.settings().max_deliveries) {
            let error = format!("timeout: no result after {deliveries} deliveries");
            return self.give_up(row, State::Dead, "Its lease ran out each time it was handed out.", &error).await;
        }
        let (now, steady) = (self.clock.now(), self.clock.steady());
        let write = self.store.write_in_background(async move |tx| {
            let present = directive::get(tx, &row.id).await?;
            match present.filter(|present| still_expired(present, &row, steady)) {
                Some(present) => directive::expire(tx, &present, now).await,
                None => Ok(()), // reported, renewed or called off meanwhile
            }
        });
        Ok(write.await?)
    }

    /// Ends a directive without a report.
    async fn give_up(
        self: &Arc<Self>,
        row: DirectiveRow,
        state: State,
        result: &str,
        error: &str,
    ) -> Result<(), Error> {
        let result = FinalResult {
            success: false,
            result: result.to_owned(),
            error: Some(error.to_owned()),
            execution_time: None,
            metadata: serde_json::Map::new(),
        };
        let follow_ups = self.work_out_follow_ups(row.clone(), result.clone()).await?;
        let (now, steady) = (self.clock.now(), self.clock.steady());
        let write = self.store.write_in_background(async move |tx| {
            let present = directive::get(tx, &row.id).await?;
            let unchanged = |present: &DirectiveRow| match state {
                State::Dead => still_expired(present, &row, steady),
                _ => present.state == State::Waiting && present.unmet < 0,
            };
            match present.filter(unchanged) {
                Some(present) => end_with(tx, &present, state, result.clone(), Some(&follow_ups), now).await,
                None => Ok(()),
            }
        });
        match write.await {
            Err(Halt::Refused(error)) => Err(error),
            Ok(()) | Err(Halt::NeedsFollowUps(_)) => Ok(()), // changed meanwhile: the next look sees it
        }
    }

    async fn nudge(&self) {
        if self.waiters.count() == 0 {
            return;
        }
        if let Ok(due) = self.store.read(async move |tx| directive::first_queued(tx, NUDGE).await).await {
            for row in due {
                self.waiters.wake(Work { id: row.id, agent: row.agent, tags: row.request.tags });
            }
        }
    }

    async fn forget(&self, stop: &CancellationToken) {
        loop {
            let (now, retention) = (self.clock.now(), self.retention());
            let before =
                |kept: Option<Duration>| kept.and_then(|kept| now.checked_sub(kept.as_millis().try_into().ok()?));
            let before = retention::Before {
                events: before(retention.events),
                results: before(retention.results),
                transcripts: before(retention.transcripts),
                now,
            };
            let more = self.store.write_in_background(async move |tx| retention::forget(tx, &before).await).await;
            let pause = match more {
                Ok(true) => Duration::from_millis(20),
                Ok(false) => FORGET_EVERY,
                Err(baton_store::Error::Closed) => return,
                Err(error) => {
                    tracing::error!(background.task = "forget", "old rows could not be forgotten: {error}");
                    FORGET_EVERY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// Whether the lease that was seen to have run out is still the present one, and still run out.
fn still_expired(present: &DirectiveRow, seen: &DirectiveRow, steady: Millis) -> bool {
    present.state == State::Leased
        && present.attempt == seen.attempt
        && present.lease.as_ref().is_some_and(|lease| lease.ends_at <= steady)
}

/// One row that cannot be settled holds up no other: 1 if it was settled, 0 if that was logged.
fn told(outcome: Result<(), Error>) -> Result<usize, Error> {
    match outcome {
        Ok(()) => Ok(1),
        Err(Error::Stopping) => Err(Error::Stopping),
        Err(error) => {
            tracing::error!(background.task = "schedule", "a directive could not be settled: {error}");
            Ok(0)
        }
    }
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}
