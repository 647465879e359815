//! Closures that wait for a thread.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::Job;

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody waits for the answer.
    Interactive,
    /// Whenever nobody else waits.
    Background,
}

#[derive(Default)]
struct Waiting {
    interactive: VecDeque<Box<dyn Job>>,
    background: VecDeque<Box<dyn Job>>,
    closed: bool,
    ended: bool,
    /// Threads that have not put everything away yet.
    threads: usize,
}

/// A mail box with two slots; interactive closures go first.
#[derive(Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Inbox {
    /// Puts a closure in line; false when the box is closed.
    pub fn put(&self, urgency: Urgency, job: Box<dyn Job>) -> bool {
        let mut waiting = self.lock();
        if waiting.ended || (waiting.closed && urgency == Urgency::Background) {
            return false;
        }
        match urgency {
            Urgency::Interactive => waiting.interactive.push_back(job),
            Urgency::Background => waiting.background.push_back(job),
        }
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The next closure, waited for; none once the box is closed and empty.
    pub fn take(&self) -> Option<Box<dyn Job>> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.interactive.pop_front().or_else(|| waiting.background.pop_front()) {
                return Some(job);
            }
            if waiting.closed {
                waiting.ended = true;
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next interactive closure that already waits.
    pub fn take_waiting(&self) -> Option<Box<dyn Job>> {
        self.lock().interactive.pop_front()
    }

    /// Lets the threads end once what is in line has been done.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Counts a thread that serves this box, until what comes back is dropped.
    pub fn enlist(self: &Arc<Self>) -> Enlisted {
        self.lock().threads += 1;
        Enlisted(self.clone())
    }

    /// Waits until every thread has put everything away.
    pub fn wait_until_finished(&self) {
        let mut waiting = self.lock();
        while waiting.threads > 0 {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's place in [`Inbox::enlist`].
pub(crate) struct Enlisted(Arc<Inbox>);

impl Drop for Enlisted {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.threads -= 1;
        if std::thread::panicking() {
            (waiting.closed, waiting.ended) = (true, true); // nobody will come to what is in line
        }
        drop(waiting);
        self.0.changed.notify_all();
    }
}
