//! Where the data lies: whether it is safe there, and whether there is room for more.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use baton_engine::backup;
use baton_model::{Clock, Millis, SystemClock, clock as moments};
use nix::{
    sys::{statfs, statvfs::statvfs},
    unistd::{AccessFlags, access},
};

use super::Check;
use crate::{
    config::{Loaded, Origin, Synchronous},
    server::keys,
};

/// Less room than this is gone before anybody looks, in bytes.
const LITTLE_ROOM: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;
/// No clock that is right shows an earlier moment: 2026-01-01.
const EARLIEST: Millis = 1_767_225_600_000;
/// Nor one after 2100-01-01.
const LATEST: Millis = 4_102_444_800_000;
/// How far the clock may be behind a file's before it was set back.
const SLACK: Millis = 60_000;

/// The directory, or the one in which it would be made.
fn existing(path: &Path) -> &Path {
    let named = path.ancestors().find(|ancestor| ancestor.exists());
    named.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the data directory can be written, by its owner alone.
pub fn directory(dir: &Path) -> Check {
    let (name, there) = ("data directory", existing(dir));
    if let Err(error) = access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        let fix = "let this user write there, or name another: `--data-dir DIR`";
        return Check::bad(name, format!("{} cannot be written ({error}); {fix}", there.display()));
    }
    if there != dir {
        return Check::good(name, format!("{} (made at the first start)", dir.display()));
    }
    match others(dir) & 0o022 {
        0 => Check::good(name, dir.display().to_string()),
        _ => {
            let what = "others may write there and take its place";
            Check::bad(name, format!("{}: {what}; `chmod 700 {}`", dir.display(), dir.display()))
        }
    }
}

/// What others than the owner may do with a file, as mode bits.
pub fn others(path: &Path) -> u32 {
    fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o077)
}

/// Whether there is room for more.
pub fn space(database: &Path) -> Check {
    let place = existing(database.parent().unwrap_or(Path::new("")));
    let free = match statvfs(place) {
        Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
        Err(error) => {
            let fix = "see that the disk is mounted";
            return Check::bad("disk", format!("{} cannot be asked ({error}); {fix}", place.display()));
        }
    };
    let told = format!("{} MiB free at {}", free / MIB, place.display());
    match free < LITTLE_ROOM {
        true => Check::bad("disk", format!("only {told}; make room, or name a larger disk: `--data-dir DIR`")),
        false => Check::good("disk", told),
    }
}

/// A server's own database is left in peace: checking every page takes a while.
pub fn database(path: &Path, in_use: bool) -> Check {
    if !path.exists() {
        return Check::good("database", format!("{} (made at the first start)", path.display()));
    }
    if in_use {
        return Check::good("database", format!("{} (in use, not checked)", path.display()));
    }
    match backup::verify(path) {
        Ok(sound) => Check::good(
            "database",
            format!("{}: {} directives, {} results", path.display(), sound.directives, sound.results),
        ),
        Err(error) => Check::bad("database", format!("{error}; `baton restore FILE` puts a backup in its place")),
    }
}

/// What an answered write survives here.
pub fn durability(database: &Path, synchronous: Synchronous) -> Check {
    let place = existing(database);
    let network = [statfs::NFS_SUPER_MAGIC, statfs::SMB_SUPER_MAGIC, statfs::CODA_SUPER_MAGIC];
    if statfs::statfs(place).is_ok_and(|disk| network.contains(&disk.filesystem_type())) {
        let why = "lies on a network file system, which does not keep a database's promises";
        return Check::bad("durability", format!("{} {why}; move the data to a local disk", place.display()));
    }
    let log = match is_wal(database) {
        Some(true) => "write-ahead log",
        Some(false) => "write-ahead log from the next start on",
        None => "write-ahead log from the first start on",
    };
    Check::good(
        "durability",
        match synchronous {
            Synchronous::Full => format!("{log}; an answered write survives a power cut (store.synchronous = full)"),
            Synchronous::Normal => {
                format!("{log}; a power cut may take the last moments with it (store.synchronous = normal)")
            }
        },
    )
}

/// Whether a database file says that it is written with a log (sqlite.org/fileformat, bytes 18 and 19).
fn is_wal(database: &Path) -> Option<bool> {
    let mut head = [0; 20];
    File::open(database).ok()?.read_exact(&mut head).ok()?;
    Some(head[18..] == [2, 2])
}

/// Where the key comes from that encrypts secrets in the database.
pub fn secret_key(loaded: Option<&Loaded>, dir: &Path) -> Check {
    let name = "secret key";
    let own = keys::secret_key_file(dir);
    let line = loaded.and_then(|loaded| loaded.shown().into_iter().find(|line| line.key == "store.secret_key"));
    match line.filter(|line| line.origin != Origin::Default) {
        Some(line) if line.is_hidden => {
            let is_file = matches!(line.origin, Origin::File(..));
            let told = format!("stands in clear in {}", line.origin);
            let fix = "put it into a file of its own that only this user reads, and name that: `file:PATH`";
            if is_file { Check::bad(name, format!("{told}; {fix}")) } else { Check::good(name, told) }
        }
        Some(line) => Check::good(name, format!("{} ({})", line.value.as_str().unwrap_or_default(), line.origin)),
        None if !own.exists() => {
            Check::good(name, format!("{} (made at the first start; or set store.secret_key)", own.display()))
        }
        None if others(&own) != 0 => {
            Check::bad(name, format!("others may read {}; `chmod 600 {}`", own.display(), own.display()))
        }
        None => Check::good(name, own.display().to_string()),
    }
}

/// Whether the clock shows the present: delays, retries and tokens go by it.
pub fn clock(database: &Path) -> Check {
    let now = SystemClock::start().now();
    let fix = "set it and keep it right: `timedatectl set-ntp true`";
    if !(EARLIEST..LATEST).contains(&now) {
        return Check::bad("clock", format!("it shows {}; {fix}", moments::iso(now)));
    }
    let written = |path: &Path| {
        let age = path.metadata().and_then(|metadata| metadata.modified()).ok()?.duration_since(std::time::UNIX_EPOCH);
        Millis::try_from(age.ok()?.as_millis()).ok()
    };
    match written(database).filter(|written| written - now > SLACK) {
        Some(written) => {
            let then = moments::iso(written);
            Check::bad(
                "clock",
                format!("it shows {}, and the database was written at {then}; {fix}", moments::iso(now)),
            )
        }
        None => Check::good("clock", moments::iso(now)),
    }
}
