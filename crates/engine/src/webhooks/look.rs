//! One look at a lane: what may begin there now.

use std::collections::HashSet;

use baton_model::Millis;
use baton_store::{
    Tx,
    delivery::{self, Message, Waiting},
    webhook::{self, Endpoint},
};

use super::lane::Room;
use crate::Result;

/// Of how many that wait a probe takes the one that was tried least often.
const CHOICE: usize = 32;

/// What is looked for.
pub(super) struct Look {
    pub lane: String,
    pub busy: HashSet<String>,
    pub room: Room,
    pub now: Millis,
    /// What waits since before this is given up, if it is not attempted.
    pub cutoff: Millis,
}

/// What was found.
pub(super) enum Found {
    /// Nothing to deliver, or an endpoint that is not called.
    Nothing,
    /// Something that must be given up first.
    Overdue,
    /// What may begin, and when to look again for what is due later.
    Due { endpoint: Box<Endpoint>, messages: Vec<Message>, next_at: Option<Millis> },
}

impl Look {
    pub async fn look(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let (most, is_probe) = match self.room {
            Room::Deliveries(most) => (most, false),
            Room::Probe | Room::DueProbe => (1, true),
            Room::Until(_) => return Ok(Found::Nothing),
        };
        let read = self.busy.len() + if is_probe { CHOICE } else { most + 1 };
        let mut waiting = delivery::waiting(tx, &self.lane, i64::try_from(read).unwrap_or(i64::MAX)).await?;
        waiting.retain(|one| !self.busy.contains(&one.id));
        let Some(first) = waiting.first() else { return Ok(Found::Nothing) };
        let Some(endpoint) = webhook::get(tx, &first.webhook_id).await? else { return Ok(Found::Nothing) };
        let is_attempted = endpoint.enabled && !is_probe;
        if !is_attempted && delivery::is_overdue(tx, &self.lane, self.cutoff).await? {
            return Ok(Found::Overdue);
        }
        if !endpoint.enabled {
            return Ok(Found::Nothing);
        }
        let due = waiting.iter().filter(|one| one.next_at <= self.now);
        let chosen: Vec<&Waiting> = match self.room {
            Room::Probe => freshest(waiting.iter()),
            Room::DueProbe => freshest(due),
            _ => due.take(most).collect(),
        };
        let mut messages = Vec::with_capacity(chosen.len());
        for one in &chosen {
            messages.extend(delivery::message(tx, &one.id).await?);
        }
        // More that is due by now begins when one of these has ended.
        let next_at = waiting.iter().map(|one| one.next_at).find(|at| *at > self.now);
        let next_at = next_at.filter(|_| !is_probe || chosen.is_empty());
        Ok(Found::Due { endpoint: Box::new(endpoint), messages, next_at })
    }
}

/// What a probe tries: the one that failed least often, because it may be the others that are poisoned.
fn freshest<'w>(waiting: impl Iterator<Item = &'w Waiting>) -> Vec<&'w Waiting> {
    waiting.min_by_key(|one| (one.attempts, one.next_at)).into_iter().collect()
}
