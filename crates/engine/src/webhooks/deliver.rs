//! Delivery from the outbox: each message goes out until its endpoint takes it, or for so many days.
//!
//! Every lane is looked at for itself: when something new comes into it, when one of its deliveries ends, and when its
//! next is due. A slow poll beneath finds what the wakes did not tell of. Outcomes are written together, and a delivery
//! is under way until its outcome is on disk: what was sent and not recorded when the process dies goes out again,
//! under the same id.

mod record;

use std::{collections::HashMap, sync::Arc, time::Duration};

use baton_model::Millis;
use baton_store::{
    delivery::{self, Message},
    webhook::Endpoint,
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::record::{Ended, Written};
use super::{
    agenda::Agenda,
    attempt::{Tried, millis},
    lane::{Room, Sign},
    look::{Found, Look},
    pool::Pool,
};
use crate::{Engine, Error, Inner, Result};

/// How often lanes are read from the table beneath the wakes.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// Lanes that one read of the slow poll brings.
const LANES: i64 = 500;
/// Calls that are under way at the same time in all lanes that answered lately, and of one group of lanes.
const ANSWERING: (usize, usize) = (320, 160);
/// The same for all other lanes, each of which may hang.
const DOUBTFUL: (usize, usize) = (192, 32);
/// How long calls under way may go on after a stop; what has not ended then is made again after the next start.
const FAREWELL: Duration = Duration::from_secs(3);

/// Everything that delivery has in hand.
pub(crate) struct Deliverer {
    agenda: Agenda,
    answering: Pool,
    doubtful: Pool,
    calls: JoinSet<Tried>,
    /// What each call delivers.
    under_way: HashMap<Id, Sent>,
    ended: Vec<Ended>,
    /// Writes under way: of outcomes, one at a time, and of what is given up. Each answers with what is to be looked at.
    writes: JoinSet<Written>,
    is_recording: bool,
    /// How far the slow poll has come in its present round.
    swept_to: String,
}

impl Default for Deliverer {
    fn default() -> Self {
        Deliverer {
            agenda: Agenda::default(),
            answering: Pool::new(ANSWERING.0, ANSWERING.1),
            doubtful: Pool::new(DOUBTFUL.0, DOUBTFUL.1),
            calls: JoinSet::new(),
            under_way: HashMap::new(),
            ended: Vec::new(),
            writes: JoinSet::new(),
            is_recording: false,
            swept_to: String::new(),
        }
    }
}

/// Which pool a call is counted in.
#[derive(Clone, Copy)]
enum Trust {
    Answering,
    Doubtful,
}

/// A delivery whose call is under way.
struct Sent {
    lane: String,
    group: String,
    trust: Trust,
    id: String,
    attempts: i64,
}

impl Engine {
    /// Makes every delivery that is due, to its end, for simulations that move the clock themselves; answers how many
    /// attempts that were. Nothing happens while [`Engine::run_background`] runs, which does it by itself.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn deliver_due(&self) -> Result<usize> {
        let inner = &self.inner;
        let Ok(mut deliverer) = inner.outbox.deliverer.try_lock() else { return Ok(0) };
        deliverer.sweep_all(inner).await?;
        deliverer.take_news(inner);
        let mut attempts = 0;
        loop {
            attempts += deliverer.begin_due(inner).await?;
            if deliverer.calls.is_empty() && deliverer.writes.is_empty() {
                return Ok(attempts);
            }
            deliverer.step(inner).await;
        }
    }
}

impl Inner {
    /// Delivers what is due until `stop`.
    pub(crate) async fn deliver(self: &Arc<Self>, stop: &CancellationToken) {
        let mut deliverer = self.outbox.deliverer.lock().await;
        let mut sweeps = interval(SLOW_POLL);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept = deliverer.sweep_all(self).await;
        while !matches!(swept, Err(Error::Stopping)) {
            let begun = match swept {
                Ok(()) => deliverer.begin_due(self).await.map(drop),
                Err(error) => Err(error),
            };
            swept = Ok(());
            let pause = match begun {
                Ok(()) => deliverer.pause(self.clock.now()),
                Err(Error::Stopping) => break,
                Err(error) => {
                    tracing::error!(background.task = "webhooks", "the outbox could not be read: {error}");
                    SLOW_POLL
                }
            };
            tokio::select! {
                () = deliverer.step(self), if !deliverer.is_idle() => {}
                () = self.outbox.filled.notified() => deliverer.take_news(self),
                () = sleep(pause) => {}
                _ = sweeps.tick() => swept = deliverer.sweep(self).await.map(drop),
                () = stop.cancelled() => break,
            }
        }
        if timeout(FAREWELL, deliverer.finish(self)).await.is_err() {
            tracing::warn!(
                webhook.calls = deliverer.calls.len(),
                "calls to webhooks are cut; they are made again after the next start"
            );
        }
        *deliverer = Deliverer::default();
    }
}

