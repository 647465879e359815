//! Results by the minute, counted as little as can be: what is past does not change, so it is counted once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use baton_model::{Millis, clock, principal::Scope};
use baton_store::directive::{self, MinuteCount};

use crate::{Engine, Principal, Result};

/// How far back: an hour, and the minute that runs.
const MINUTES: i64 = 61;
/// In milliseconds.
const MINUTE: Millis = 60_000;
/// A result is stamped before it is written, so the last seconds may still change.
const UNSETTLED: Millis = 10_000;
/// For how many principals counts are kept.
const KEPT: usize = 64;

/// The results of one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minute {
    /// Its beginning: ISO 8601, UTC.
    pub at: String,
    /// How many minutes ago it was; 0 for the one that runs.
    pub ago: i64,
    /// Results that tell success.
    pub succeeded: i64,
    /// All other results.
    pub failed: i64,
}

/// What has been counted for good, by owner.
#[derive(Debug, Default)]
pub(crate) struct Throughput(Mutex<HashMap<Option<String>, Counted>>);

#[derive(Clone, Debug, Default)]
struct Counted {
    /// Results before this moment are in.
    until: Millis,
    /// Succeeded and failed by minute.
    minutes: BTreeMap<i64, (i64, i64)>,
}

impl Counted {
    fn add(&mut self, count: &MinuteCount) {
        let (succeeded, failed) = self.minutes.entry(count.minute).or_default();
        *succeeded += count.succeeded;
        *failed += count.failed;
    }
}

impl Engine {
    /// Results of the last hour by the minute, oldest first; minutes without any are left out.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`], or if the store is unavailable.
    pub async fn throughput(&self, who: &Principal) -> Result<Vec<Minute>> {
        who.may(Scope::Read)?;
        let (owner, now) = (who.only(), self.inner.clock.now());
        let this_minute = now / MINUTE;
        let first = this_minute - MINUTES + 1;
        let kept = self.inner.throughput.get(&owner);
        // A clock that was set back makes what was counted worthless.
        let mut counted = kept.filter(|kept| kept.until <= now).unwrap_or_default();
        counted.minutes.retain(|minute, _| *minute >= first);
        let since = counted.until.max(first * MINUTE);
        let settled = since.max(now - UNSETTLED);
        let asked = owner.clone();
        let counts = self
            .inner
            .store
            .read(async move |tx| directive::by_minute(tx, asked.as_deref(), since, settled).await)
            .await?;
        counts.iter().filter(|count| count.settled).for_each(|count| counted.add(count));
        counted.until = settled;
        self.inner.throughput.keep(owner, counted.clone());
        counts.iter().filter(|count| !count.settled).for_each(|count| counted.add(count));
        let shown = counted.minutes.into_iter().map(|(minute, (succeeded, failed))| {
            let ago = (this_minute - minute).max(0);
            Minute { at: clock::iso(minute * MINUTE), ago, succeeded, failed }
        });
        Ok(shown.collect())
    }
}

impl Throughput {
    fn get(&self, owner: &Option<String>) -> Option<Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(owner).cloned()
    }

    /// Of two that counted at the same time, the one that got further is kept.
    fn keep(&self, owner: Option<String>, counted: Counted) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&owner) {
            kept.clear();
        }
        let before = kept.entry(owner).or_default();
        if before.until <= counted.until {
            *before = counted;
        }
    }
}
