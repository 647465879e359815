//! Bringing a database up to date.

use refinery_core::{Migration, Runner};
use rusqlite::{Connection, OptionalExtension};

use crate::error::{Error, Result};

/// Every migration, oldest first: number, name, text. The files say the same names for every database.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "directives", include_str!("../migrations/sqlite/0001_directives.sql")),
    (2, "around_the_loop", include_str!("../migrations/sqlite/0002_around_the_loop.sql")),
];

/// The newest version of the schema that this binary knows.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(number, ..)| *number)
}

/// Applies what is missing, each migration in a transaction of its own.
///
/// # Errors
/// [`Error::TooNew`] if the database was made by a newer Baton that this one may not stand beside.
pub(crate) fn run(conn: &mut Connection) -> Result<()> {
    if let Some((found, oldest)) = version(conn)? {
        if oldest > newest() {
            return Err(Error::TooNew { found, oldest, known: newest() });
        }
        if found >= newest() {
            return Ok(());
        }
    }
    // A path that was mistyped must not change another program's database.
    let foreign =
        "select name from sqlite_master where type = 'table' and name not like 'refinery%' and name not like 'sqlite%'";
    let table = conn.query_row(foreign, [], |row| row.get::<_, String>(0)).optional()?;
    if let (None, Some(table)) = (version(conn)?, table) {
        return Err(Error::Migration(format!("this is the database of another program: it has a table `{table}`")));
    }
    let migrations =
        MIGRATIONS.iter().map(|(number, name, sql)| Migration::unapplied(&format!("V{number}__{name}"), sql));
    let migrations = migrations.collect::<Result<Vec<_>, _>>().map_err(|e| Error::Migration(e.to_string()))?;
    Runner::new(&migrations).run(conn).map_err(|e| Error::Migration(e.to_string()))?;
    Ok(())
}

/// The database's schema version and the oldest that may run on it; none if it is new.
pub(crate) fn version(conn: &Connection) -> Result<Option<(i64, i64)>> {
    let known = "select 1 from sqlite_master where type = 'table' and name = 'schema_info'";
    if conn.query_row(known, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    Ok(conn
        .query_row("select version, oldest from schema_info", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}
