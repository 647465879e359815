//! Polls that are parked until there is work: as many are woken as there is work, never all.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// Every parked poll of this replica, the longest parked first.
#[derive(Default)]
pub(crate) struct Waiters {
    next: AtomicU64,
    polls: AtomicUsize,
    armed: Mutex<BTreeMap<u64, Arc<Waiter>>>,
}

struct Waiter {
    agent: Option<String>,
    tags: Vec<String>,
    woken: Notify,
    /// The work it was woken for, until it has looked for it.
    work: Mutex<Option<Work>>,
}

#[derive(Clone)]
struct Work {
    agent: String,
    tags: Vec<String>,
}

impl Waiter {
    fn may_take(&self, agent: &str, tags: &[String]) -> bool {
        (agent.is_empty() || self.agent.as_deref() == Some(agent))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }

    fn take_work(&self) -> Option<Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Waiters {
    /// Arms a poll's wake-up. To be called before it looks for work.
    pub fn park(&self, agent: Option<String>, tags: Vec<String>) -> Parked<'_> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let waiter = Arc::new(Waiter { agent, tags, woken: Notify::new(), work: Mutex::new(None) });
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.armed().insert(place, waiter.clone());
        Parked { waiters: self, place, waiter, looking_for: None }
    }

    /// Wakes the longest parked poll that may take such a directive.
    pub fn wake(&self, agent: &str, tags: &[String]) {
        let mut armed = self.armed();
        let fit = armed.iter().find(|(_, waiter)| waiter.may_take(agent, tags)).map(|(place, _)| *place);
        let Some(waiter) = fit.and_then(|place| armed.remove(&place)) else { return };
        drop(armed);
        let work = Work { agent: agent.to_owned(), tags: tags.to_vec() };
        *waiter.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
        waiter.woken.notify_one();
    }

    /// Wakes the `count` longest parked polls, whatever they may take.
    pub fn wake_some(&self, count: usize) {
        let mut armed = self.armed();
        for _ in 0..count {
            let Some((_, waiter)) = armed.pop_first() else { break };
            waiter.woken.notify_one();
        }
    }

    /// Wakes every parked poll.
    pub fn wake_all(&self) {
        self.wake_some(usize::MAX);
    }

    /// How many polls are parked.
    pub fn count(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    fn armed(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Waiter>>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll's place among the parked. Whoever is woken and goes away without having looked passes the wake on.
pub(crate) struct Parked<'w> {
    waiters: &'w Waiters,
    place: u64,
    waiter: Arc<Waiter>,
    looking_for: Option<Work>,
}

impl Parked<'_> {
    /// Waits to be woken and arms the wake-up again, at the same place in line: to be followed by a look.
    pub async fn woken(&mut self) {
        self.waiter.woken.notified().await;
        self.looking_for = self.waiter.take_work();
        self.waiters.armed().insert(self.place, self.waiter.clone());
    }

    /// Says that the look is over: the work it was woken for is taken, by this poll or by another.
    pub fn looked(&mut self) {
        self.looking_for = None;
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.waiters.polls.fetch_sub(1, Ordering::Relaxed);
        self.waiters.armed().remove(&self.place);
        for work in [self.looking_for.take(), self.waiter.take_work()].into_iter().flatten() {
            self.waiters.wake(&work.agent, &work.tags);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context, task::Poll, task::Waker};

    use super::*;

    fn is_woken(parked: &mut Parked<'_>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(pin!(parked.woken()).poll(&mut context), Poll::Ready(()))
    }

    #[test]
    fn one_directive_wakes_one_poll_the_longest_parked_that_fits() {
        let waiters = Waiters::default();
        let mut picky = waiters.park(None, vec!["sql".to_owned()]);
        let mut first = waiters.park(None, vec![]);
        let mut second = waiters.park(Some("ann".to_owned()), vec![]);
        waiters.wake("", &[]);
        assert_eq!([is_woken(&mut picky), is_woken(&mut first), is_woken(&mut second)], [false, true, false]);
        first.looked();
        waiters.wake("ann", &[]);
        assert_eq!([is_woken(&mut picky), is_woken(&mut first), is_woken(&mut second)], [false, false, true]);
        waiters.wake("", &["sql".to_owned()]);
        assert!(is_woken(&mut picky));
        waiters.wake("bob", &[]);
        assert_eq!([is_woken(&mut picky), is_woken(&mut first)], [false, false], "bob is not here");
    }

    #[test]
    fn whoever_goes_away_passes_the_wake_on() {
        let waiters = Waiters::default();
        let unheard = waiters.park(None, vec![]);
        let mut looking = waiters.park(None, vec![]);
        let mut last = waiters.park(None, vec![]);
        waiters.wake("", &[]);
        drop(unheard);
        assert!(is_woken(&mut looking), "the first went away before it heard");
        drop(looking);
        assert!(is_woken(&mut last), "the second went away before it had looked");
        last.looked();
        drop(last);
        assert_eq!(waiters.count(), 0);
    }

    #[test]
    fn one_that_has_looked_in_vain_keeps_its_place() {
        let waiters = Waiters::default();
        let mut first = waiters.park(None, vec![]);
        let mut second = waiters.park(None, vec![]);
        waiters.wake("", &[]);
        assert!(is_woken(&mut first));
        first.looked();
        waiters.wake("", &[]);
        assert_eq!([is_woken(&mut first), is_woken(&mut second)], [true, false]);
    }
}
