//! `baton restore FILE`

use std::path::{Path, PathBuf};

use baton_engine::backup;
use baton_model::{Clock, SystemClock, clock};
use serde_json::json;

use super::Globals;
use crate::{
    data_dir::{self, Lock},
    failure::{Failure, Result},
    server::private_files,
};

/// Arguments of `baton restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file that `baton backup` made
    file: PathBuf,
    /// Replace the database that is there; it is moved aside, not deleted
    #[arg(long)]
    force: bool,
}

/// Puts a checked copy in the place of the database. No server may run on the data directory meanwhile.
pub fn run(args: Args, globals: &Globals) -> Result {
    let file = &args.file;
    let database = super::backup::database(globals)?;
    let dir = data_dir::locate(globals.data_dir.as_deref())?;
    data_dir::create(&dir)?;
    let _no_server_meanwhile = Lock::take_all(&dir, &database)?;
    private_files();
    if !file.is_file() {
        return Err(Failure::failed(format!("there is no backup {}", file.display()))
            .next("name a file that `baton backup FILE` made"));
    }
    let aside = database.is_file().then(|| aside(&database));
    if let Some(aside) = aside.as_ref().filter(|_| !args.force) {
        return Err(Failure::failed("nothing was restored")
            .because(format!("there is a database already: {}", database.display()))
            .next(format!(
                "`baton restore --force {}` moves it to {} and takes the backup instead",
                file.display(),
                aside.display()
            )));
    }
    let holds = backup::restore(file, &database, aside.as_deref().unwrap_or(&database)).map_err(|error| {
        Failure::failed("nothing was restored")
            .because(error)
            .next("what was there is there still; take another backup, or more room on the disk")
    })?;
    if globals.json {
        super::print_json(&json!({ "database": database, "moved_aside": aside, "holds": holds }));
    } else {
        super::print(format!(
            "{}: {} directives, {} results, {} events",
            database.display(),
            holds.directives,
            holds.results,
            holds.events
        ));
        if let Some(aside) = aside {
            eprintln!("the database that was there is now {}", aside.display());
        }
    }
    Ok(())
}

/// A name beside the database that nothing has: `baton.db.before-2026-11-20T09-00-00`.
fn aside(database: &Path) -> PathBuf {
    let moment: String = clock::iso(SystemClock::start().now()).chars().take(19).collect();
    let base = format!("{}.before-{}", database.display(), moment.replace(':', "-"));
    let names = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}-{number}")));
    names.map(PathBuf::from).find(|name| !name.exists()).unwrap_or_else(|| base.into())
}
