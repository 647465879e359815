//! What a server asks of the machine: threads, open files, files that are nobody else's business.

use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    stat::{Mode, umask},
};
use tokio::runtime::{Builder, Runtime};

use crate::failure::{Failure, Result};

/// Most threads that answer requests. All writes go through one thread of the store, so more would only wait for it.
const MOST_WORKERS: usize = 8;

/// The runtime of a server.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.clamp(1, MOST_WORKERS))
        .thread_name("baton")
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start the runtime").because(error))
}

/// Raises the number of files that may be open to what the system allows: each waiting poll is one.
pub fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::debug!(%error, soft, hard, "the limit of open files stays as it is");
    }
}

/// How many connections may be open at the same time: all files that may be, but for those that the store and the rest
/// of the server need.
pub fn room_for_connections() -> usize {
    const OTHERS: u64 = 128;
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(files.saturating_sub(OTHERS).max(16)).unwrap_or(usize::MAX >> 4).min(usize::MAX >> 4)
}

/// Files that this process makes can be read by its user alone.
pub fn private_files() {
    umask(Mode::from_bits_truncate(0o077));
}
