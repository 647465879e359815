//! The MCP sessions of clients of 2025-11-25 and older: which are in use, and when one is given up.
//!
//! The library's own idle timer knows nothing of calls that are still running and would end a parked poll, so it is off.
//! A session is given up when nothing has come for [`IDLE`] and no answer is under way. That is looked at whenever a
//! new session begins: without new ones there is nothing that could grow.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use baton_model::{Clock, Millis};
use rmcp::transport::streamable_http_server::session::{SessionManager, local::LocalSessionManager};

/// How long a session may be silent.
const IDLE: Millis = 3_600_000;
/// How many sessions are kept although they are silent (some 90 KB each); beyond that, the longest silent go first.
const MOST: usize = 1_000;

/// What is known of every open session.
#[derive(Clone)]
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    clock: Arc<dyn Clock>,
    uses: Arc<Mutex<HashMap<String, Use>>>,
}

struct Use {
    /// When its last answer ended.
    last: Millis,
    /// Answers that are under way, the standing `GET` stream among them.
    running: usize,
}

/// An answer that is under way in a session; while it lives, the session is not given up.
pub struct Running {
    sessions: Sessions,
    id: String,
}

impl Sessions {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = None;
        Sessions { manager: Arc::new(manager), clock, uses: Arc::default() }
    }

    /// What the library keeps them in.
    pub fn manager(&self) -> Arc<LocalSessionManager> {
        self.manager.clone()
    }

    /// Notes that a request of this session came. `None` if there is no such session.
    pub fn enter(&self, id: &str) -> Option<Running> {
        self.lock().get_mut(id)?.running += 1;
        Some(Running { sessions: self.clone(), id: id.to_owned() })
    }

    /// Notes a new session, and gives up those that have been silent for too long.
    pub async fn begin(&self, id: &str) {
        let now = self.clock.steady();
        for silent in self.take_silent(now) {
            // The only failure is that the session has ended already.
            let _ended = self.manager.close_session(&silent.into()).await;
        }
        self.lock().insert(id.to_owned(), Use { last: now, running: 0 });
    }

    /// Forgets a session that its client has ended.
    pub fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    fn take_silent(&self, now: Millis) -> Vec<String> {
        let mut uses = self.lock();
        let surplus = (uses.len() + 1).saturating_sub(MOST);
        let is_old = |it: &Use| it.running == 0 && it.last + IDLE <= now;
        if surplus == 0 && !uses.values().any(is_old) {
            return Vec::new();
        }
        let mut silent: Vec<(Millis, String)> =
            uses.iter().filter(|(_, it)| it.running == 0).map(|(id, it)| (it.last, id.clone())).collect();
        silent.sort_unstable();
        let old = silent.partition_point(|(last, _)| last + IDLE <= now);
        silent.truncate(old.max(surplus));
        let forget = |(_, id)| {
            uses.remove(&id);
            id
        };
        silent.into_iter().map(forget).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let now = self.sessions.clock.steady();
        if let Some(session) = self.sessions.lock().get_mut(&self.id) {
            session.running -= 1;
            session.last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Millis {
            self.steady()
        }

        fn steady(&self) -> Millis {
            self.0.load(Ordering::SeqCst)
        }
    }

    /// A session as the library makes it.
    async fn begin(sessions: &Sessions) -> String {
        let (id, _transport) = sessions.manager().create_session().await.unwrap();
        sessions.begin(&id).await;
        id.to_string()
    }

    async fn is_open(sessions: &Sessions, id: &str) -> bool {
        sessions.manager().has_session(&id.into()).await.unwrap()
    }

    #[tokio::test]
    async fn silent_sessions_are_given_up_and_busy_ones_are_not() {
        let clock = Arc::new(Hand::default());
        let sessions = Sessions::new(clock.clone());
        let (silent, busy, recent) = (begin(&sessions).await, begin(&sessions).await, begin(&sessions).await);
        let running = sessions.enter(&busy).unwrap();
        clock.0.store(IDLE - 1, Ordering::SeqCst);
        drop(sessions.enter(&recent));
        begin(&sessions).await;
        assert!(is_open(&sessions, &silent).await, "not yet");

        clock.0.store(IDLE, Ordering::SeqCst);
        begin(&sessions).await;
        assert!(!is_open(&sessions, &silent).await);
        assert!(sessions.enter(&silent).is_none());
        assert!(is_open(&sessions, &busy).await && is_open(&sessions, &recent).await);

        drop(running);
        clock.0.store(2 * IDLE, Ordering::SeqCst);
        begin(&sessions).await;
        assert!(!is_open(&sessions, &busy).await);
        assert_eq!(sessions.lock().len(), 1, "nothing is kept of those that were given up");
    }

    #[tokio::test]
    async fn beyond_the_limit_the_longest_silent_go_first() {
        let clock = Arc::new(Hand::default());
        let sessions = Sessions::new(clock.clone());
        let first = begin(&sessions).await;
        let busy = sessions.enter(&first).unwrap();
        for last in 1..MOST as Millis {
            sessions.lock().insert(last.to_string(), Use { last, running: 0 });
        }
        clock.0.store(MOST as Millis, Ordering::SeqCst);
        begin(&sessions).await;
        let kept = sessions.lock().len();
        assert_eq!(kept, MOST);
        assert!(!sessions.lock().contains_key("1"), "the longest silent");
        assert!(sessions.lock().contains_key("2") && is_open(&sessions, &first).await);
        drop(busy);
    }

    #[tokio::test]
    async fn an_unknown_session_leaves_no_trace() {
        let sessions = Sessions::new(Arc::new(Hand::default()));
        assert!(sessions.enter("nobody's").is_none());
        let ended = begin(&sessions).await;
        let running = sessions.enter(&ended).unwrap();
        sessions.end(&ended);
        drop(running);
        assert!(sessions.lock().is_empty());
    }
}
