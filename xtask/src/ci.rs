//! Everything that must hold before a change may land.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    cache, generate,
    run::{Stopwatch, run, seconds},
    suites,
};

type Step = fn() -> Result<()>;

/// The rest of the steps is run even when one fails, so that one run tells all.
///
/// # Errors
/// Only if the test suites cannot be built; a step that fails is told at the end.
pub fn ci() -> Result<ExitCode> {
    let steps: [(&str, Step); 6] = [
        ("fmt", || run(cargo("fmt").args(["--all", "--check"]))),
        ("clippy", || run(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))),
        ("doc", || run(cargo("doc").args(["--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))),
        ("deny", deny),
        ("machete", || run(&mut Command::new(cache::cargo_tool("cargo-machete", "0.9.2")?))),
        ("generated files", || generate::generate(true)),
    ];
    let mut told = Vec::new();
    let mut sound = true;
    for (name, step) in steps {
        println!("== {name}");
        let watch = Stopwatch::start();
        let outcome = step();
        let time = seconds(watch.elapsed());
        if let Err(error) = &outcome {
            println!("{name} failed: {error:#}");
            sound = false;
        }
        println!("== {name}: {time}");
        told.push(format!("{name:<16} {time:>12}  {}", if outcome.is_ok() { "ok" } else { "FAILED" }));
    }
    let tests = suites::test(&[]);
    println!("\n{}", told.join("\n"));
    let code = tests?.close();
    Ok(if sound { code } else { ExitCode::FAILURE })
}

/// Licences, sources and banned crates; known faults only if their database can be had.
fn deny() -> Result<()> {
    let deny = || Ok::<_, anyhow::Error>(Command::new(cache::cargo_tool("cargo-deny", "0.20.2")?));
    run(deny()?.args(["check", "bans", "licenses", "sources"]))?;
    let database = deny()?.args(["fetch", "db"]).output()?;
    if !database.status.success() {
        println!("advisories: not checked, the database cannot be reached");
        return Ok(());
    }
    run(deny()?.args(["check", "advisories"]))
}

fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg(subcommand);
    cargo
}
