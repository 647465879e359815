//! The files under docs/ that are made from the program, so that they cannot say anything else.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{run, suites};

/// Each file and what the program calls it.
const FILES: [(&str, &str); 3] =
    [("docs/openapi.json", "openapi"), ("docs/tools.json", "tools"), ("docs/config.schema.json", "config-schema")];

/// Writes the files, or with `check` only compares them.
///
/// # Errors
/// With `check`, if a file differs; names all that do.
pub fn generate(check: bool) -> Result<()> {
    let built = suites::build()?;
    let mut programs = built.iter().filter(|artifact| artifact.package == "baton" && !artifact.tests);
    let baton = &programs.next().context("the build made no program `baton`")?.program;
    let mut stale = Vec::new();
    for (file, what) in FILES {
        let made = run::output(Command::new(baton).args(["generate", what]))?;
        if fs::read(file).is_ok_and(|kept| kept == made) {
            continue;
        }
        if check {
            stale.push(file);
        } else {
            fs::create_dir_all(Path::new(file).parent().context("a file lies in a directory")?)?;
            fs::write(file, &made).with_context(|| format!("cannot write {file}"))?;
            eprintln!("wrote {file}");
        }
    }
    if !stale.is_empty() {
        bail!("{} no longer say what the program says: run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}
