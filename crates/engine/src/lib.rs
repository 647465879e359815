//! Use cases: what the doors may ask for. Every rule about directives is applied here or in `baton-model`.
//!
//! Architecture invariant: nothing here knows which database it stands on, and nothing that matters lives only in
//! memory: after a crash everything goes on from the tables.

mod background;
mod error;
pub mod events;
mod limits;
mod principal;
pub mod queue;
mod seal;
mod standing;
mod tokens;
pub mod transcripts;
pub mod webhooks;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use baton_model::{Clock, Ids, Millis, Rng, ids::sha256_hex};
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
    limits::Limits,
    principal::Principal,
    queue::{Poll, Settings},
    seal::SecretKey,
    standing::Standing,
    tokens::{Entrance, TokenRule},
};

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
    /// How much each principal may ask for.
    pub limits: Limits,
    /// How webhooks are delivered.
    pub webhooks: webhooks::Settings,
    /// Who is let in without a token.
    pub entrance: Entrance,
    /// What encrypts secrets that must be read again.
    pub secret_key: SecretKey,
}

impl Options {
    /// A database that loses nothing, and everything else as it is by default.
    pub fn plain(database: PathBuf, secret_key: SecretKey) -> Self {
        Options {
            database,
            synchronous: Synchronous::Full,
            settings: Settings::default(),
            retention: Retention::default(),
            limits: Limits::default(),
            webhooks: webhooks::Settings::default(),
            entrance: Entrance::default(),
            secret_key,
        }
    }
}

/// The queue and what belongs to it. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    ids: Ids,
    operator: Principal,
    entrance: Entrance,
    local_key_hash: Option<String>,
    tokens: Arc<tokens::Known>,
    limits: limits::Limiter,
    secret_key: SecretKey,
    tail: Arc<events::Tail>,
    outbox: Arc<webhooks::Outbox>,
    settings: RwLock<Settings>,
    retention: RwLock<Retention>,
    waiters: Arc<Waiters>,
    throughput: queue::Throughput,
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
        let tail = Arc::new(events::Tail::default());
        let outbox = Arc::new(webhooks::Outbox::new(options.webhooks, clock.clone()));
        let tokens = Arc::new(tokens::Known::default());
        let (woken, rung, grown, filled) = (waiters.clone(), alarm.clone(), tail.clone(), outbox.clone());
        let known = tokens.clone();
        let listener = Box::new(move |signal| match signal {
            Signal::Queued { id, agent, tags } => woken.wake(Work { id, agent, tags }),
            Signal::Alarm(at) => rung.ring_at(at),
            Signal::Settle => rung.ring_at(Millis::MIN),
            Signal::Switched => woken.wake_all(),
            Signal::Events => grown.ring(),
            Signal::Outbox { lane } => filled.ring(lane),
            Signal::Tokens => known.forget(),
        });
        let store = Store::open(&options.database, options.synchronous, listener)?;
        let inner = Inner {
            store,
            clock,
            ids: Ids::new(rng.clone()),
            rng,
            operator: Principal::local(),
            local_key_hash: options.entrance.local_key.as_ref().map(|key| sha256_hex(key.as_bytes())),
            entrance: options.entrance,
            tokens,
            limits: limits::Limiter::new(options.limits),
            secret_key: options.secret_key,
            tail,
            outbox,
            settings: RwLock::new(options.settings),
            retention: RwLock::new(options.retention),
            waiters,
            throughput: queue::Throughput::default(),
            alarm,
            stopping: CancellationToken::new(),
        };
        inner.sign_for_old_directives();
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Takes new settings; leases that have been given keep theirs.
    pub fn reconfigure(&self, settings: Settings, retention: Retention, limits: Limits, webhooks: webhooks::Settings) {
        self.inner.limits.set(limits);
        self.inner.outbox.set(webhooks);
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
