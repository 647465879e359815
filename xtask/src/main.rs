//! The house's own chores: `cargo xtask test | ci | generate | bench`.

mod artifacts;
mod bench;
mod cache;
mod ci;
mod generate;
mod run;
mod suites;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What there is to do besides writing code.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the test suites; what they need and is missing is installed where that is possible.
    Test {
        /// Only this suite; may be given several times.
        #[arg(long = "suite", value_name = "NAME", value_parser = suites::names())]
        suites: Vec<String>,
        /// Say which suites there are and run none.
        #[arg(long)]
        list: bool,
    },
    /// Everything that must hold before a change may land, fast things first.
    Ci,
    /// Write the files under docs/ that are made from the program.
    Generate {
        /// Write nothing; fail if a file is not what the program would make.
        #[arg(long)]
        check: bool,
    },
    /// Measure; one JSON line per figure on stdout.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// The bare server that the benches compare with.
    #[command(hide = true)]
    Echo,
}

fn main() -> ExitCode {
    match carry_out(Cli::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(chore: Chore) -> anyhow::Result<ExitCode> {
    std::env::set_current_dir(root())?;
    match chore {
        Chore::Test { list: true, .. } => {
            suites::list();
            Ok(ExitCode::SUCCESS)
        }
        Chore::Test { suites, .. } => Ok(suites::test(&suites)?.close()),
        Chore::Ci => ci::ci(),
        Chore::Generate { check } => generate::generate(check).map(|()| ExitCode::SUCCESS),
        Chore::Bench(bench) => bench::bench(bench),
        Chore::Echo => bench::echo::serve().map(|()| ExitCode::SUCCESS),
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let xtask = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
