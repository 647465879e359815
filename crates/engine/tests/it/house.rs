//! An engine on a new database, and short words for what tests do with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use baton_engine::{Engine, Error, Options, Poll, Principal, SecretKey, Settings, Synchronous};
use baton_model::{
    Clock, DirectiveRequest, Millis, NewDirective, Report, SystemRng,
    directive::FollowUpRule,
    poll::PollAnswer,
    view::{DirectiveDetail, QueueStatus},
};
use serde_json::Map;

/// A clock that stands until it is moved.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }

    fn steady(&self) -> Millis {
        self.now()
    }
}

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) who: Principal,
    dir: tempfile::TempDir,
    starts: u64,
}

impl House {
    /// Monitoring is on.
    pub(crate) async fn new() -> Self {
        let house = House::with(Settings { max_deliveries: 2, ..Settings::default() });
        house.engine.start_monitoring(&house.who, None).await.unwrap();
        house
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_795_165_200_000)));
        let engine = open(&dir, settings, &clock, 0);
        House { engine, clock, who: Principal::local(), dir, starts: 1 }
    }

    /// Closes the store and opens it again.
    pub(crate) fn restart(&mut self) {
        self.engine.close();
        self.clock.advance(1); // ids of one process rise inside a millisecond too
        self.engine = open(&self.dir, Settings { max_deliveries: 2, ..Settings::default() }, &self.clock, self.starts);
        self.starts += 1;
    }

    /// Changes the database behind a closed engine's back; [`House::restart`] opens it again.
    pub(crate) async fn edit(&self, sql: &'static str) {
        self.engine.close();
        let file = self.dir.path().join("baton.db");
        let store = baton_store::Store::open(&file, Synchronous::Normal, Box::new(|_| {})).unwrap();
        let edit = store.write(async move |tx: &mut baton_store::Tx<'_>| tx.execute(sql, &[]).await);
        assert_eq!(edit.await.unwrap(), 1, "{sql}");
        store.close();
    }

    pub(crate) async fn submit(&self, request: DirectiveRequest) -> String {
        let new = NewDirective::check(request).unwrap();
        self.engine.submit(&self.who, new).await.unwrap().directive_id
    }

    pub(crate) async fn add(&self, text: &str) -> String {
        self.submit(directive(text)).await
    }

    pub(crate) async fn poll(&self) -> PollAnswer {
        self.engine.next(&self.who, Poll::default()).await.unwrap()
    }

    pub(crate) async fn take(&self) -> (String, String) {
        let answer = self.poll().await;
        (answer.directive_id.expect("something is due"), answer.metadata.lease_token.unwrap())
    }

    pub(crate) async fn report(&self, report: Report) -> Result<PollAnswer, Error> {
        self.engine.next(&self.who, Poll { report: Some(report), ..Poll::default() }).await
    }

    pub(crate) async fn show(&self, id: &str) -> DirectiveDetail {
        self.engine.directive(&self.who, id).await.unwrap()
    }

    pub(crate) async fn status(&self) -> QueueStatus {
        self.engine.queue_status(&self.who).await.unwrap()
    }

    pub(crate) async fn pass(&self, millis: Millis) {
        self.clock.advance(millis);
        self.engine.look().await.unwrap();
    }
}

fn open(dir: &tempfile::TempDir, settings: Settings, clock: &Arc<HandClock>, seed: u64) -> Engine {
    let key = SecretKey::new("a key of a test, which need not be secret");
    let options =
        Options { synchronous: Synchronous::Normal, settings, ..Options::plain(dir.path().join("baton.db"), key) };
    Engine::open(options, clock.clone(), Arc::new(SystemRng::seeded(seed))).unwrap()
}

pub(crate) fn directive(text: &str) -> DirectiveRequest {
    DirectiveRequest { directive: text.to_owned(), ..DirectiveRequest::plain() }
}

pub(crate) fn rule(condition: &str, next: &str) -> FollowUpRule {
    FollowUpRule {
        condition: condition.to_owned(),
        next_directive: next.to_owned(),
        priority: baton_model::Priority::Medium,
        delay_seconds: 0.0,
    }
}

pub(crate) fn report(id: &str, success: bool, result: &str) -> Report {
    Report {
        directive_id: id.to_owned(),
        success,
        result: result.to_owned(),
        execution_time: None,
        error: None,
        metadata: Map::new(),
        lease_token: None,
    }
}

pub(crate) fn with_token(id: &str, success: bool, result: &str, token: &str) -> Report {
    Report { lease_token: Some(token.to_owned()), ..report(id, success, result) }
}

pub(crate) fn code(outcome: Result<PollAnswer, Error>) -> &'static str {
    match outcome {
        Err(Error::Conflict { code, .. }) => code,
        Err(Error::NotFound { .. }) => "not_found",
        Err(Error::Invalid(_)) => "invalid",
        Err(_) => "other",
        Ok(_) => "ok",
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
