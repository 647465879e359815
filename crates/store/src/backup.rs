//! Copies of the database: made while it is in use, checked before they count.

use std::{
    fs,
    path::{Path, PathBuf},
};

use baton_model::bounds::shorten;
use rusqlite::{Connection, OpenFlags};

use crate::{
    error::{Error, Result},
    migrations, sqlite,
};

/// What a sound copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sound {
    /// The schema's version.
    pub schema_version: i64,
    /// How many directives it holds.
    pub directives: i64,
    /// How many of them have a result.
    pub results: i64,
    /// How many events it holds.
    pub events: i64,
    /// The file's size.
    pub bytes: u64,
}

/// Copies the database at `from` into the new file `to`, while others write to it, and checks the copy. Nothing is
/// left at `to` unless it is sound.
///
/// # Errors
/// If `to` exists, a file cannot be read or written, or the copy is not sound.
pub fn backup(from: &Path, to: &Path) -> Result<Sound> {
    if to.exists() {
        let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it exists; give another name");
        return Err(Error::File { path: to.display().to_string(), source });
    }
    let part = Part::beside(to)?;
    copy(from, &part.0)?;
    let sound = verify(&part.0)?;
    part.place(to)?;
    Ok(sound)
}

/// A file that is being made beside the one it shall become; gone when it is dropped before that.
struct Part(PathBuf);

impl Part {
    /// Makes an empty file of a name that nothing had.
    fn beside(file: &Path) -> Result<Self> {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = file.with_file_name(name);
        fs::File::create_new(&path).map_err(at(&path))?;
        Ok(Part(path))
    }

    /// Gives it its name, once it is on disk.
    fn place(self, file: &Path) -> Result<()> {
        sync(&self.0)?;
        fs::rename(&self.0, file).map_err(at(file))?;
        let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
        sync(directory.unwrap_or(Path::new(".")))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            let _ = fs::remove_file(name); // after `place` there is none
        }
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File { path, source }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let conn = sqlite::open_existing(from)?;
    // One statement on one snapshot: writers go on, and the copy is compact.
    conn.execute("vacuum into ?1", [to.to_string_lossy()])?;
    Ok(())
}

/// Checks that a file is a whole database of a version that this Baton knows.
///
/// # Errors
/// [`Error::Unsound`] says what is wrong with it.
pub fn verify(path: &Path) -> Result<Sound> {
    let unsound = |e: rusqlite::Error| Error::Unsound(format!("{}: {e}", path.display()));
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unsound)?;
    let said: String = conn.query_row("pragma integrity_check", [], |row| row.get(0)).map_err(unsound)?;
    if said != "ok" {
        return Err(Error::Unsound(shorten(&said, 500)));
    }
    let Some((schema_version, oldest)) = migrations::version(&conn)? else {
        return Err(Error::Unsound(format!("{} is no database of Baton", path.display())));
    };
    if oldest > migrations::newest() {
        return Err(Error::TooNew { found: schema_version, oldest, known: migrations::newest() });
    }
    let count = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(unsound);
    Ok(Sound {
        schema_version,
        directives: count("select count(*) from directive")?,
        results: count("select count(*) from directive where success is not null")?,
        events: count("select count(*) from event")?,
        bytes: fs::metadata(path).map_or(0, |file| file.len()),
    })
}

/// Puts a sound copy in the place of the database at `to`, which nobody may have open. A database that stands there
/// is moved aside, to `aside`.
///
/// # Errors
/// If the copy is not sound or a file cannot be moved; then what stood at `to` still stands there.
pub fn restore(from: &Path, to: &Path, aside: &Path) -> Result<Sound> {
    verify(from)?;
    if to.exists() && from.canonicalize().map_err(at(from))? == to.canonicalize().map_err(at(to))? {
        let source =
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is the database itself, not a copy of it");
        return Err(Error::File { path: from.display().to_string(), source });
    }
    let part = Part::beside(to)?;
    copy(from, &part.0)?; // with what still stands in the log beside it
    let sound = verify(&part.0)?;
    if to.exists() {
        // What the log still holds belongs to the database that is kept aside.
        let conn = sqlite::open_existing(to)?;
        conn.execute_batch("pragma wal_checkpoint(truncate); pragma journal_mode = delete")?;
        drop(conn);
        // A second name first, so that there is a database at `to` at every moment.
        fs::hard_link(to, aside).map_err(at(aside))?;
    }
    part.place(to)?;
    Ok(sound)
}

fn sync(path: &Path) -> Result<()> {
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(at(path))
}
