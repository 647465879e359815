//! The data directory: where it is, who uses it, and under which URL that server is found.
//!
//! A server locks the file `lock` in its data directory (`flock`) for as long as it lives. Once it listens, the file
//! says `{"pid": …, "url": "http://127.0.0.1:8000", "key": …}`, so that other commands find it. The kernel drops the lock when
//! the process ends, however it ends: a file that nobody has locked is a leftover and counts for nothing.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use baton_model::Secret;
use serde::{Deserialize, Serialize, Serializer};

use crate::failure::{Failure, Result};

/// How often and how long to wait for a reader that looks at the lock just now.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// What the lock file says of a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process id.
    pub pid: u32,
    /// Where it answers: `http://127.0.0.1:8000`, no slash at the end.
    pub url: String,
    /// What commands show it as a token: whoever may read this file may do everything anyway. Made anew at each start.
    #[serde(default, serialize_with = "exposed")]
    pub key: Secret<String>,
}

fn exposed<S: Serializer>(key: &Secret<String>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}

/// The directory that was asked for, or `$XDG_DATA_HOME/baton`, or `~/.local/share/baton`. It need not exist yet.
///
/// # Errors
/// When nothing says where it is: no flag, no `BATON_DATA_DIR`, no `XDG_DATA_HOME`, no `HOME`.
pub fn locate(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = asked {
        return Ok(dir.to_path_buf());
    }
    xdg("XDG_DATA_HOME", ".local/share").map(|base| base.join("baton")).ok_or_else(|| {
        Failure::config("there is no place for the data")
            .because("neither XDG_DATA_HOME nor HOME is set to an absolute path")
            .next("name one: `baton serve --data-dir DIR`")
    })
}

/// A base directory of the XDG specification: the variable, if it holds an absolute path, else `fallback` at home.
pub fn xdg(variable: &str, fallback: &str) -> Option<PathBuf> {
    let absolute = |path: std::ffi::OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    std::env::var_os(variable)
        .and_then(absolute)
        .or_else(|| std::env::var_os("HOME").and_then(absolute).map(|home| home.join(fallback)))
}

/// Makes the directory, readable by its owner alone, unless it is there.
///
/// # Errors
/// When the system refuses.
pub fn create(dir: &Path) -> Result {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        Failure::failed(format!("cannot make the data directory {}", dir.display()))
            .because(error)
            .next("name another: `baton serve --data-dir DIR`")
    })
}

/// The lock file of a data directory.
pub fn lock_file(dir: &Path) -> PathBuf {
    dir.join("lock")
}

/// The server that runs on a data directory and listens, if there is one.
pub fn running(dir: &Path) -> Option<Running> {
    holder(&lock_file(dir))
}

