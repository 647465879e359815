//! `baton doctor`

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use baton_engine::backup;
use nix::{
    sys::resource::{Resource, getrlimit},
    unistd::{AccessFlags, access},
};
use serde::Serialize;

use super::Globals;
use crate::{
    config::{self, Settings},
    data_dir::{self, Running},
    failure::{Failure, Result},
};

/// Fewer open files than this hold back a server with many waiting agents.
const FEW_FILES: u64 = 4096;

/// Arguments of `baton doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Looks at everything that a server needs here; fails if something is missing.
pub fn run(_args: Args, globals: &Globals) -> Result {
    let mut checks = vec![Check::good("version", env!("CARGO_PKG_VERSION"))];
    let settings = match super::serve::sources(globals, Vec::new()).and_then(|sources| Ok(config::load(&sources)?)) {
        Ok(loaded) => {
            checks.push(Check::good("settings", "valid"));
            loaded.settings
        }
        Err(failure) => {
            checks.push(Check::bad("settings", failure.to_string()));
            Settings::default()
        }
    };
    let dir = data_dir::locate(globals.data_dir.as_deref())?;
    let running = data_dir::running(&dir);
    checks.push(directory(&dir));
    checks.push(match &running {
        Some(Running { pid, url }) => Check::good("server", format!("process {pid} answers at {url}")),
        None => Check::good("server", "none runs on this data directory"),
    });
    checks.push(database(&settings.database(&dir), running.is_some()));
    if running.is_none() {
        checks.push(port(&settings));
    }
    checks.push(files());

    if globals.json {
        super::print_json(&checks);
    } else {
        for Check { name, ok, detail } in &checks {
            super::print(format!("{:<4} {name:<14} {detail}", if *ok { "ok" } else { "BAD" }));
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        bad => Err(Failure::failed(format!("{bad} of {} checks failed", checks.len()))
            .next("mend what is marked BAD and run `baton doctor` again")),
    }
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Check { name, ok: true, detail: detail.into() }
    }

    fn bad(name: &'static str, detail: impl Into<String>) -> Self {
        Check { name, ok: false, detail: detail.into() }
    }
}

fn directory(dir: &Path) -> Check {
    let existing = dir.ancestors().find(|ancestor| ancestor.exists()).map_or(PathBuf::from("."), PathBuf::from);
    match access(&existing, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) if existing == dir => Check::good("data directory", dir.display().to_string()),
        Ok(()) => Check::good("data directory", format!("{} (made at the first start)", dir.display())),
        Err(error) => Check::bad("data directory", format!("{} cannot be written: {error}", existing.display())),
    }
}

/// A server's own database is left in peace: checking every page takes a while.
fn database(path: &Path, in_use: bool) -> Check {
    if !path.exists() {
        return Check::good("database", format!("{} (made at the first start)", path.display()));
    }
    if in_use {
        return Check::good("database", format!("{} (in use, not checked)", path.display()));
    }
    match backup::verify(path) {
        Ok(sound) => Check::good(
            "database",
            format!("{}: {} directives, {} results", path.display(), sound.directives, sound.results),
        ),
        Err(error) => Check::bad("database", error.to_string()),
    }
}

fn port(settings: &Settings) -> Check {
    let bind = settings.server.bind;
    match TcpListener::bind(bind) {
        Ok(_) => Check::good("port", format!("{bind} is free")),
        Err(error) => Check::bad("port", format!("{bind}: {error}; choose another with `serve --bind`")),
    }
}

fn files() -> Check {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard < FEW_FILES => {
            Check::bad("open files", format!("at most {hard}; raise the hard limit (`ulimit -Hn`)"))
        }
        Ok((_, hard)) => Check::good("open files", format!("up to {hard}")),
        Err(error) => Check::bad("open files", error.to_string()),
    }
}
