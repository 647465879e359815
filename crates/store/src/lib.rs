//! What is kept, and how: transactions with group commit on SQLite, one file for each aggregate.
//!
//! ```text
//! let id = store.write(async move |tx| {
//!     directive::insert(tx, &row).await?;
//!     event::append(tx, &fact).await?;
//!     Ok::<_, Error>(row.id.clone())
//! }).await?;
//! ```
//! When [`Store::write`] answers `Ok`, what the closure wrote is on disk. A closure may run twice (a database may
//! refuse a commit), so it has no effect but its statements; and it awaits nothing but its transaction.
//!
//! Architecture invariant: every table has one owner file, and every state has one function that may change it.

pub mod backup;
pub mod delivery;
pub mod directive;
mod error;
pub mod event;
pub mod idempotency;
mod migrations;
pub mod monitoring;
mod outbox;
pub mod retention;
mod signal;
mod sql;
mod sqlite;
pub mod stats;
pub mod token;
pub mod transcript;
mod tx;
pub mod webhook;

use std::{path::Path, sync::Arc};

use self::sqlite::{Urgency, submit};
pub use self::{
    error::{Error, Result},
    signal::{Listener, Signal},
    sql::{Bind, Column, Json, Row},
    sqlite::{Synchronous, database_path},
    tx::Tx,
};

/// The database. Cheap to clone; the threads end when the last clone is gone.
#[derive(Clone)]
pub struct Store {
    threads: Arc<sqlite::Threads>,
}

impl Store {
    /// Opens the SQLite database at `path`, making it or bringing it up to date. `listener` hears what committed
    /// transactions signal.
    ///
    /// # Errors
    /// If the file cannot be opened, is no database, or is of a newer Baton.
    pub fn open(path: &Path, synchronous: Synchronous, listener: Listener) -> Result<Store> {
        Ok(Store { threads: Arc::new(sqlite::start(path, synchronous, listener)?) })
    }

    /// Runs `work` in a transaction. Dropping the future before the closure has run skips it; later, the transaction
    /// stands although nobody hears of it.
    ///
    /// # Errors
    /// Whatever `work` fails with, and nothing of it is written; or [`Error::NotCommitted`].
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        submit(&self.threads.writer, Urgency::Interactive, work, |_| None).await
    }

    /// Like [`Store::write`], for what must not be left standing unheard: if the caller is gone when the transaction
    /// has been committed, `undo` gives the closure that takes it back in the next one.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_or_undo<T, E, F, U, W>(&self, work: F, mut undo: U) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        U: FnMut(T) -> Option<W> + Send + 'static,
        W: AsyncFnMut(&mut Tx<'_>) -> Result<()> + Send + 'static,
    {
        let unheard = move |value| undo(value).map(sqlite::unattended);
        submit(&self.threads.writer, Urgency::Interactive, work, unheard).await
    }

    /// Like [`Store::write`], after everything that somebody waits for. Closures stay under 5 ms.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_in_background<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        submit(&self.threads.writer, Urgency::Background, work, |_| None).await
    }

    /// Sends a write that nobody waits for.
    pub fn write_unattended<W>(&self, work: W)
    where
        W: AsyncFnMut(&mut Tx<'_>) -> Result<()> + Send + 'static,
    {
        self.threads.writer.put(Urgency::Interactive, sqlite::unattended(work));
    }

    /// Runs `work` on a snapshot.
    ///
    /// # Errors
    /// Whatever `work` fails with.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        submit(&self.threads.readers, Urgency::Interactive, work, |_| None).await
    }

    /// Takes no more work, does what is in line, and waits until the database is closed. Blocks.
    pub fn close(&self) {
        self.threads.writer.close();
        self.threads.readers.close();
        self.threads.writer.wait_until_finished();
        self.threads.readers.wait_until_finished();
    }
}
