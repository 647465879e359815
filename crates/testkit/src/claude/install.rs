//! Claude Code in the cache: found there, or put there by npm.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use tokio::process::Command;

/// The version that the tests are written for.
pub const VERSION: &str = "2.1.328";
const PACKAGE: &str = "@anthropic-ai/claude-code";

/// The program, installed if need be. Processes that come at the same time wait for the one that installs.
pub(super) async fn program() -> Result<PathBuf> {
    let prefix = cache()?.join("npm").join(format!("claude-code-{VERSION}"));
    let program = prefix.join("node_modules/.bin/claude");
    if works(&program).await {
        return Ok(program);
    }
    fs::create_dir_all(&prefix).with_context(|| format!("make {}", prefix.display()))?;
    let _lock = lock(prefix.with_file_name(format!("claude-code-{VERSION}.lock"))).await?;
    if !works(&program).await {
        install(&prefix).await?;
        ensure!(works(&program).await, "{} does not run although npm installed it", program.display());
    }
    Ok(program)
}

/// `$BATON_CACHE`, or `~/.cache/baton`.
fn cache() -> Result<PathBuf> {
    if let Some(cache) = std::env::var_os("BATON_CACHE") {
        return Ok(cache.into());
    }
    let home = std::env::var_os("HOME").context("neither BATON_CACHE nor HOME is set: where is the cache?")?;
    Ok(Path::new(&home).join(".cache/baton"))
}

/// Whether it is whole: an installation that was interrupted does not tell its version.
async fn works(program: &Path) -> bool {
    let told = Command::new(program).arg("--version").kill_on_drop(true).output().await;
    told.is_ok_and(|told| told.status.success() && told.stdout.starts_with(VERSION.as_bytes()))
}

async fn lock(path: PathBuf) -> Result<Flock<File>> {
    let take = move || {
        let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, code)| code).context("lock the cache of npm packages")
    };
    tokio::task::spawn_blocking(take).await?
}

async fn install(prefix: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(prefix).arg(format!("{PACKAGE}@{VERSION}"));
    let done = match npm.kill_on_drop(true).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "npm is missing: install Node.js (Debian: apt install npm), or put {PACKAGE}@{VERSION} into {}",
                prefix.display()
            )
        }
        done => done.context("run npm")?,
    };
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "npm could not install {PACKAGE}@{VERSION} ({}):\n{said}", done.status);
    Ok(())
}
