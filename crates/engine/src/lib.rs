//! Use cases: what the doors may ask for. Every rule about directives is applied here or in `baton-model`.
//!
//! Architecture invariant: nothing here knows which database it stands on, and nothing that matters lives only in
//! memory: after a crash everything goes on from the tables.

mod background;
mod error;
pub mod queue;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use baton_model::{Clock, Ids, Millis, Rng};
use baton_store::{Signal, Store};
pub use baton_store::{Synchronous, backup, database_path};
use tokio_util::sync::CancellationToken;

use self::{
    background::Alarm,
    queue::{Waiters, Work},
};
pub use self::{
    background::Retention,
    error::{Error, Result},
    queue::{Poll, Settings},
};

/// Who asks. Until tokens exist everybody on this machine is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Owner of the rows it makes.
    pub name: Arc<str>,
}

impl Principal {
    /// A call from this machine without a token.
    pub fn local() -> Self {
        Principal { name: "local".into() }
    }
}

/// What an engine is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The SQLite database; made if it is not there, in a directory that is.
    pub database: PathBuf,
    /// How much a power cut may take.
    pub synchronous: Synchronous,
    /// What the operator may set of the queue.
    pub settings: Settings,
    /// How long things are kept.
    pub retention: Retention,
}

/// The queue and what belongs to it. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Ids,
    settings: RwLock<Settings>,
    retention: RwLock<Retention>,
    waiters: Arc<Waiters>,
    alarm: Arc<Alarm>,
    stopping: CancellationToken,
}

impl Engine {
    /// Opens the store and brings it up to date. Nothing runs in the background until [`Engine::run_background`].
    ///
    /// # Errors
    /// If the database cannot be opened or is of a newer Baton.
    pub fn open(options: Options, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Engine, baton_store::Error> {
        let waiters = Arc::new(Waiters::default());
        let alarm = Arc::new(Alarm::default());
        let (woken, rung) = (waiters.clone(), alarm.clone());
        let listener = Box::new(move |signal| match signal {
            Signal::Queued { id, agent, tags } => woken.wake(Work { id, agent, tags }),
            Signal::Alarm(at) => rung.ring_at(at),
            Signal::Settle => rung.ring_at(Millis::MIN),
            Signal::Switched => woken.wake_all(),
        });
        let store = Store::open(&options.database, options.synchronous, listener)?;
        let inner = Inner {
            store,
            clock,
            ids: Ids::new(rng),
            settings: RwLock::new(options.settings),
            retention: RwLock::new(options.retention),
            waiters,
            alarm,
            stopping: CancellationToken::new(),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Takes new settings; leases that have been given keep theirs.
    pub fn reconfigure(&self, settings: Settings, retention: Retention) {
        *self.inner.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        *self.inner.retention.write().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    /// Answers every parked poll and refuses to park more; what is being written is still written.
    pub fn stop(&self) {
        self.inner.stopping.cancel();
    }

    /// Closes the store when everything in line has been written. Blocks; calls that come later fail with
    /// [`Error::Stopping`].
    pub fn close(&self) {
        self.stop();
        self.inner.store.close();
    }

    /// Fails when the store does not answer; for `/readyz`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Stopping`].
    pub async fn ready(&self) -> Result<()> {
        if self.inner.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        self.is_monitoring().await.map(drop)
    }

    /// The wall clock that everything here is stamped with.
    pub fn now(&self) -> Millis {
        self.inner.clock.now()
    }
}

impl Inner {
    fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn retention(&self) -> Retention {
        *self.retention.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_id(&self) -> String {
        self.ids.next(self.clock.now()).to_string()
    }
}
