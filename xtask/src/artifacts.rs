//! Building, and finding what was built.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

/// A program that cargo built.
pub struct Artifact {
    /// The program.
    pub program: PathBuf,
    /// The package that it belongs to.
    pub package: String,
    /// That package's directory.
    pub dir: PathBuf,
    /// What cargo calls it: `bin`, `lib`, `test`.
    pub kind: String,
    /// Whether it is a program that runs tests.
    pub tests: bool,
}

/// Runs cargo and gives the programs that it built, or that were there already.
///
/// # Errors
/// If the build fails.
pub fn build(cargo_args: &[&str]) -> Result<Vec<Artifact>> {
    let mut cargo = Command::new("cargo");
    cargo.args(cargo_args).arg("--message-format=json-render-diagnostics");
    let messages = run::output(&mut cargo)?;
    let mut built = Vec::new();
    for line in messages.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let message: Value = serde_json::from_slice(line)?;
        let Some(program) = message["executable"].as_str() else { continue };
        let text = |value: &Value| value.as_str().map(str::to_owned).context("cargo tells this of every artifact");
        let manifest = text(&message["manifest_path"])?;
        built.push(Artifact {
            program: program.into(),
            package: package_name(&text(&message["package_id"])?),
            dir: Path::new(&manifest).parent().context("a manifest lies in a directory")?.to_owned(),
            kind: text(&message["target"]["kind"][0])?,
            tests: message["profile"]["test"] == true,
        });
    }
    Ok(built)
}

/// Builds the program of one package for release.
///
/// # Errors
/// If the build fails.
pub fn release(package: &str) -> Result<PathBuf> {
    let built = build(&["build", "--release", "--package", package])?;
    let program = built.into_iter().find(|artifact| artifact.package == package).context("a package with a program")?;
    Ok(program.program)
}

/// The name in a package id: `path+file:///…/crates/store#baton-store@0.1.0`, or without the name where it is the
/// directory's: `path+file:///…/crates/baton#0.1.0`.
fn package_name(id: &str) -> String {
    let (path, fragment) = id.split_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => path.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_are_read() {
        assert_eq!(package_name("path+file:///a/crates/store#baton-store@0.1.0"), "baton-store");
        assert_eq!(package_name("path+file:///a/crates/baton#0.1.0"), "baton");
    }
}
