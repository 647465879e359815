//! A clean release build: how long it takes, and of how many crates it is made.

use std::{
    collections::BTreeSet,
    process::{Command, ExitCode},
};

use anyhow::Result;
use serde_json::json;

use super::figures::{Figures, round};
use crate::run::{Stopwatch, output, run};

/// Builds in a directory of its own, which is removed afterwards.
///
/// # Errors
/// If the build fails.
pub fn measure() -> Result<ExitCode> {
    let target = tempfile::Builder::new().prefix("baton-build-").tempdir()?;
    // So that only the build is measured, not the network.
    run(Command::new("cargo").args(["fetch", "--locked"]))?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "baton", "--target-dir"]).arg(target.path());
    let watch = Stopwatch::start();
    run(&mut cargo)?;
    let minutes = watch.elapsed().as_secs_f64() / 60.0;

    let tree = ["tree", "--package", "baton", "--edges", "normal,build", "--prefix", "none", "--locked"];
    let tree = output(Command::new("cargo").args(tree))?;
    let tree = String::from_utf8_lossy(&tree);
    let name_and_version = |line: &str| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
    let crates: BTreeSet<_> = tree.lines().map(name_and_version).collect();
    let program = std::fs::metadata(target.path().join("release/baton"))?;

    let mut figures = Figures::default();
    let told = json!({
        "minutes": round(minutes),
        "crates": crates.len(),
        "program_mb": round(program.len() as f64 / 1e6),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
    });
    figures.judge("clean release build", told, None, "under 8 minutes on 2 cores", minutes < 8.0);
    Ok(figures.close())
}
