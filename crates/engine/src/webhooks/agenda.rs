//! Which lane is looked at when. It is made again from the table after a start.

use std::collections::{BTreeSet, HashMap};

use baton_model::Millis;

use super::lane::Lane;

/// Every lane in which something waits or is under way.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    lanes: HashMap<String, Known>,
    looks: BTreeSet<(Millis, String)>,
}

#[derive(Debug, Default)]
struct Known {
    lane: Lane,
    /// Whose it is; nothing until something of it has been read.
    group: Option<String>,
    look_at: Option<Millis>,
}

impl Known {
    fn is_idle(&self, now: Millis) -> bool {
        self.lane.is_idle(now) && self.look_at.is_none()
    }
}

impl Agenda {
    /// The lane of that name; a new one is well.
    pub fn lane(&mut self, name: &str) -> &mut Lane {
        &mut self.lanes.entry(name.to_owned()).or_default().lane
    }

    /// Whose calls a lane's are counted with.
    pub fn group(&self, name: &str) -> Option<&str> {
        self.lanes.get(name)?.group.as_deref()
    }

    /// Remembers whose a lane is.
    pub fn belongs(&mut self, name: &str, group: &str) {
        self.lanes.entry(name.to_owned()).or_default().group.get_or_insert_with(|| group.to_owned());
    }

    /// Sees to it that the lane is looked at then, or earlier.
    pub fn look(&mut self, name: &str, at: Millis) {
        let known = self.lanes.entry(name.to_owned()).or_default();
        if known.look_at.is_some_and(|planned| planned <= at) {
            return;
        }
        if let Some(later) = known.look_at.replace(at) {
            self.looks.remove(&(later, name.to_owned()));
        }
        self.looks.insert((at, name.to_owned()));
    }

    /// Takes the first lane whose look is due.
    pub fn take(&mut self, now: Millis) -> Option<String> {
        if self.looks.first()?.0 > now {
            return None;
        }
        let (_, name) = self.looks.pop_first()?;
        if let Some(known) = self.lanes.get_mut(&name) {
            known.look_at = None;
        }
        Some(name)
    }

    /// When the next look is due.
    pub fn next(&self) -> Option<Millis> {
        self.looks.first().map(|(at, _)| *at)
    }

    /// Forgets a lane in which nothing waits, unless something is under way there or it is known to answer.
    pub fn forget(&mut self, name: &str, now: Millis) {
        if self.lanes.get(name).is_some_and(|known| known.is_idle(now)) {
            self.lanes.remove(name);
        }
    }

    /// Forgets every lane that answered once and has had nothing to deliver for long.
    pub fn forget_old(&mut self, now: Millis) {
        self.lanes.retain(|_, known| !known.lane.is_stale(now) || !known.is_idle(now));
    }

    /// Lets every lane that is down be probed now.
    pub fn probe_all(&mut self, now: Millis) {
        let down = self.lanes.iter_mut().filter(|(_, known)| known.lane.is_down());
        let names: Vec<String> = down
            .map(|(name, known)| {
                known.lane.probe_now(now);
                name.clone()
            })
            .collect();
        names.iter().for_each(|name| self.look(name, now));
    }

    /// How many lanes are down.
    pub fn down(&self) -> usize {
        self.lanes.values().filter(|known| known.lane.is_down()).count()
    }
}
