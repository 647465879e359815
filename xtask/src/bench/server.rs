//! A server that is measured: a child process with an address, its memory and its time on the processors.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::time::sleep;

use super::client::{Client, get};
use crate::run::Stopwatch;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child process that serves HTTP; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from the start of the process to the first good answer.
    pub ready_after: Duration,
    data: Option<TempDir>,
}

impl Server {
    /// Starts `baton serve` on a fresh data directory and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn baton(program: &Path) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("baton-bench-").tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.args(["serve", "--bind", &address.to_string(), "--data-dir"]).arg(data.path().join("data"));
        // Nothing of the machine's own settings: neither its files nor its variables.
        command.env_clear().env("HOME", data.path()).current_dir(data.path());
        command.env("BATON_OUTBOUND_ALLOW", "127.0.0.0/8"); // where receivers of webhooks listen
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(data.path().join("log"))?);
        let watch = Stopwatch::start();
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Server { child, address, ready_after: Duration::ZERO, data: Some(data) };
        while !get(address, "/readyz").await.is_ok_and(|(status, _)| status == 200) {
            if let Some(status) = server.child.try_wait()? {
                bail!("`baton serve` ended with {status}: {}", server.log());
            }
            ensure!(watch.elapsed() < PATIENCE, "`baton serve` is not ready after {PATIENCE:?}: {}", server.log());
            sleep(Duration::from_millis(1)).await;
        }
        server.ready_after = watch.elapsed();
        Ok(server)
    }

    /// Starts the bare server.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn echo() -> Result<Self> {
        let watch = Stopwatch::start();
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("echo").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("the pipe that was asked for")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the bare server said {line:?}"))?;
        let (status, _) = get(address, "/waiting").await?;
        ensure!(status == 200, "the bare server answered {status}");
        Ok(Server { child, address, ready_after: watch.elapsed(), data: None })
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn client(&self) -> Result<Client> {
        Client::connect(self.address).await
    }

    /// Its time on the processors so far.
    ///
    /// # Errors
    /// If it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(&self.child.id().to_string())
    }

    /// The memory it holds, in bytes (VmRSS).
    ///
    /// # Errors
    /// If it has ended.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    fn log(&self) -> String {
        let log = self.data.as_ref().map(|data| data.path().join("log"));
        log.and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time that a process (`self` is this one) has spent on the processors, to 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> Result<u64> { Ok(fields.get(index).context("a short /proc/…/stat")?.parse()?) };
    // Linux tells user space ticks of 10 ms, whatever it counts in itself (proc(5), USER_HZ).
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}
