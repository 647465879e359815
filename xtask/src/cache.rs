//! What the chores need from outside, installed once and kept in `${BATON_CACHE:-~/.cache/baton}`, keyed by version.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::run::run;

/// The cache's directory.
fn dir() -> Result<PathBuf> {
    match env::var_os("BATON_CACHE") {
        Some(dir) if !dir.is_empty() => Ok(dir.into()),
        _ => Ok(Path::new(&env::var_os("HOME").context("neither BATON_CACHE nor HOME is set")?).join(".cache/baton")),
    }
}

/// A program from crates.io, at exactly this version.
///
/// # Errors
/// If it is missing and cannot be installed.
pub fn cargo_tool(name: &str, version: &str) -> Result<PathBuf> {
    let root = dir()?.join(format!("tools/{name}-{version}"));
    let program = root.join("bin").join(name);
    if !program.exists() {
        // With a target directory of its own: what a tool is built from shares nothing with this workspace.
        run(Command::new("cargo")
            .args(["install", "--locked", "--version", version, "--root"])
            .arg(&root)
            .arg(name)
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(program)
}

/// Sees to it that a program is on the PATH; on Debian, for root, its package is installed.
///
/// # Errors
/// If it is missing and cannot be installed; says how to get it.
pub fn debian_program(program: &str, package: &str) -> Result<()> {
    if on_path(program) {
        return Ok(());
    }
    let advice = format!("`{program}` is missing: install it, on Debian as root with `apt-get install {package}`");
    if !on_path("apt-get") {
        bail!("{advice}");
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    run(Command::new("apt-get").args(["update", "-qq"]))
        .and_then(|()| run(install.env("DEBIAN_FRONTEND", "noninteractive")))
        .context(advice)
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
