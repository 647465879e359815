//! What is known of one lane: what is under way in it, and whether its endpoint answers at all.
//!
//! A lane goes down when [`TROUBLE`] messages in a row failed in a way that is the endpoint's doing, or when it asks
//! for rest. Then one message at a time is tried, with growing pauses, and the others wait. The first answer brings
//! the lane up. A message that fails alone holds nobody up: while others are taken, the lane is well.

use std::collections::HashSet;

use baton_model::Millis;

/// Calls at the same time of a lane that answered lately; any other has one.
const WIDTH: usize = 8;
/// How long a lane that answered counts as one that answers.
const TRUST: Millis = 3_600_000;
/// Deliveries of one lane whose outcome is not in the table yet, calls included: so many are sent again after a crash
/// at most.
const UNRECORDED: usize = 40;
/// So many messages that fail in a row are a sign that it is not the messages.
const TROUBLE: usize = 3;
/// The pause before the first probe of a lane that is down; each further one is twice as long.
const FIRST_PAUSE: Millis = 5_000;
/// The longest pause between two probes.
const LONGEST_PAUSE: Millis = 600_000;

/// What an attempt tells of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answers; what it says of this message is the message's own affair.
    Alive,
    /// It does not answer, or says that it cannot.
    Trouble,
    /// It asks to be left alone, for so many milliseconds.
    Rest(Millis),
}

/// How many deliveries may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// So many; none if it is 0.
    Deliveries(usize),
    /// One, due or not, to see whether the endpoint is back.
    Probe,
    /// One that is due, to see whether the endpoint has rested enough.
    DueProbe,
    /// None before that time.
    Until(Millis),
}

/// One lane.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// What is under way, until its outcome is in the table.
    busy: HashSet<String>,
    /// How many of these are still being called.
    calls: usize,
    /// Messages that failed since the endpoint last answered.
    failing: HashSet<String>,
    /// When the endpoint last answered.
    answered_at: Option<Millis>,
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    /// Pauses so far.
    pauses: i32,
    /// When the next probe is due.
    probe_at: Millis,
    /// Whether the endpoint asked for this pause.
    rests: bool,
    /// The probe under way.
    probe: Option<String>,
    /// Whether the latest probe was a message that had failed before, because no other waited.
    was_stale: bool,
}

impl Lane {
    /// How many deliveries may begin now.
    pub fn room(&self, now: Millis) -> Room {
        match &self.down {
            None => {
                let width = if self.answers(now) { WIDTH } else { 1 };
                let (calls, unrecorded) =
                    (width.saturating_sub(self.calls), UNRECORDED.saturating_sub(self.busy.len()));
                Room::Deliveries(calls.min(unrecorded))
            }
            Some(_) if !self.busy.is_empty() => Room::Deliveries(0),
            Some(down) if down.probe_at > now => Room::Until(down.probe_at),
            Some(down) if down.rests => Room::DueProbe,
            Some(_) => Room::Probe,
        }
    }

    /// Whether it is up and has answered lately.
    pub fn answers(&self, now: Millis) -> bool {
        self.down.is_none() && self.answered_at.is_some_and(|at| now - at < TRUST)
    }

    /// What is under way.
    pub fn busy(&self) -> &HashSet<String> {
        &self.busy
    }

    /// Whether the endpoint is taken to be down.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether there is nothing worth to be remembered once nothing waits in it.
    pub fn is_idle(&self, now: Millis) -> bool {
        self.busy.is_empty() && !self.answers(now)
    }

    /// Whether it answered, but not lately, and nothing is known of it since.
    pub fn is_stale(&self, now: Millis) -> bool {
        self.answered_at.is_some() && !self.answers(now) && !self.is_down() && self.failing.is_empty()
    }

    /// A delivery begins; `attempts` is how often it was tried before.
    pub fn begin(&mut self, id: &str, attempts: i64) {
        self.busy.insert(id.to_owned());
        self.calls += 1;
        if let Some(down) = &mut self.down {
            (down.probe, down.was_stale) = (Some(id.to_owned()), attempts > 0);
        }
    }

    /// A call has ended; true if it was a probe that brings the lane up: then what failed is worth another try. An
    /// answer to a call from before brings it up, too, but may be luck with an endpoint that fails every other time.
    /// Only first attempts take a lane down, so that poisoned messages do not when they are tried again. `chance` from
    /// 0 to 1 spreads the pauses.
    pub fn end(&mut self, id: &str, attempts: i64, sign: Sign, now: Millis, chance: f64) -> bool {
        self.calls = self.calls.saturating_sub(1);
        let rest = match sign {
            Sign::Alive => {
                self.failing.clear();
                self.answered_at = Some(now);
                return self.down.take().is_some_and(|down| down.probe.as_deref() == Some(id));
            }
            Sign::Trouble => None,
            Sign::Rest(millis) => Some(millis),
        };
        if attempts == 0 {
            self.failing.insert(id.to_owned());
        }
        match &mut self.down {
            Some(down) if down.probe.as_deref() == Some(id) => {
                (down.probe, down.pauses) = (None, down.pauses + 1);
                down.pause(rest, now, chance);
            }
            // It began before the lane went down, and tells nothing new unless it asks for rest.
            Some(down) => {
                if let Some(rest) = rest {
                    (down.probe_at, down.rests) = (down.probe_at.max(now.saturating_add(rest)), true);
                }
            }
            None if rest.is_some() || self.failing.len() >= TROUBLE => {
                let mut down = Down { pauses: 1, probe_at: now, rests: false, probe: None, was_stale: false };
                down.pause(rest, now, chance);
                self.down = Some(down);
            }
            None => {}
        }
        false
    }

    /// The outcome of a delivery is in the table.
    pub fn recorded(&mut self, id: &str) {
        self.busy.remove(id);
    }

    /// Something new waits here. It need not wait for a probe that would only try an old failure again.
    pub fn refill(&mut self, now: Millis) {
        if let Some(down) = self.down.as_mut().filter(|down| down.was_stale && !down.rests) {
            down.probe_at = down.probe_at.min(now);
        }
    }

    /// Lets the next probe begin now, unless the endpoint asked for rest: what may be called has changed.
    pub fn probe_now(&mut self, now: Millis) {
        if let Some(down) = self.down.as_mut().filter(|down| !down.rests) {
            down.probe_at = now;
        }
    }

    /// Lets the next probe begin now, even if the endpoint asked for rest: somebody wants it to be called.
    pub fn wake(&mut self, now: Millis) {
        if let Some(down) = &mut self.down {
            (down.probe_at, down.rests) = (now, false);
        }
    }
}

impl Down {
    fn pause(&mut self, rest: Option<Millis>, now: Millis, chance: f64) {
        let pause = (FIRST_PAUSE << (self.pauses - 1).clamp(0, 20)).min(LONGEST_PAUSE);
        let spread = (pause as f64 * (0.95 + 0.1 * chance)).round() as Millis;
        self.rests = rest.is_some();
        self.probe_at = now.saturating_add(spread.max(rest.unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests;
