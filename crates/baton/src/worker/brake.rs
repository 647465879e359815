//! Whether a worker takes work: yes, not before a moment, or never again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use baton_model::{Clock, Millis};
use tokio::sync::watch;

use crate::failure::{Failure, Result};

/// One for all slots of a worker.
pub(super) struct Brake {
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
    why: Mutex<Option<Failure>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Until then, on the steady clock.
    Paused(Millis),
    Closed,
}

impl Brake {
    /// Work is taken.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Brake { clock, state: watch::Sender::new(State::Open), why: Mutex::default() }
    }

    /// Takes no work for a while. Whether that is news: not if it is paused for as long already, or for good.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = self.clock.steady() + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        self.state.send_if_modified(|state| {
            // Several runs that end for the same reason pause for the same time, give or take a second.
            let is_news = match *state {
                State::Open => true,
                State::Paused(known) => until > known + 1000,
                State::Closed => false,
            };
            if is_news {
                *state = State::Paused(until);
            }
            is_news
        })
    }

    /// Takes no work any more. The first reason stands.
    pub(super) fn close(&self, why: Option<Failure>) {
        let mut known = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = why;
        }
        self.state.send_replace(State::Closed);
    }

    /// Why it was closed: without a reason, in order.
    pub(super) fn verdict(&self) -> Result {
        match self.why.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Waits until work may be taken; false: never again.
    pub(super) async fn opens(&self) -> bool {
        let mut state = self.state.subscribe();
        loop {
            let until = match *state.borrow_and_update() {
                State::Open => return true,
                State::Closed => return false,
                State::Paused(until) => until,
            };
            let rest = Duration::from_millis(u64::try_from(until - self.clock.steady()).unwrap_or(0));
            tokio::select! {
                () = tokio::time::sleep(rest) => {
                    self.state.send_if_modified(|state| {
                        let is_over = *state == State::Paused(until);
                        if is_over {
                            *state = State::Open;
                        }
                        is_over
                    });
                }
                // The sender is `self`.
                _ = state.changed() => {}
            }
        }
    }

    /// Waits until no work may be taken.
    pub(super) async fn holds(&self) {
        let mut state = self.state.subscribe();
        // The sender is `self`.
        let _ = state.wait_for(|state| *state != State::Open).await;
    }

    /// Whether work may be taken now.
    pub(super) fn is_open(&self) -> bool {
        *self.state.borrow() == State::Open
    }

    /// How long it holds still; none while it is open or closed.
    pub(super) fn rest(&self) -> Option<Duration> {
        match *self.state.borrow() {
            State::Paused(until) => {
                Some(Duration::from_millis(u64::try_from(until - self.clock.steady()).unwrap_or(0)))
            }
            State::Open | State::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_model::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_pause_ends_by_itself_and_a_close_does_not() {
        let brake = Brake::new(Arc::new(SystemClock::start()));
        assert!(brake.is_open() && brake.opens().await && brake.rest().is_none());
        assert!(brake.pause(Duration::from_millis(20)), "it is news");
        assert!(!brake.pause(Duration::from_millis(20)), "it is known");
        brake.holds().await;
        assert!(brake.opens().await);
        assert!(brake.pause(Duration::from_secs(3600)) && brake.pause(Duration::from_secs(7200)));
        assert!(brake.rest().is_some_and(|rest| rest > Duration::from_secs(3600)));
        brake.close(Some(Failure::failed("first")));
        brake.close(Some(Failure::failed("second")));
        assert!(!brake.pause(Duration::ZERO) && !brake.opens().await);
        assert_eq!(brake.verdict().unwrap_err().to_string(), "error: first");
    }
}
