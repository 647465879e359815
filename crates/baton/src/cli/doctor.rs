//! `baton doctor`: whether this machine has what a server and its workers need.

mod access;
mod agents;
mod data;

use nix::sys::resource::{Resource, getrlimit};
use serde::Serialize;

use super::Globals;
use crate::{
    config::{self, Loaded},
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
    name: String,
    ok: bool,
    detail: String,
}

/// Looks at everything that a server needs here; fails if something is missing. Every bad line says what to do.
///
/// # Errors
/// When something is bad.
pub async fn run(_args: Args, globals: &Globals) -> Result {
    let mut checks = vec![Check::good("version", env!("CARGO_PKG_VERSION"))];
    let loaded = super::serve::sources(globals, Vec::new()).and_then(|sources| Ok(config::load(&sources)?));
    checks.push(match &loaded {
        Ok(_) => Check::good("settings", "valid"),
        Err(failure) => Check::failed("settings", failure),
    });
    let loaded: Option<Loaded> = loaded.ok();
    let settings = loaded.as_ref().map(|loaded| loaded.settings.clone()).unwrap_or_default();
    let dir = data_dir::locate(globals.data_dir.as_deref())?;
    let running = data_dir::running(&dir);
    let database = settings.database(&dir);
    checks.push(data::directory(&dir));
    checks.push(data::space(&database));
    checks.push(match &running {
        Some(Running { pid, url, .. }) => Check::good("server", format!("process {pid} answers at {url}")),
        None => Check::good("server", "none runs on this data directory"),
    });
    checks.push(data::database(&database, running.is_some()));
    checks.push(data::durability(&database, settings.store.synchronous));
    checks.push(data::secret_key(loaded.as_ref(), &dir));
    checks.push(data::clock(&database));
    if running.is_none() {
        checks.push(access::port(&settings));
    }
    checks.extend(access::hygiene(&settings));
    checks.push(files());
    checks.extend(agents::all(&settings).await);
    report(&checks, globals)
}

fn report(checks: &[Check], globals: &Globals) -> Result {
    if globals.json {
        super::print_json(&checks);
    } else {
        let widest = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for Check { name, ok, detail } in checks {
            let detail = detail.replace('\n', &format!("\n     {:widest$} ", ""));
            super::print(format!("{:<4} {name:<widest$} {detail}", if *ok { "ok" } else { "BAD" }));
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        bad => Err(Failure::failed(format!("{bad} of {} checks failed", checks.len()))
            .next("mend what is marked BAD and run `baton doctor` again")),
    }
}

impl Check {
    fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), ok: true, detail: detail.into() }
    }

    /// `detail` says what is wrong and what to do.
    fn bad(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), ok: false, detail: detail.into() }
    }

    fn failed(name: &str, failure: &Failure) -> Self {
        Check::bad(name, failure.to_string().trim_start_matches("error: "))
    }
}

fn files() -> Check {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard < FEW_FILES => {
            let more =
                "each waiting agent is one: raise the hard limit (`ulimit -Hn 65536`, or LimitNOFILE of the unit)";
            Check::bad("open files", format!("at most {hard}, and {more}"))
        }
        Ok((_, hard)) => Check::good("open files", format!("up to {hard}")),
        Err(error) => Check::bad("open files", format!("the limit cannot be read ({error}); see `ulimit -Hn`")),
    }
}
