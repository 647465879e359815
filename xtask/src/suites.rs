//! The test suites. Every test of the workspace belongs to exactly one of them.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{
    artifacts::{self, Artifact},
    cache::{self, Need},
    run::{self, Counts, Stopwatch, seconds},
};

/// Some of the tests, by what they need and how long they take.
struct Suite {
    name: &'static str,
    about: &'static str,
    tests: Tests,
    /// What it needs besides Rust and a C compiler. Packages of npm and PyPI are installed by the tests themselves.
    needs: &'static [Need],
}

/// Which tests a suite is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tests {
    /// Those that lie beside the code, and the examples in the docs.
    Units,
    /// The integration tests of one package.
    Package(&'static str),
    /// The integration tests whose paths hold this text.
    Named(&'static str),
    /// All integration tests that no other suite has.
    Others,
}

const NPM: Need = Need { probe: &["npm", "--version"], package: "npm" };
const PYTHON: Need = Need { probe: &["python3", "--version"], package: "python3" };
/// Debian's Python has `venv` without what it puts into an environment.
const VENV: Need = Need { probe: &["python3", "-c", "import ensurepip, venv"], package: "python3-venv" };

const CHROMIUM: Need = Need { probe: &["chromium", "--version"], package: "chromium" };

const SUITES: [Suite; 10] = [
    Suite { name: "unit", about: "rules, beside their code", tests: Tests::Units, needs: &[] },
    Suite {
        name: "house",
        about: "who knows whom, and other rules of the sources",
        tests: Tests::Named("house::"),
        needs: &[],
    },
    Suite { name: "store", about: "the store on SQLite", tests: Tests::Package("baton-store"), needs: &[] },
    Suite { name: "contract", about: "every endpoint, tool and command", tests: Tests::Others, needs: &[] },
    Suite { name: "durability", about: "kill -9 and cut connections", tests: Tests::Named("durability::"), needs: &[] },
    Suite {
        name: "claude",
        about: "the real Claude Code against a stand-in of its model",
        tests: Tests::Named("claude"),
        needs: &[NPM],
    },
    Suite {
        name: "browser",
        about: "the pages in a real browser",
        tests: Tests::Named("pages::browser::"),
        needs: &[CHROMIUM, NPM],
    },
    Suite {
        name: "clients",
        about: "clients in Python and TypeScript, and the Inspector",
        tests: Tests::Named("clients::"),
        needs: &[NPM, VENV],
    },
    Suite {
        name: "examples",
        about: "the examples in Python and TypeScript against a real server",
        tests: Tests::Named("examples::"),
        needs: &[NPM, PYTHON],
    },
    Suite {
        name: "conformance",
        about: "the official suite of MCP on the transport stack",
        tests: Tests::Package("baton-conformance"),
        needs: &[NPM],
    },
];

/// Their names.
pub fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

/// Prints their names and what they test.
pub fn list() {
    for suite in &SUITES {
        println!("{:<12} {}", suite.name, suite.about);
    }
}

/// What came of the suites.
pub struct Report {
    lines: Vec<String>,
    total: Counts,
    sound: bool,
}

impl Report {
    /// Prints a line for each suite and the total, and gives the program's exit code.
    pub fn close(self) -> ExitCode {
        println!("\n{}\n\n{}", self.lines.join("\n"), self.total);
        if self.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Runs the named suites, or all if none is named. A suite that fails does not keep the others from running.
///
/// # Errors
/// If the tests cannot be built.
pub fn test(wanted: &[String]) -> Result<Report> {
    let built = build()?;
    let mut report = Report { lines: Vec::new(), total: Counts::default(), sound: true };
    for suite in SUITES.iter().filter(|suite| wanted.is_empty() || wanted.iter().any(|name| name == suite.name)) {
        println!("== {}", suite.name);
        let watch = Stopwatch::start();
        let counts = run_suite(suite, &built).unwrap_or_else(|error| {
            println!("{}: {error:#}", suite.name);
            Counts { failed: 1, ..Counts::default() }
        });
        let outcome = match counts {
            Counts { failed: 1.., .. } => "FAILED",
            Counts { ignored: 1.., .. } => "FAILED: tests are left out",
            Counts { passed: 0, .. } => "FAILED: no test ran",
            _ => "ok",
        };
        let time = seconds(watch.elapsed());
        report.lines.push(format!(
            "{:<12} {time:>12}  {counts:<24}  {outcome}",
            suite.name,
            counts = counts.to_string()
        ));
        report.sound &= outcome == "ok";
        report.total += counts;
    }
    Ok(report)
}

fn run_suite(suite: &Suite, built: &[Artifact]) -> Result<Counts> {
    suite.needs.iter().try_for_each(cache::debian_package)?;
    let mut counts = Counts::default();
    for binary in built.iter().filter(|artifact| artifact.tests) {
        let Some(filters) = filters(suite.tests, binary) else { continue };
        let mut command = Command::new(&binary.program);
        command.args(filters).current_dir(&binary.dir);
        // As cargo would start it.
        command.env("CARGO_MANIFEST_DIR", &binary.dir).env("CARGO_PKG_NAME", &binary.package);
        counts += run::tests(&mut command)?;
    }
    if suite.tests == Tests::Units {
        counts += run::tests(Command::new("cargo").args(["test", "--quiet", "--workspace", "--doc"]))?;
    }
    Ok(counts)
}

/// Which of a binary's tests belong to a suite, as arguments for the binary; `None` if none do.
fn filters(tests: Tests, binary: &Artifact) -> Option<Vec<String>> {
    let integration = binary.kind == "test";
    let owned = SUITES.iter().any(|suite| matches!(suite.tests, Tests::Package(package) if package == binary.package));
    let names = SUITES.iter().filter_map(|suite| match suite.tests {
        Tests::Named(name) => Some(name.to_owned()),
        _ => None,
    });
    match tests {
        Tests::Units => (!integration).then(Vec::new),
        _ if !integration => None,
        Tests::Package(package) => (binary.package == package).then(Vec::new),
        Tests::Named(_) | Tests::Others if owned => None,
        Tests::Named(name) => Some(vec![name.to_owned()]),
        Tests::Others => Some(names.flat_map(|name| ["--skip".to_owned(), name]).collect()),
    }
}

/// Builds all tests and programs in one go: with the features of the whole workspace, so that nothing is built twice.
///
/// # Errors
/// If the build fails.
pub fn build() -> Result<Vec<Artifact>> {
    let mut built = artifacts::build(&["test", "--workspace", "--no-run"])?;
    built.sort_by(|a, b| (&a.kind, &a.package).cmp(&(&b.kind, &b.package)));
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a test is called and wherever it lies, one suite has it and no other.
    #[test]
    fn every_test_belongs_to_exactly_one_suite() {
        let names = [
            "house::arrows",
            "durability::kill_nine",
            "claude_code::http",
            "clients::python_over_http",
            "examples::receiver::python",
            "conformance::revision",
            "rest::create",
            "deep::nested::test",
        ];
        for package in ["baton", "baton-store", "baton-conformance", "baton-rest", "xtask"] {
            for (kind, name) in [("lib", "tests::one")].into_iter().chain(names.map(|name| ("test", name))) {
                let binary = Artifact {
                    program: "p".into(),
                    package: package.into(),
                    dir: "d".into(),
                    kind: kind.into(),
                    tests: true,
                };
                let having: Vec<_> = SUITES
                    .iter()
                    .filter(|suite| filters(suite.tests, &binary).is_some_and(|filters| runs(&filters, name)))
                    .map(|suite| suite.name)
                    .collect();
                assert_eq!(having.len(), 1, "{package} {name} is run by {having:?}");
            }
        }
    }

    /// What libtest does with filters.
    fn runs(filters: &[String], test: &str) -> bool {
        let skipped: Vec<&String> =
            filters.iter().skip_while(|word| *word != "--skip").filter(|word| *word != "--skip").collect();
        let only: Vec<&String> = filters.iter().take_while(|word| *word != "--skip").collect();
        !skipped.iter().any(|part| test.contains(*part))
            && (only.is_empty() || only.iter().any(|part| test.contains(*part)))
    }
}
