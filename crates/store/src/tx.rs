//! The transaction that every query runs in.

use std::sync::Arc;

use rusqlite::Connection;

use crate::{
    error::{Error, Result},
    signal::Signal,
    sql::{Bind, Row},
    webhook::Subscriber,
};

/// What a connection remembers of the tables from one transaction to the next. Whoever changes those tables forgets it,
/// and so does a rollback.
#[derive(Default)]
pub(crate) struct Memory {
    /// The endpoints that are called.
    pub subscribers: Option<Arc<[Subscriber]>>,
}

/// A transaction, or a savepoint in one.
pub struct Tx<'c> {
    conn: &'c mut Connection,
    memory: &'c mut Memory,
    signals: Vec<Signal>,
    has_event: bool,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c mut Connection, memory: &'c mut Memory) -> Self {
        Tx { conn, memory, signals: Vec::new(), has_event: false }
    }

    /// What is to be told once this is committed; and whether there is a new event, which is told once for many.
    pub(crate) fn into_signals(self) -> (Vec<Signal>, bool) {
        (self.signals, self.has_event)
    }

    pub(crate) fn memory(&mut self) -> &mut Memory {
        self.memory
    }

    /// Notes that the log of events has grown.
    pub(crate) fn signal_event(&mut self) {
        self.has_event = true;
    }

    /// Runs a statement and says how many rows it touched.
    ///
    /// # Errors
    /// If the database refuses it.
    #[expect(clippy::unused_async, reason = "the same call waits for the wire on another database")]
    pub async fn execute(&mut self, sql: &str, args: &[&dyn Bind]) -> Result<u64> {
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        if statement.column_count() == 0 {
            return Ok(statement.raw_execute()? as u64);
        }
        let (mut rows, mut touched) = (statement.raw_query(), 0);
        while rows.next()?.is_some() {
            touched += 1;
        }
        Ok(touched)
    }

    /// Runs a statement that must touch exactly one row.
    ///
    /// # Errors
    /// If the database refuses it, or [`Error::Rows`].
    pub async fn execute_one(&mut self, name: &'static str, sql: &str, args: &[&dyn Bind]) -> Result<()> {
        match self.execute(sql, args).await? {
            1 => Ok(()),
            rows => Err(Error::Rows { statement: name, rows, expected: 1 }),
        }
    }

    /// Reads every row through `read`.
    ///
    /// # Errors
    /// If the database refuses the statement or `read` fails.
    pub async fn rows<T>(
        &mut self,
        sql: &str,
        args: &[&dyn Bind],
        read: impl Fn(Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.rows_until(sql, args, read, |_| false).await
    }

    /// Reads rows through `read` up to the first for which `enough` holds; that one is the last.
    ///
    /// # Errors
    /// If the database refuses the statement or `read` fails.
    #[expect(clippy::unused_async, reason = "the same call waits for the wire on another database")]
    pub async fn rows_until<T>(
        &mut self,
        sql: &str,
        args: &[&dyn Bind],
        read: impl Fn(Row<'_>) -> Result<T>,
        mut enough: impl FnMut(&T) -> bool,
    ) -> Result<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        // Stepped to the end even when one row is wanted: a statement left open holds its snapshot. Where enough is
        // enough, dropping the rows resets it.
        while let Some(row) = rows.next()? {
            let row = read(Row(row))?;
            let is_last = enough(&row);
            found.push(row);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// Reads the first row, if there is one.
    ///
    /// # Errors
    /// If the database refuses the statement or `read` fails.
    pub async fn row<T>(
        &mut self,
        sql: &str,
        args: &[&dyn Bind],
        read: impl Fn(Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.rows(sql, args, read).await?.into_iter().next())
    }

    /// Reads the one row of a statement that always has one.
    ///
    /// # Errors
    /// If the database refuses the statement, `read` fails, or there is none.
    pub async fn one<T>(&mut self, sql: &str, args: &[&dyn Bind], read: impl Fn(Row<'_>) -> Result<T>) -> Result<T> {
        self.row(sql, args, read).await?.ok_or(Error::Rows { statement: "a query for one row", rows: 0, expected: 1 })
    }

    /// Tells whoever listens once this is committed. Part of the transaction, so that a caller who goes away between
    /// commit and signal loses nothing.
    pub fn signal(&mut self, signal: Signal) {
        self.signals.push(signal);
    }

    /// Where this writer counts, so that writers on a shared database do not all wait for the same rows.
    pub fn slot(&self) -> i64 {
        0 // SQLite has one writer
    }
}

/// SQLite takes `$2` for a *name* and numbers names by first appearance, so the number is read back from the name.
fn bind(statement: &mut rusqlite::Statement<'_>, args: &[&dyn Bind]) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let arg = number.and_then(|number| args.get(number.checked_sub(1)?));
        let arg = arg.ok_or(rusqlite::Error::InvalidParameterCount(index, args.len()))?;
        statement.raw_bind_parameter(index, *arg as &dyn rusqlite::ToSql)?;
    }
    Ok(())
}
