//! The real `baton` binary, serving from a data directory of its own.

use std::{
    fs::{self, File, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{interval, timeout};

use crate::{
    http,
    process::{GroupChild, clean_command},
};

/// How long a start or an orderly end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the lock file is looked at during a start.
const LOOK: Duration = Duration::from_millis(5);

/// Where a server that is started again listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Where it listened before, so that clients find it again.
    Same,
    /// On any free port.
    Any,
}

/// A running (or ended) server; its processes and its files go when it is dropped.
pub struct Server {
    // Before the directory: it ends first.
    child: GroupChild,
    directory: TempDir,
    program: PathBuf,
    args: Vec<String>,
    url: String,
    client: Client,
}

impl Server {
    /// Starts `PROGRAM serve --bind 127.0.0.1:0 --data-dir DIR ARGS…` in a cleared environment and waits until it is
    /// ready. A test of the binary's own crate names it by `env!("CARGO_BIN_EXE_baton")`.
    ///
    /// # Errors
    /// If it does not become ready; the message holds what it said.
    pub async fn start(program: impl AsRef<Path>, args: &[&str]) -> Result<Self> {
        let program = program.as_ref().to_owned();
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let directory = tempfile::Builder::new().prefix("baton-test-").tempdir()?;
        fs::create_dir(directory.path().join("home"))?;
        let child = spawn(&program, &args, directory.path(), "127.0.0.1:0")?;
        let mut server = Server { child, directory, program, args, url: String::new(), client: http::client() };
        server.wait_ready().await?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address in [`Self::url`], for a proxy in front of it.
    ///
    /// # Errors
    /// If the lock file named no address but a host.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.url.trim_start_matches("http://").parse()?)
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything it said so far on stdout and stderr, restarts included.
    pub fn log(&self) -> String {
        let said = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Kills it where it stands, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// If the system cannot say how it ended.
    pub async fn kill9(&mut self) -> Result<()> {
        self.child.signal(Signal::SIGKILL);
        self.child.wait().await?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it did.
    ///
    /// # Errors
    /// If it does not.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.child.signal(Signal::SIGTERM);
        let ended = timeout(PATIENCE, self.child.wait()).await;
        Ok(ended.with_context(|| format!("it went on after SIGTERM:\n{}", self.log()))??)
    }

    /// Starts it again on the same data directory. It must have ended: [`Self::kill9`] or [`Self::terminate`] first.
    ///
    /// # Errors
    /// If it still runs or does not become ready; the message holds what it said.
    pub async fn restart(&mut self, port: Port) -> Result<()> {
        ensure!(self.child.ended()?.is_some(), "the server still runs");
        let bind = match port {
            Port::Same => self.url.trim_start_matches("http://").to_owned(),
            Port::Any => "127.0.0.1:0".to_owned(),
        };
        self.child = spawn(&self.program, &self.args, self.directory.path(), &bind)?;
        self.wait_ready().await
    }

    /// `GET path`: status and body.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub async fn get(&self, path: &str) -> Result<(u16, Value)> {
        Ok(http::read(self.client.get(self.at(path)).send().await?).await?)
    }

    /// `POST path` with a JSON body: status and body.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        Ok(http::read(self.client.post(self.at(path)).json(body).send().await?).await?)
    }

    /// The client that the helpers use, for everything else.
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn wait_ready(&mut self) -> Result<()> {
        match timeout(PATIENCE, self.ready()).await {
            Ok(ready) => ready,
            Err(_) => bail!("not ready after {PATIENCE:?}:\n{}", self.log()),
        }
    }

    /// The lock file tells the address as soon as the listener is bound, `/readyz` that all the rest is there.
    async fn ready(&mut self) -> Result<()> {
        let lock = self.data_dir().join("lock");
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            if let Some(status) = self.child.ended()? {
                bail!("it ended with {status}:\n{}", self.log());
            }
            // After a crash the file of the process before is still there: the pid tells them apart.
            let Some(url) = read_lock(&lock, self.child.id()) else { continue };
            self.url = url;
            if let Ok((200, _)) = self.get("/readyz").await {
                return Ok(());
            }
        }
    }
}

/// The URL in the lock file, if this process wrote it.
fn read_lock(path: &Path, pid: Option<u32>) -> Option<String> {
    let lock: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let url = lock["url"].as_str()?;
    (lock["pid"].as_u64() == pid.map(u64::from)).then(|| url.trim_end_matches('/').to_owned())
}

fn spawn(program: &Path, args: &[String], directory: &Path, bind: &str) -> Result<GroupChild> {
    let log = OpenOptions::new().create(true).append(true).open(directory.join("log"))?;
    let mut command = clean_command(program, &directory.join("home"));
    command.current_dir(directory).args(["serve", "--bind", bind, "--data-dir"]).arg(directory.join("data")).args(args);
    command.stdout(File::try_clone(&log)?).stderr(log);
    GroupChild::spawn(&mut command).with_context(|| format!("start {}", program.display()))
}
