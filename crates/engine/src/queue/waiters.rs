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

/// A directive that is due.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Its id.
    pub id: String,
    /// Who alone may take it; empty for anybody.
    pub agent: String,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Waiter {
    fn may_take(&self, work: &Work) -> bool {
        (work.agent.is_empty() || self.agent.as_deref() == Some(&work.agent))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| work.tags.contains(tag)))
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
        Parked { waiters: self, place, waiter, looking_for: None, taken: None }
    }

    /// Wakes the longest parked poll that may take the directive.
    pub fn wake(&self, work: Work) {
        let mut armed = self.armed();
        let fit = armed.iter().find(|(_, waiter)| waiter.may_take(&work)).map(|(place, _)| *place);
        let Some(waiter) = fit.and_then(|place| armed.remove(&place)) else { return };
        drop(armed);
        *waiter.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
        waiter.woken.notify_one();
    }

    /// Wakes every parked poll.
    pub fn wake_all(&self) {
        for waiter in std::mem::take(&mut *self.armed()).into_values() {
            waiter.woken.notify_one();
        }
    }

    /// How many polls are parked.
    pub fn count(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    fn armed(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Waiter>>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll's place among the parked. Whoever is woken for a directive and goes away without having looked, or with another
/// directive, passes the wake on.
pub(crate) struct Parked<'w> {
    waiters: &'w Waiters,
    place: u64,
    waiter: Arc<Waiter>,
    looking_for: Option<Work>,
    /// The directive it goes away with.
    taken: Option<String>,
}

impl Parked<'_> {
    /// Waits to be woken and arms the wake-up again, at the same place in line: to be followed by a look.
    pub async fn woken(&mut self) {
        self.waiter.woken.notified().await;
        self.looking_for = self.waiter.take_work();
        self.waiters.armed().insert(self.place, self.waiter.clone());
    }

    /// Says that the look is over. If it found nothing, then the directive it was woken for went to another.
    pub fn looked(&mut self, taken: Option<&str>) {
        if taken.is_none() {
            self.looking_for = None;
        }
        self.taken = taken.map(ToOwned::to_owned);
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.waiters.polls.fetch_sub(1, Ordering::Relaxed);
        self.waiters.armed().remove(&self.place);
        for work in [self.looking_for.take(), self.waiter.take_work()].into_iter().flatten() {
            if self.taken.as_deref() != Some(&work.id) {
                self.waiters.wake(work);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context, task::Poll, task::Waker};

    use super::*;

    fn due(id: &str, agent: &str, tags: &[&str]) -> Work {
        Work { id: id.to_owned(), agent: agent.to_owned(), tags: tags.iter().map(ToString::to_string).collect() }
    }

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
        waiters.wake(due("1", "", &[]));
        assert_eq!([is_woken(&mut picky), is_woken(&mut first), is_woken(&mut second)], [false, true, false]);
        first.looked(None);
        waiters.wake(due("2", "ann", &[]));
        assert_eq!([is_woken(&mut picky), is_woken(&mut first), is_woken(&mut second)], [false, false, true]);
        waiters.wake(due("3", "", &["sql"]));
        assert!(is_woken(&mut picky));
        waiters.wake(due("4", "bob", &[]));
        assert_eq!([is_woken(&mut picky), is_woken(&mut first)], [false, false], "bob is not here");
    }

    #[test]
    fn whoever_goes_away_passes_the_wake_on() {
        let waiters = Waiters::default();
        let unheard = waiters.park(None, vec![]);
        let mut looking = waiters.park(None, vec![]);
        let mut last = waiters.park(None, vec![]);
        waiters.wake(due("1", "", &[]));
        drop(unheard);
        assert!(is_woken(&mut looking), "the first went away before it heard");
        drop(looking);
        assert!(is_woken(&mut last), "the second went away before it had looked");
        last.looked(None);
        drop(last);
        assert_eq!(waiters.count(), 0);
    }

    #[test]
    fn one_that_has_looked_in_vain_keeps_its_place() {
        let waiters = Waiters::default();
        let mut first = waiters.park(None, vec![]);
        let mut second = waiters.park(None, vec![]);
        waiters.wake(due("1", "", &[]));
        assert!(is_woken(&mut first));
        first.looked(None);
        waiters.wake(due("1", "", &[]));
        assert_eq!([is_woken(&mut first), is_woken(&mut second)], [true, false]);
    }

    #[test]
    fn one_that_takes_another_directive_passes_the_wake_on() {
        let waiters = Waiters::default();
        let mut first = waiters.park(None, vec![]);
        let mut second = waiters.park(None, vec!["sql".to_owned()]);
        let mut third = waiters.park(None, vec![]);
        waiters.wake(due("low", "", &[]));
        waiters.wake(due("urgent", "", &["sql"]));
        assert!(is_woken(&mut first));
        first.looked(Some("urgent"));
        drop(first);
        assert!(is_woken(&mut second));
        second.looked(None);
        assert!(is_woken(&mut third), "the directive for which the first was woken still waits");
    }
}
