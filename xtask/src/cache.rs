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

/// Something from outside that a package of Debian brings.
pub struct Need {
    /// A command that ends well where it is there.
    pub probe: &'static [&'static str],
    /// The package.
    pub package: &'static str,
}

/// Sees to it that something is there; on Debian, for root, its package is installed.
///
/// # Errors
/// If it is missing and cannot be installed; says how to get it.
pub fn debian_package(need: &Need) -> Result<()> {
    let Need { probe, package } = need;
    if succeeds(probe) {
        return Ok(());
    }
    let probe = probe.join(" ");
    let advice = format!("`{probe}` does not run: on Debian, as root, `apt-get install {package}` mends that");
    if !succeeds(&["apt-get", "--version"]) {
        bail!("{advice}");
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    run(Command::new("apt-get").args(["update", "-qq"]))
        .and_then(|()| run(install.env("DEBIAN_FRONTEND", "noninteractive")))
        .context(advice)
}

fn succeeds(command: &[&str]) -> bool {
    let Some((program, args)) = command.split_first() else { return false };
    Command::new(program).args(args).output().is_ok_and(|done| done.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        assert!(succeeds(&["true"]));
        assert!(!succeeds(&["false"]) && !succeeds(&["/nowhere/npm", "--version"]));
        debian_package(&Need { probe: &["true"], package: "no-such-package" }).unwrap();
    }
}
