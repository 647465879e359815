//! What can go wrong below the use cases.

/// The result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A statement, a commit or the opening of the database failed. Nothing of the transaction is on disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused a statement.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction or its whole group was rolled back; the same call may succeed later.
    #[error("not committed: {0}")]
    NotCommitted(String),
    /// A statement touched another number of rows than it states: a bug.
    #[error("{statement} touched {rows} rows, not {expected}")]
    Rows {
        /// Its name.
        statement: &'static str,
        /// What it touched.
        rows: u64,
        /// What it must touch.
        expected: u64,
    },
    /// A row holds what this version cannot read: a bug, or a newer version's row.
    #[error("a row cannot be read: {0}")]
    Unreadable(String),
    /// A closure awaited something other than its transaction: a bug.
    #[error("a store closure awaited something other than its transaction")]
    Pended,
    /// A closure panicked: a bug. Nothing of it was written.
    #[error("a store closure panicked: {0}")]
    Panicked(String),
    /// The database is of a newer version that this one may not run on.
    #[error(
        "the database is of schema version {found} and needs at least version {oldest} of the schema; this baton knows {known}. Upgrade baton, or restore a backup"
    )]
    TooNew {
        /// Its version.
        found: i64,
        /// The oldest that may run on it.
        oldest: i64,
        /// What this binary knows.
        known: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration: {0}")]
    Migration(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A copy of the database is not sound.
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}