impl Deliverer {
    fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.writes.is_empty()
    }

    /// How long there is nothing to begin, at most until the next slow poll.
    fn pause(&self, now: Millis) -> Duration {
        match self.agenda.next() {
            Some(at) => Duration::from_millis((at - now).max(1).unsigned_abs()).min(SLOW_POLL),
            None => SLOW_POLL,
        }
    }

    /// Looks at the lanes in which something new waits, and at all that are down if the settings have changed.
    fn take_news(&mut self, inner: &Inner) {
        let now = inner.clock.now();
        let news = inner.outbox.take_news();
        for name in news.filled {
            self.agenda.lane(&name).refill(now);
            self.agenda.look(&name, now);
        }
        for name in news.wanted {
            self.agenda.lane(&name).wake(now);
            self.agenda.look(&name, now);
        }
        if news.is_changed {
            self.agenda.probe_all(now);
        }
    }

    /// Reads all lanes in which something waits.
    async fn sweep_all(&mut self, inner: &Inner) -> Result<()> {
        while !self.sweep(inner).await? {}
        Ok(())
    }

    /// Reads the next lanes in which something waits; true if that was the end of a round.
    async fn sweep(&mut self, inner: &Inner) -> Result<bool> {
        let after = std::mem::take(&mut self.swept_to);
        let lanes = inner.store.read(async move |tx| delivery::lanes(tx, &after, LANES).await).await?;
        let is_end = i64::try_from(lanes.len()).is_ok_and(|number| number < LANES);
        if let (false, Some((last, _))) = (is_end, lanes.last()) {
            self.swept_to = last.clone();
        }
        for (lane, at) in lanes {
            self.agenda.look(&lane, at);
        }
        if is_end {
            self.agenda.forget_old(inner.clock.now());
        }
        metrics::gauge!("baton_webhook_lanes_down").set(self.agenda.down() as f64);
        Ok(is_end)
    }

    /// Begins what is due and finds room; answers how much.
    async fn begin_due(&mut self, inner: &Arc<Inner>) -> Result<usize> {
        let mut begun = 0;
        while let Some(lane) = self.agenda.take(inner.clock.now()) {
            let more = self.begin(inner, lane).await?;
            if more == 0 {
                self.look_at_next(inner.clock.now()); // it may have stood in line and needs no room now
            }
            begun += more;
        }
        Ok(begun)
    }

    async fn begin(&mut self, inner: &Arc<Inner>, name: String) -> Result<usize> {
        let now = inner.clock.now();
        let lane = self.agenda.lane(&name);
        let trust = if lane.answers(now) { Trust::Answering } else { Trust::Doubtful };
        let room = match lane.room(now) {
            Room::Deliveries(0) => return Ok(0), // one that ends will look again
            Room::Until(at) => {
                self.agenda.look(&name, at);
                return Ok(0);
            }
            room => room,
        };
        let busy = lane.busy().clone();
        if let Some(group) = self.agenda.group(&name).map(str::to_owned)
            && self.pool(trust).room(&group) == 0
        {
            self.pool(trust).wait(&group, &name);
            return Ok(0);
        }
        let cutoff = now.saturating_sub(millis(inner.outbox.settings().give_up_after));
        let look = Look { lane: name.clone(), busy, room, now, cutoff };
        let found = inner.store.read(async move |tx| look.look(tx).await).await;
        match found.inspect_err(|_| self.agenda.look(&name, now))? {
            Found::Nothing => self.agenda.forget(&name, now),
            Found::Overdue => self.give_up(inner, name, cutoff, now),
            Found::Due { endpoint, messages, next_at } => {
                if let Some(next_at) = next_at {
                    self.agenda.look(&name, next_at);
                }
                return Ok(self.send_all(inner, &name, messages, Arc::new(*endpoint), trust));
            }
        }
        Ok(0)
    }

    /// Sends what finds room; the rest waits for it.
    fn send_all(
        &mut self,
        inner: &Arc<Inner>,
        lane: &str,
        messages: Vec<Message>,
        endpoint: Arc<Endpoint>,
        trust: Trust,
    ) -> usize {
        // What directives name is counted apart, so that its owner's endpoints need not wait for it either.
        let of = if endpoint.url.is_empty() { "directives" } else { "endpoints" };
        let group = format!("{of} {}", endpoint.owner);
        self.agenda.belongs(lane, &group);
        let (wanted, room) = (messages.len(), self.pool(trust).room(&group));
        for message in messages.into_iter().take(room) {
            self.pool(trust).begin(&group);
            let (id, attempts) = (message.delivery.id.clone(), message.delivery.attempts);
            self.agenda.lane(lane).begin(&id, attempts);
            let (inner, endpoint) = (inner.clone(), endpoint.clone());
            let call = self.calls.spawn(async move { inner.attempt(&message, &endpoint).await });
            let (lane, group) = (lane.to_owned(), group.clone());
            self.under_way.insert(call.id(), Sent { lane, group, trust, id, attempts });
        }
        if room < wanted {
            self.pool(trust).wait(&group, lane);
        }
        room.min(wanted)
    }

    fn pool(&mut self, trust: Trust) -> &mut Pool {
        match trust {
            Trust::Answering => &mut self.answering,
            Trust::Doubtful => &mut self.doubtful,
        }
    }

    /// Sees to it that a lane for which there is room again is looked at, one of each pool.
    fn look_at_next(&mut self, now: Millis) {
        for lane in [self.answering.next(), self.doubtful.next()].into_iter().flatten() {
            self.agenda.look(&lane, now);
        }
    }

    /// Waits until a call or a write ends, and takes note of it. Dropping the future loses nothing.
    async fn step(&mut self, inner: &Arc<Inner>) {
        tokio::select! {
            Some(ended) = self.calls.join_next_with_id() => self.take_ended(inner, ended),
            Some(written) = self.writes.join_next() => self.take_written(inner, written),
            else => {}
        }
        // Whatever else has ended meanwhile is written with it.
        while let Some(ended) = self.calls.try_join_next_with_id() {
            self.take_ended(inner, ended);
        }
        self.record(inner);
    }

    fn take_ended(&mut self, inner: &Inner, ended: Result<(Id, Tried), JoinError>) {
        let call = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(sent) = self.under_way.remove(&call) else { return };
        let (now, chance) = (inner.clock.now(), inner.chance());
        self.pool(sent.trust).end(&sent.group);
        self.look_at_next(now);
        let lane = self.agenda.lane(&sent.lane);
        let was_down = lane.is_down();
        match ended {
            Ok((_, tried)) => {
                let recovered = lane.end(&sent.id, sent.attempts, tried.sign, now, chance);
                if lane.is_down() && !was_down {
                    let why = tried.outcome.error.as_deref().unwrap_or_default();
                    tracing::warn!(webhook.lane = sent.lane, "it is down, what waits is held back: {why}");
                }
                let gone = tried.gone.then_some("it answered 410 Gone");
                self.agenda.look(&sent.lane, now);
                self.ended.push(Ended { lane: sent.lane, outcome: tried.outcome, gone, recovered });
            }
            Err(error) => {
                // A bug. The lane is looked at again by the slow poll.
                tracing::error!(webhook.delivery = sent.id, "an attempt broke off: {error}");
                lane.end(&sent.id, sent.attempts, Sign::Trouble, now, chance);
                lane.recorded(&sent.id);
            }
        }
    }

    /// Waits for calls under way and writes their outcomes.
    async fn finish(&mut self, inner: &Arc<Inner>) {
        self.record(inner);
        while !self.is_idle() {
            self.step(inner).await;
        }
    }
}