/// The server that holds a lock and listens, if there is one.
fn holder(lock: &Path) -> Option<Running> {
    let mut file = File::open(lock).ok()?;
    if file.try_lock_shared().is_ok() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The path without links, so that a database has one lock whatever way leads to it.
fn real_path(file: &Path) -> PathBuf {
    let beside = || Some(file.parent()?.canonicalize().ok()?.join(file.file_name()?));
    file.canonicalize().ok().or_else(beside).unwrap_or_else(|| file.to_owned())
}

/// The right to be the one server of a data directory or database. Given back when it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the locks of a data directory that exists and of its database, which another data directory may use too.
    ///
    /// # Errors
    /// When a server runs there already; the message names its URL.
    pub fn take_all(dir: &Path, database: &Path) -> Result<[Self; 2]> {
        let mut name = real_path(database).into_os_string();
        name.push(".lock");
        Ok([Lock::take(lock_file(dir))?, Lock::take(name.into())?])
    }

    fn take(path: PathBuf) -> Result<Self> {
        let unusable = |error: io::Error| {
            Failure::failed(format!("cannot lock {}", path.display()))
                .because(error)
                .next("name a directory on a local disk that you may write to: `--data-dir DIR`")
        };
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            // Never through a link that somebody has put there.
            options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits());
            let file = options.open(&path).map_err(unusable)?;
            match file.try_lock() {
                // A server that ended meanwhile may have removed the file we opened; then its lock is worth nothing.
                Ok(()) if is_still_there(&file, &path) => {
                    own(&file).map_err(unusable)?;
                    file.set_len(0).map_err(unusable)?;
                    return Ok(Lock { file, path });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
        }
        let place = path.parent().unwrap_or(&path);
        let failure = Failure::failed(format!("a server already runs on the data in {}", place.display()));
        Err(match holder(&path) {
            Some(Running { pid, url, .. }) => failure
                .because(format!("process {pid} answers at {url}"))
                .next(format!("use it (`baton queue status --url {url}`), or choose another `--data-dir DIR`")),
            None => failure
                .because(format!("another process has locked {}", path.display()))
                .next("wait until it is ready, or choose another `--data-dir DIR`"),
        })
    }

    /// Tells other commands where the server is. One short write, so that a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the system refuses to write.
    pub fn announce(&mut self, running: &Running) -> Result {
        let text = serde_json::json!(running).to_string();
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| Failure::failed(format!("cannot write {}", self.path.display())).because(error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked here: nobody can take the lock of a file that is about to vanish and keep it (see `take`).
        let _ = fs::remove_file(&self.path);
    }
}

/// Sees to it that nobody else can read what will be written.
fn own(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 || found.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::other("it is no file of ours alone: remove it"));
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

fn is_still_there(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_holds_a_directory_and_others_find_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running(dir.path()), None);
        let mut lock = Lock::take(lock_file(dir.path())).unwrap();
        assert_eq!(running(dir.path()), None, "locked, but it does not listen yet");
        let server = Running { pid: 7, url: "http://127.0.0.1:8000".into(), key: Secret::new("k".into()) };
        lock.announce(&server).unwrap();
        assert_eq!(running(dir.path()), Some(server));
        let refused = Lock::take(lock_file(dir.path())).unwrap_err().to_string();
        assert!(refused.contains("process 7 answers at http://127.0.0.1:8000"), "{refused}");
        drop(lock);
        assert!(!dir.path().join("lock").exists());
        assert_eq!(running(dir.path()), None);
        Lock::take(lock_file(dir.path())).unwrap();
    }

    #[test]
    fn a_lock_is_nobody_elses_to_read_and_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (lock, victim) = (dir.path().join("lock"), dir.path().join("victim"));
        fs::write(&lock, "").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
        let taken = Lock::take(lock.clone()).unwrap();
        assert_eq!(fs::metadata(&lock).unwrap().mode() & 0o777, 0o600);
        drop(taken);
        fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, &lock).unwrap();
        Lock::take(lock.clone()).unwrap_err();
        fs::remove_file(&lock).unwrap();
        fs::hard_link(&victim, &lock).unwrap();
        assert!(Lock::take(lock).unwrap_err().to_string().contains("remove it"));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    }

    #[test]
    fn a_leftover_of_a_killed_server_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("lock"), r#"{"pid":1,"url":"http://127.0.0.1:1"}"#).unwrap();
        assert_eq!(running(dir.path()), None);
        let lock = Lock::take(lock_file(dir.path())).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("lock")).unwrap(), "");
        drop(lock);
    }

    #[test]
    fn two_data_directories_do_not_share_a_database() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two, shared) = (dir.path().join("1"), dir.path().join("2"), dir.path().join("shared.db"));
        create(&one).unwrap();
        create(&two).unwrap();
        let first = Lock::take_all(&one, &one.join("../shared.db")).unwrap();
        let refused = Lock::take_all(&two, &shared).unwrap_err().to_string();
        assert!(refused.contains("shared.db.lock"), "{refused}");
        assert_eq!(running(&two), None, "its own lock is given back");
        Lock::take_all(&two, &two.join("baton.db")).unwrap();
        drop(first);
        Lock::take_all(&two, &shared).unwrap();
    }

    #[test]
    fn a_new_directory_belongs_to_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        create(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
    }
}
