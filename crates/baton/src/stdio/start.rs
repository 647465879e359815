//! Starts a server that outlives us.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::{
    data_dir::{self, Running},
    failure::{Failure, Result},
};

/// How long a server that was started so runs without anything to do, in seconds.
const IDLE_EXIT: &str = "1800";
/// How long to wait until it is ready, or until another one that starts a server is done.
const READY: Duration = Duration::from_secs(20);
/// How often to look.
const LOOK: Duration = Duration::from_millis(20);
/// From what length on the log is begun anew, in bytes.
const LOG_LIMIT: u64 = 4 * 1024 * 1024;
/// How much of the log tells why a server did not start, in bytes.
const LOG_TAIL: usize = 2000;

/// The URL of the server on a data directory. If there is none it is started; of several that try at once, one does.
///
/// # Errors
/// When it does not become ready; the end of its log is the reason given.
pub async fn find_or_start(dir: &Path, config: Option<&Path>) -> Result<Running> {
    if let Some(running) = data_dir::running(dir) {
        return Ok(running);
    }
    data_dir::create(dir)?;
    let late = |_| Failure::failed(format!("no server became ready on {} within {} s", dir.display(), READY.as_secs()));
    let turn = timeout(READY, take_turn(dir)).await.map_err(late)??;
    let url = timeout(READY, start(dir, config)).await.map_err(late)?;
    drop(turn);
    url
}

/// Waits until nobody else is starting a server here. The right ends when the file is dropped.
async fn take_turn(dir: &Path) -> Result<File> {
    let path = dir.join("start.lock");
    let refused = |error| Failure::failed(format!("cannot lock {}", path.display())).because(error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(refused)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(LOOK).await,
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
    }
}

async fn start(dir: &Path, config: Option<&Path>) -> Result<Running> {
    match attempt(dir, config, &[]).await? {
        Attempt::Ready(running) => Ok(running),
        // The usual port may be somebody else's; the lock file tells everyone where this server is instead.
        Attempt::Ended(status, _) if status.code() == Some(1) && std::env::var_os("BATON_BIND").is_none() => {
            match attempt(dir, config, &["--bind", "127.0.0.1:0"]).await? {
                Attempt::Ready(running) => Ok(running),
                Attempt::Ended(_, failure) => Err(failure),
            }
        }
        Attempt::Ended(_, failure) => Err(failure),
    }
}

enum Attempt {
    /// The server's URL.
    Ready(Running),
    /// It ended before it was ready.
    Ended(ExitStatus, Failure),
}

/// Starts one server and waits until somebody serves the directory: ours, or one that was faster.
async fn attempt(dir: &Path, config: Option<&Path>, more: &[&str]) -> Result<Attempt> {
    if let Some(running) = data_dir::running(dir) {
        return Ok(Attempt::Ready(running));
    }
    let (mut child, log) = spawn(dir, config, more)?;
    let url = loop {
        if let Some(running) = data_dir::running(dir) {
            break running;
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Ok(Attempt::Ended(status, ended(dir, status, log)));
        }
        sleep(LOOK).await;
    };
    // Somebody must hear how it ends, or it stays behind as a zombie.
    std::thread::spawn(move || child.wait());
    Ok(Attempt::Ready(url))
}

/// Starts `baton serve` by way of [`become_detached`], its talk in a log of the data directory. It works in the data
/// directory: settings that lie where the client happens to be are not its own.
fn spawn(dir: &Path, config: Option<&Path>, more: &[&str]) -> Result<(Child, Log)> {
    let path = dir.join("serve.log");
    let refused = |error| Failure::failed("cannot start a server").because(error).next("start it: `baton serve`");
    let mut log = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).map_err(refused)?;
    if log.metadata().map_err(refused)?.len() > LOG_LIMIT {
        log.set_len(0).map_err(refused)?;
    }
    let from = log.seek(SeekFrom::End(0)).map_err(refused)?;
    let mut command = Command::new(std::env::current_exe().map_err(refused)?);
    command.args(["mcp", "--detach", "serve", "--idle-exit", IDLE_EXIT]).args(more).arg("--data-dir").arg(dir);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let (out, err) = (log.try_clone().map_err(refused)?, log.try_clone().map_err(refused)?);
    let child = command.current_dir(dir).stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(refused)?;
    Ok((child, Log { file: log, from }))
}

/// What a server says, from where its part begins.
struct Log {
    file: File,
    from: u64,
}

fn ended(dir: &Path, status: ExitStatus, mut log: Log) -> Failure {
    let mut text = Vec::new();
    // Without the log the status has to do. The place to read from is shared with the child, which has moved it.
    let _ = log.file.seek(SeekFrom::Start(log.from)).and_then(|_| log.file.read_to_end(&mut text));
    let tail = &text[text.len().saturating_sub(LOG_TAIL)..];
    Failure::failed(format!("the server for {} did not start ({status})", dir.display()))
        .because(String::from_utf8_lossy(tail).trim())
        .next("`baton serve` shows it in a terminal; `baton doctor` looks for the cause")
}

/// Leaves the terminal and the process group of whoever started us, then becomes `baton ARGS…`.
///
/// # Errors
/// When the system refuses; otherwise it does not come back.
pub fn become_detached(args: &[OsString]) -> Result {
    let refused = |why: String| Failure::failed("cannot start a server of its own").because(why);
    nix::unistd::setsid().map_err(|error| refused(error.to_string()))?;
    let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
    Err(refused(Command::new(program).args(args).exec().to_string()))
}
