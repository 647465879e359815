//! Packages that tests run but the workspace does not hold, from npm and PyPI. Each is installed once, at exactly one
//! version, into `${BATON_CACHE:-~/.cache/baton}`.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use tokio::process::Command;

/// The Node.js that packages for tests run on; some need a newer one than Debian has.
const NODE: &str = "22.23.3";

/// The directory that holds a package of npm, its dependencies beside it, in `node_modules`.
///
/// # Errors
/// If it is not there and npm is missing or fails; the message names what to do.
pub async fn npm(package: &str, version: &str) -> Result<PathBuf> {
    let name = package.rsplit('/').next().unwrap_or(package);
    let place = cache()?.join("npm").join(format!("{name}-{version}"));
    once(&place, async |directory| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(directory);
        run(npm.arg(format!("{package}@{version}")), "Node.js with npm (Debian: apt install npm)").await
    })
    .await?;
    Ok(place)
}

/// A `PATH` like this process's, but with a `node` that runs every package of the tests.
///
/// # Errors
/// As [`npm`].
pub async fn path_with_node() -> Result<OsString> {
    let node = npm("node", NODE).await?.join("node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(node).chain(std::env::split_paths(&path)))?)
}

/// The Python of a virtual environment that holds a package of PyPI, which may name extras: `fastmcp-slim[client]`.
///
/// # Errors
/// If it is not there and Python is missing or pip fails; the message names what to do.
pub async fn pip(package: &str, version: &str) -> Result<PathBuf> {
    let name = package.split('[').next().unwrap_or(package);
    let place = cache()?.join("pip").join(format!("{name}-{version}"));
    once(&place, async |directory| {
        let mut venv = Command::new("python3");
        run(venv.args(["-m", "venv"]).arg(directory), "Python (Debian: apt install python3-venv)").await?;
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet"]).arg(format!("{package}=={version}"));
        run(&mut pip, "pip in the virtual environment").await
    })
    .await?;
    Ok(place.join("bin/python"))
}

/// `$BATON_CACHE`, or `~/.cache/baton`.
fn cache() -> Result<PathBuf> {
    if let Some(cache) = std::env::var_os("BATON_CACHE").filter(|cache| !cache.is_empty()) {
        return Ok(cache.into());
    }
    let home = std::env::var_os("HOME").context("neither BATON_CACHE nor HOME is set: where is the cache?")?;
    Ok(Path::new(&home).join(".cache/baton"))
}

/// Fills `place` unless it is there. Others that want it meanwhile wait; it comes whole or not at all.
async fn once(place: &Path, fill: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<()> {
    if place.exists() {
        return Ok(());
    }
    let (Some(beside), Some(name)) = (place.parent(), place.file_name()) else {
        bail!("{} is no place for packages", place.display());
    };
    fs::create_dir_all(beside).with_context(|| format!("make {}", beside.display()))?;
    let _lock = lock(beside.join(format!("{}.lock", name.display()))).await?;
    if !place.exists() {
        let directory = tempfile::Builder::new().prefix("installing-").tempdir_in(beside)?;
        fill(directory.path()).await.with_context(|| format!("install {}", place.display()))?;
        fs::rename(directory.path(), place)?;
        // It is no longer there to be removed.
        let _moved = directory.keep();
    }
    Ok(())
}

async fn lock(path: PathBuf) -> Result<Flock<File>> {
    let take = move || {
        let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, code)| code).context("lock the cache of packages")
    };
    tokio::task::spawn_blocking(take).await?
}

async fn run(command: &mut Command, needed: &str) -> Result<()> {
    let done = match command.kill_on_drop(true).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("{needed} is missing"),
        done => done?,
    };
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    ensure!(done.status.success(), "{:?} ended with {}:\n{}", command.as_std(), done.status, said.concat());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn it_is_installed_once_for_all_who_come_at_the_same_time() {
        let cache = tempfile::tempdir().unwrap();
        let (place, fills) = (cache.path().join("npm/some-1.0"), AtomicUsize::new(0));
        let install = || {
            once(&place, async |directory| {
                fills.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(fs::write(directory.join("here"), "")?)
            })
        };
        let (one, other) = tokio::join!(install(), install());
        one.unwrap();
        other.unwrap();
        assert_eq!(fills.load(Ordering::SeqCst), 1);
        assert!(place.join("here").exists());
    }

    #[tokio::test]
    async fn an_installation_that_fails_leaves_nothing_and_is_tried_again() {
        let cache = tempfile::tempdir().unwrap();
        let place = cache.path().join("npm/some-1.0");
        let error = once(&place, async |directory| {
            fs::write(directory.join("half"), "")?;
            bail!("the registry does not answer")
        })
        .await
        .unwrap_err();
        assert!(format!("{error:#}").contains("some-1.0: the registry does not answer"), "{error:#}");
        let left: Vec<_> =
            fs::read_dir(cache.path().join("npm")).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["some-1.0.lock"]);
        once(&place, async |_| Ok(())).await.unwrap();
        assert!(place.exists());
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let error =
            run(&mut Command::new("/nowhere/npm"), "Node.js with npm (Debian: apt install npm)").await.unwrap_err();
        assert_eq!(error.to_string(), "Node.js with npm (Debian: apt install npm) is missing");
    }
}
