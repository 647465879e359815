//! How much one principal may ask for, so that one cannot crowd out the others.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::{Error, Principal, Result};

/// What the operator allows each principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in a second on average, and how many may come at once; none is no limit.
    pub requests: Option<(NonZeroU32, NonZeroU32)>,
    /// Polls that wait at the same time.
    pub waiting_polls: usize,
    /// Streams of events that are open at the same time.
    pub event_streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { requests: None, waiting_polls: 20_000, event_streams: 512 }
    }
}

/// Counts what each principal asks for.
pub(crate) struct Limiter {
    limits: RwLock<(Limits, Option<DefaultKeyedRateLimiter<Arc<str>>>)>,
    held: Counts,
}

/// How much of what each principal holds.
type Counts = Arc<Mutex<HashMap<(Held, Arc<str>), usize>>>;

/// What is held for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Held {
    Poll,
    Stream,
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Limiter { limits: RwLock::new((limits, rate(limits))), held: Arc::default() }
    }

    /// Takes new limits; rates are counted anew.
    pub fn set(&self, limits: Limits) {
        let mut present = self.limits.write().unwrap_or_else(PoisonError::into_inner);
        if present.0 != limits {
            *present = (limits, rate(limits));
        }
    }

    /// Counts a request.
    pub fn admit(&self, who: &Principal) -> Result<()> {
        let present = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = &present.1 else { return Ok(()) };
        rate.check_key(&who.name).map_err(|until| Error::TooMany {
            detail: format!("`{}` asks more often than it may (`limits.requests_per_second`)", who.name),
            retry_after: until.wait_time_from(rate.clock().now()),
        })
    }

    /// Counts something that is held until what comes back is dropped.
    pub fn hold(&self, what: Held, who: &Principal) -> Result<Holding> {
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner).0;
        let (most, words) = match what {
            Held::Poll => (limits.waiting_polls, "waiting polls (`limits.waiting_polls`)"),
            Held::Stream => (limits.event_streams, "open streams of events (`limits.event_streams`)"),
        };
        let key = (what, who.name.clone());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key.clone()).or_default();
        if *count >= most {
            let detail = format!("`{}` has {most} {words} already", who.name);
            return Err(Error::TooMany { detail, retry_after: Duration::from_secs(5) });
        }
        *count += 1;
        Ok(Holding { key, held: self.held.clone() })
    }
}

fn rate(limits: Limits) -> Option<DefaultKeyedRateLimiter<Arc<str>>> {
    limits.requests.map(|(rate, burst)| DefaultKeyedRateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)))
}

/// Something that counts against its principal's limit.
pub(crate) struct Holding {
    key: (Held, Arc<str>),
    held: Counts,
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_for_each_principal() {
        let limiter = Limiter::new(Limits { waiting_polls: 1, ..Limits::default() });
        let (one, two) = (Principal::local(), Principal { name: "ci".into(), ..Principal::local() });
        let held = limiter.hold(Held::Poll, &one).unwrap();
        assert!(matches!(limiter.hold(Held::Poll, &one), Err(Error::TooMany { .. })));
        let _other = limiter.hold(Held::Poll, &two).unwrap();
        let _stream = limiter.hold(Held::Stream, &one).unwrap();
        drop(held);
        limiter.hold(Held::Poll, &one).unwrap();
    }

    #[test]
    fn requests_above_the_rate_are_told_when_to_come_again() {
        let one = NonZeroU32::MIN;
        let limiter = Limiter::new(Limits { requests: Some((one, one)), ..Limits::default() });
        limiter.admit(&Principal::local()).unwrap();
        let Err(Error::TooMany { retry_after, .. }) = limiter.admit(&Principal::local()) else { panic!("let in") };
        assert!(retry_after <= Duration::from_secs(1) && !retry_after.is_zero(), "{retry_after:?}");
        limiter.set(Limits::default());
        limiter.admit(&Principal::local()).unwrap();
    }
}
