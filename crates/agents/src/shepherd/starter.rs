//! Baton's side: a handle on a shepherd.

use std::{io, os::fd::OwnedFd, os::unix::net::UnixStream as StdUnixStream, path::Path, process::Stdio};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdout, Command},
};

use super::{Launch, Order, Report, SUBCOMMAND, orphans};

/// Why there is no shepherd.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refuses it: too many processes or open files, or the binary is gone.
    #[error("the process that watches over agents ({program}) could not be started: {source}")]
    System {
        /// The baton binary.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A running shepherd. Dropping it closes its control channel, whereupon it ends all that is below it by itself.
#[derive(Debug)]
pub struct Shepherd {
    child: Child,
    orders: OwnedWriteHalf,
    reports: Lines<BufReader<OwnedReadHalf>>,
    /// Its process id; kept for when it has ended.
    pid: Option<u32>,
    /// The agent's process group, while it runs.
    group: Option<Pid>,
    /// Its last report has come.
    has_ended: bool,
}

/// What an agent prints. Both end when the shepherd has ended.
#[derive(Debug)]
pub struct Output {
    /// Its stdout.
    pub stdout: ChildStdout,
    /// Its stderr.
    pub stderr: ChildStderr,
}

impl Shepherd {
    /// Starts a shepherd with its agent. Whether the agent could be started is its first report.
    ///
    /// # Errors
    /// If the shepherd itself cannot be started.
    pub async fn start(program: &Path, launch: &Launch) -> Result<(Shepherd, Output), StartError> {
        Self::try_start(program, launch)
            .await
            .map_err(|source| StartError::System { program: program.display().to_string(), source })
    }

    async fn try_start(program: &Path, launch: &Launch) -> io::Result<(Shepherd, Output)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reports, orders) = UnixStream::from_std(ours)?.into_split();
        let mut child = orphans::enlist(|| spawn(program, theirs))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("a child without its pipes"));
        };
        let (pid, reports) = (child.id(), BufReader::new(reports).lines());
        let mut shepherd = Shepherd { child, orders, reports, pid, group: None, has_ended: false };
        let mut line = serde_json::to_vec(launch)?;
        line.push(b'\n');
        shepherd.orders.write_all(&line).await?;
        Ok((shepherd, Output { stdout, stderr }))
    }

    /// The next report; none after the last, or if the shepherd is gone without one: then nothing of the agent is left
    /// (see [`super::inherit_orphans`]). May be cancelled.
    pub async fn report(&mut self) -> Option<Report> {
        // A line that is none and a channel that breaks both mean that there is no shepherd that keeps its word.
        let report = self.reports.next_line().await.ok().flatten().and_then(|line| serde_json::from_str(&line).ok());
        match &report {
            Some(Report::Started { pid }) => self.group = Some(Pid::from_raw(*pid)),
            Some(Report::Ended { .. } | Report::NotStarted { .. }) => self.has_ended = true,
            Some(Report::Exited(_)) => {}
            None if self.has_ended => {}
            None => self.abandon().await,
        }
        report
    }

    /// Gives an order. One that does not arrive finds nobody who could obey: the next report is none then.
    pub async fn order(&mut self, order: Order) {
        let line = format!("{}\n", order.word());
        if let Err(error) = self.orders.write_all(line.as_bytes()).await {
            tracing::debug!(%error, order = order.word(), "a shepherd is gone");
        }
    }

    /// Waits for the shepherd's own end, after its last report.
    pub async fn wait(mut self) {
        self.bury().await;
    }

    async fn bury(&mut self) {
        match self.child.wait().await {
            Ok(_) => orphans::strike_off(self.pid.take()),
            Err(error) => tracing::warn!(%error, "the end of a shepherd cannot be waited for"),
        }
    }

    /// The process id of the shepherd, as long as it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The shepherd does not keep its word, or can no more: it is ended here, and all that it leaves behind. May be
    /// cancelled, and called again.
    pub async fn abandon(&mut self) {
        if let Some(group) = self.group.take() {
            // It may be gone, too.
            let _ = killpg(group, Signal::SIGKILL);
        }
        // It is dead already, but for one that lost its tongue. Its orphans are ours before it can be buried.
        let _ = self.child.start_kill();
        self.bury().await;
        let left = orphans::end().await;
        if left > 0 {
            tracing::error!(left, "processes of an agent that killed its shepherd could not be ended");
        }
    }
}

/// The command, and with it our copy of the shepherd's end of the channel, is dropped here: only then does the channel
/// end with the shepherd.
fn spawn(program: &Path, channel: StdUnixStream) -> io::Result<Child> {
    let mut command = Command::new(program);
    // A Ctrl-C goes to Baton's group, and must not reach the shepherd before it is deaf.
    command.arg0("baton").arg(SUBCOMMAND).env_clear().process_group(0);
    command.stdin(OwnedFd::from(channel)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}
