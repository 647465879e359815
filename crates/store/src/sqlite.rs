//! SQLite behind the seam: one writer thread that commits in groups, a few reader threads.

mod inbox;
mod job;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use rusqlite::{Connection, config::DbConfig};

pub(crate) use self::{
    inbox::{Enlisted, Inbox, Urgency},
    job::{Job, submit, unattended},
};
use crate::{
    error::{Error, Result},
    migrations,
    signal::{Listener, Signal},
    tx::{Memory, Tx},
};

/// Longest group: bounds how long the first caller of a group waits for the last.
const GROUP: usize = 512;
/// Threads that read: enough that a few long lists hold nobody up.
const READERS: usize = 4;

/// How much a power cut may take. A crash of the process takes nothing either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Nothing: each commit waits for the disk.
    #[default]
    Full,
    /// The last moments.
    Normal,
}

/// The threads' mail boxes.
pub(crate) struct Threads {
    pub writer: Arc<Inbox>,
    pub readers: Arc<Inbox>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.writer.close();
        self.readers.close();
    }
}

/// Opens the database, brings it up to date and starts the threads.
pub(crate) fn start(path: &Path, synchronous: Synchronous, listener: Listener) -> Result<Threads> {
    let mut conn = open(path)?;
    conn.execute_batch(match synchronous {
        Synchronous::Full => "pragma journal_mode = wal; pragma synchronous = full",
        Synchronous::Normal => "pragma journal_mode = wal; pragma synchronous = normal",
    })?;
    migrations::run(&mut conn)?;
    let threads = Threads { writer: Arc::default(), readers: Arc::default() };
    let (inbox, enlisted) = (threads.writer.clone(), threads.writer.enlist());
    spawn("store-write", enlisted, move || write_loop(conn, &inbox, &listener))?;
    for _ in 0..READERS {
        let (conn, inbox, enlisted) = (open(path)?, threads.readers.clone(), threads.readers.enlist());
        conn.execute_batch("pragma query_only = true")?;
        spawn("store-read", enlisted, move || read_loop(conn, &inbox))?;
    }
    Ok(threads)
}

fn spawn(name: &str, enlisted: Enlisted, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _until_the_connection_is_closed = enlisted;
        run();
    });
    spawned.map(drop).map_err(|source| Error::File { path: format!("thread {name}"), source })
}

/// Opens a connection as every connection to the database is opened.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch("pragma foreign_keys = on; pragma busy_timeout = 5000; pragma wal_autocheckpoint = 2000")?;
    // Plans do not depend on bound values; otherwise a statement that meets a partial index is compiled each time.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(256); // the default of 16 thrashes
    Ok(conn)
}

/// Opens a database that must be there already.
pub(crate) fn open_existing(path: &Path) -> Result<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch("pragma busy_timeout = 5000")?;
    Ok(conn)
}

fn write_loop(mut conn: Connection, inbox: &Inbox, listener: &Listener) {
    let mut memory = Memory::default();
    while let Some(first) = inbox.take() {
        let (mut ran, mut told) = (Vec::new(), Told::default());
        let committed = commit_group(&mut conn, &mut memory, first, inbox, &mut ran, &mut told);
        let committed = committed.map_err(|e| e.to_string());
        if let Err(reason) = &committed {
            memory = Memory::default();
            tracing::error!(store.group = ran.len(), "a group was not committed: {reason}");
            if !conn.is_autocommit() {
                let _ = conn.execute_batch("rollback");
            }
        } else {
            // Before the answers: whoever added the work may ask at once whether somebody has taken it.
            told.signals.into_iter().for_each(listener);
            if told.has_event {
                listener(Signal::Events);
            }
        }
        for job in ran {
            job.answer(&committed);
        }
    }
    let _ = conn.execute_batch("pragma optimize; pragma wal_checkpoint(truncate)");
}

/// What a group tells once it is committed.
#[derive(Default)]
struct Told {
    signals: Vec<Signal>,
    has_event: bool,
}

/// Runs the first job and all that wait behind it, then commits once.
///
/// Savepoints cost a third of a queue cycle, so the group first runs without them. If a closure fails after it has
/// changed something, the group is rolled back and run again, each closure in a savepoint of its own: closures have no
/// effect but their statements.
fn commit_group(
    conn: &mut Connection,
    memory: &mut Memory,
    first: Box<dyn Job>,
    inbox: &Inbox,
    ran: &mut Vec<Box<dyn Job>>,
    told: &mut Told,
) -> Result<()> {
    ran.push(first); // whatever happens, everybody who waits is answered
    run(conn, "begin immediate")?;
    let mut next = 0;
    while let Some(job) = ran.get_mut(next) {
        let changed = conn.total_changes();
        let ended_well = run_job(conn, memory, &mut **job, told)?;
        if !ended_well && conn.total_changes() != changed {
            run(conn, "rollback")?;
            (*memory, *told) = (Memory::default(), Told::default());
            return commit_one_by_one(conn, memory, ran, told);
        }
        next += 1;
        if ran.len() < GROUP {
            ran.extend(inbox.take_waiting());
        }
    }
    run(conn, "commit")
}

/// Runs every job in a savepoint of its own, then commits once.
fn commit_one_by_one(
    conn: &mut Connection,
    memory: &mut Memory,
    ran: &mut [Box<dyn Job>],
    told: &mut Told,
) -> Result<()> {
    run(conn, "begin immediate")?;
    for job in ran {
        run(conn, "savepoint job")?;
        if !run_job(conn, memory, &mut **job, told)? {
            *memory = Memory::default();
            run(conn, "rollback to job")?;
        }
        run(conn, "release job")?;
    }
    run(conn, "commit")
}

/// Runs a job; true when it ended well.
fn run_job(conn: &mut Connection, memory: &mut Memory, job: &mut dyn Job, told: &mut Told) -> Result<bool> {
    let mut tx = Tx::new(conn, memory);
    let ended_well = job.run(&mut tx);
    let (signals, has_event) = tx.into_signals();
    if ended_well {
        told.signals.extend(signals);
        told.has_event |= has_event;
    }
    // A full disk and the like make SQLite roll the whole transaction back: then nobody's work is left.
    if conn.is_autocommit() {
        return Err(Error::NotCommitted("sqlite rolled the whole group back".to_owned()));
    }
    Ok(ended_well)
}

fn read_loop(mut conn: Connection, inbox: &Inbox) {
    while let Some(mut job) = inbox.take() {
        let begun = run(&conn, "begin");
        if begun.is_ok() {
            job.run(&mut Tx::new(&mut conn, &mut Memory::default()));
        }
        if !conn.is_autocommit() {
            let _ = run(&conn, "rollback");
        }
        job.answer(&begun.map_err(|e| e.to_string()));
    }
}

fn run(conn: &Connection, sql: &'static str) -> Result<()> {
    Ok(conn.prepare_cached(sql)?.raw_execute().map(drop)?)
}

/// The database file of a data directory.
pub fn database_path(data_dir: &Path) -> PathBuf {
    data_dir.join("baton.db")
}
