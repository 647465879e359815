//! The MCP sessions of clients of 2025-11-25 and older: whose they are, which are in use, and when one is given up.
//!
//! A session belongs to the principal that began it; to every other it is as if it were not there.
//!
//! The library's own idle timer knows nothing of calls that are still running and would end a parked poll, so it is off.
//! A session is given up when nothing has come for [`IDLE`] and no answer is under way. That is looked at whenever its
//! owner begins another: without new ones there is nothing that could grow.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use baton_model::{Clock, Millis};
use rmcp::transport::streamable_http_server::session::{SessionManager, local::LocalSessionManager};

/// How long a session may be silent.
const IDLE: Millis = 3_600_000;
/// How many sessions a principal keeps although they are silent (some 90 KB each); beyond that, its longest silent go
/// first.
const MOST: usize = 1_000;

/// What is known of every open session.
#[derive(Clone)]
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    clock: Arc<dyn Clock>,
    uses: Arc<Mutex<HashMap<String, Use>>>,
}

struct Use {
    /// The name of the principal that began it.
    owner: Arc<str>,
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

    /// Notes that a request of this session came. `None` if `who` has no such session.
    pub fn enter(&self, who: &str, id: &str) -> Option<Running> {
        self.lock().get_mut(id).filter(|session| *session.owner == *who)?.running += 1;
        Some(Running { sessions: self.clone(), id: id.to_owned() })
    }

    /// Notes a new session of `who`, and gives up those of its sessions that have been silent for too long.
    pub async fn begin(&self, who: &Arc<str>, id: &str) {
        for silent in self.insert(who, id, self.clock.steady()) {
            // The only failure is that the session has ended already.
            let _ended = self.manager.close_session(&silent.into()).await;
        }
    }

    /// Forgets a session that its owner has ended; whether there was one.
    pub fn end(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    /// Takes in a new session; returns those that are given up for it.
    fn insert(&self, who: &Arc<str>, id: &str, now: Millis) -> Vec<String> {
        let mut uses = self.lock();
        let own = || uses.iter().filter(|(_, it)| it.owner == *who);
        let surplus = (own().count() + 1).saturating_sub(MOST);
        let mut silent: Vec<(Millis, String)> =
            own().filter(|(_, it)| it.running == 0).map(|(id, it)| (it.last, id.clone())).collect();
        silent.sort_unstable();
        let old = silent.partition_point(|(last, _)| last + IDLE <= now);
        silent.truncate(old.max(surplus));
        for (_, given_up) in &silent {
            uses.remove(given_up);
        }
        uses.insert(id.to_owned(), Use { owner: who.clone(), last: now, running: 0 });
        silent.into_iter().map(|(_, id)| id).collect()
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
    async fn begin(sessions: &Sessions, who: &str) -> String {
        let (id, _transport) = sessions.manager().create_session().await.unwrap();
        sessions.begin(&who.into(), &id).await;
        id.to_string()
    }

    async fn is_open(sessions: &Sessions, id: &str) -> bool {
        sessions.manager().has_session(&id.into()).await.unwrap()
    }

    #[tokio::test]
    async fn silent_sessions_are_given_up_and_busy_ones_are_not() {
        let clock = Arc::new(Hand::default());
        let sessions = Sessions::new(clock.clone());
        let (silent, busy) = (begin(&sessions, "a").await, begin(&sessions, "a").await);
        let (recent, other) = (begin(&sessions, "a").await, begin(&sessions, "b").await);
        let running = sessions.enter("a", &busy).unwrap();
        clock.0.store(IDLE - 1, Ordering::SeqCst);
        drop(sessions.enter("a", &recent).unwrap());
        begin(&sessions, "a").await;
        assert!(is_open(&sessions, &silent).await, "not yet");

        clock.0.store(IDLE, Ordering::SeqCst);
        begin(&sessions, "a").await;
        assert!(!is_open(&sessions, &silent).await);
        assert!(sessions.enter("a", &silent).is_none());
        assert!(is_open(&sessions, &busy).await && is_open(&sessions, &recent).await);
        assert!(is_open(&sessions, &other).await, "it is another's");

        drop(running);
        clock.0.store(2 * IDLE, Ordering::SeqCst);
        begin(&sessions, "a").await;
        begin(&sessions, "b").await;
        assert!(!is_open(&sessions, &busy).await && !is_open(&sessions, &other).await);
        assert_eq!(sessions.lock().len(), 2, "nothing is kept of those that were given up");
    }

    #[tokio::test]
    async fn beyond_the_limit_the_longest_silent_of_the_same_owner_go_first() {
        let clock = Arc::new(Hand::default());
        let sessions = Sessions::new(clock.clone());
        let (first, other) = (begin(&sessions, "a").await, begin(&sessions, "b").await);
        let busy = sessions.enter("a", &first).unwrap();
        for last in 1..MOST as Millis {
            sessions.lock().insert(last.to_string(), Use { owner: "a".into(), last, running: 0 });
        }
        clock.0.store(MOST as Millis, Ordering::SeqCst);
        begin(&sessions, "b").await;
        assert!(sessions.lock().contains_key("1"), "another's new session pushes nothing out");
        begin(&sessions, "a").await;
        let kept = sessions.lock().values().filter(|it| &*it.owner == "a").count();
        assert_eq!(kept, MOST);
        assert!(!sessions.lock().contains_key("1"), "the longest silent");
        assert!(sessions.lock().contains_key("2") && is_open(&sessions, &first).await);
        assert!(is_open(&sessions, &other).await);
        drop(busy);
    }

    #[tokio::test]
    async fn an_unknown_session_leaves_no_trace() {
        let sessions = Sessions::new(Arc::new(Hand::default()));
        assert!(sessions.enter("a", "nobody's").is_none());
        let ended = begin(&sessions, "a").await;
        assert!(sessions.enter("b", &ended).is_none(), "another's");
        let running = sessions.enter("a", &ended).unwrap();
        assert!(sessions.end(&ended) && !sessions.end(&ended));
        drop(running);
        assert!(sessions.lock().is_empty());
    }
}
