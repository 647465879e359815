//! Children that leave nothing behind.

use std::{
    ffi::OsStr,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// How often, and with what pauses, a killed child is looked at until it is gone.
const LOOKS: u32 = 1000;
const LOOK: Duration = Duration::from_millis(1);

/// A command that inherits nothing of this process but `PATH`: its `HOME` is its own, its stdin is empty.
pub fn clean_command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("LANG", "C.UTF-8").stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A child that leads a process group of its own; dropping it kills the whole group.
#[derive(Debug)]
pub struct GroupChild {
    child: Child,
}

impl GroupChild {
    /// Starts the command as leader of a new group.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Ok(GroupChild { child: command.process_group(0).kill_on_drop(true).spawn()? })
    }

    /// Its process id, as long as nobody waited for its end.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal to the group; nothing happens if the child was waited for already.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // A group that is gone (ESRCH) is what the caller wants, too.
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }

    /// Waits for the child's end.
    ///
    /// # Errors
    /// If the system cannot say.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for GroupChild {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        // Death takes a moment; only then its files can be removed for good.
        for _ in 0..LOOKS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}
