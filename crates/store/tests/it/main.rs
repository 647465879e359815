//! The store on a real database: the seam's traps, groups, copies, and the statements of each aggregate.

#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

mod backups;
mod deliveries;
mod overview;
mod seam;
mod statements;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use baton_model::{DirectiveRequest, Millis, Priority, State};
use baton_store::{Signal, Store, Synchronous, Tx, directive::DirectiveRow};

/// A store on a new database that remembers what it signalled.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) signals: Arc<Mutex<Vec<Signal>>>,
    pub(crate) path: PathBuf,
    _dir: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("baton.db");
        let signals = Arc::<Mutex<Vec<Signal>>>::default();
        let heard = signals.clone();
        let listener = Box::new(move |signal| heard.lock().unwrap().push(signal));
        let store = Store::open(&path, Synchronous::Normal, listener).unwrap();
        House { store, signals, path, _dir: dir }
    }

    pub(crate) async fn insert(&self, row: DirectiveRow) {
        self.store.write(async move |tx: &mut Tx<'_>| baton_store::directive::insert(tx, &row).await).await.unwrap();
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.store.read(async move |tx: &mut Tx<'_>| tx.one(sql, &[], |row| row.get(0)).await).await.unwrap()
    }
}

pub(crate) fn row(id: &str, priority: Priority, ready_at: Millis) -> DirectiveRow {
    DirectiveRow {
        id: id.to_owned(),
        owner: "local".to_owned(),
        body: format!("do {id}"),
        request: DirectiveRequest::plain(),
        priority,
        state: State::Queued,
        agent: String::new(),
        parent: None,
        created_at: 1,
        ready_at,
        unmet: 0,
        needed: 0,
        attempt: 0,
        retry_count: 0,
        retry_reason: None,
        expiries: 0,
        first_expired: 0,
        lease: None,
        ended_at: None,
        result: None,
    }
}
