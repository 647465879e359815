//! `baton backup FILE`

use std::path::PathBuf;

use baton_engine::backup;
use serde_json::json;

use super::Globals;
use crate::{
    config, data_dir,
    failure::{Failure, Result},
    server::private_files,
};

/// Arguments of `baton backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to make; it must not exist
    file: PathBuf,
}

/// Copies the database, running or not, and checks the copy.
pub fn run(args: Args, globals: &Globals) -> Result {
    let database = database(globals)?;
    if !database.is_file() {
        return Err(Failure::failed("there is nothing to back up")
            .because(format!("{} does not exist", database.display()))
            .next("name the data directory: `baton backup --data-dir DIR FILE`"));
    }
    private_files();
    let file = &args.file;
    let held = backup::backup(&database, file).map_err(|error| {
        Failure::failed(format!("no backup was made of {}", database.display()))
            .because(error)
            .next("give a new file name in a directory with enough room")
    })?;
    if globals.json {
        super::print_json(&json!({ "file": file, "database": database, "holds": held }));
    } else {
        super::print(format!(
            "{}: {} directives, {} results, {} events, {} bytes; checked",
            file.display(),
            held.directives,
            held.results,
            held.events,
            held.bytes
        ));
    }
    Ok(())
}

/// The database that `serve` would open here.
///
/// # Errors
/// Settings that cannot be used.
pub fn database(globals: &Globals) -> Result<PathBuf> {
    let settings = config::load(&super::serve::sources(globals, Vec::new())?)?.settings;
    Ok(settings.database(&data_dir::locate(globals.data_dir.as_deref())?))
}
