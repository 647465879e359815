//! A headless Chromium, driven over the DevTools protocol on a pair of pipes: no port, no driver program.

mod axe;
mod link;
mod tab;

use std::{io, os::fd::OwnedFd, process::Stdio, sync::Arc};

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::unix::pipe::{Receiver, Sender},
    process::Command,
};

use self::link::Link;
pub use self::{axe::axe, tab::Tab};
use crate::process::{GroupChild, clean_command};

/// The program; Debian's package has the same name.
pub const PROGRAM: &str = "chromium";

/// What keeps it to itself: no sandbox, because tests may run as root; no calls to its maker.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-pipe",
];

/// A running browser; it and its profile go when it is dropped.
pub struct Browser {
    // Before the directory: it ends first.
    _child: GroupChild,
    _home: TempDir,
    link: Arc<Link>,
}

impl Browser {
    /// Starts one with an empty profile.
    ///
    /// # Errors
    /// If it cannot be started; says how to get it.
    pub async fn start() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("baton-browser-").tempdir()?;
        let (commands, to_browser) = io::pipe()?;
        let (from_browser, answers) = io::pipe()?;
        // The protocol wants the pipes at 3 and 4; the shell puts them there.
        let mut command: Command = clean_command("sh", home.path());
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh", PROGRAM]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", home.path().join("profile").display()));
        command.arg("about:blank").stdin(Stdio::from(commands)).stdout(Stdio::from(answers)).stderr(Stdio::null());
        let child = GroupChild::spawn(&mut command).context("start a shell for the browser")?;
        drop(command); // its ends of the pipes
        let sender = Sender::from_owned_fd(OwnedFd::from(to_browser))?;
        let receiver = Receiver::from_owned_fd(OwnedFd::from(from_browser))?;
        let browser = Browser { _child: child, _home: home, link: Link::new(sender, receiver) };
        let version = browser.link.call(None, "Browser.getVersion", json!({})).await;
        version.with_context(|| {
            format!("`{PROGRAM}` does not start: install it, on Debian as root with `apt-get install {PROGRAM}`")
        })?;
        Ok(browser)
    }

    /// Opens a page in a tab of its own.
    ///
    /// # Errors
    /// If the browser does not do as it is told.
    pub async fn open(&self, url: &str) -> Result<Tab> {
        let tab = Tab::new(self.link.clone()).await?;
        tab.go(url).await?;
        Ok(tab)
    }
}
