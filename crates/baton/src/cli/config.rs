//! `baton config show | validate | schema`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::Globals;
use crate::{
    config::{self, Origin, Shown, Sources},
    failure::{Failure, Result},
};

/// Arguments of `baton config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print every setting that holds here, as TOML
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Check one file, or everything that `serve` would read here
    Validate {
        /// The file to check alone
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of baton.toml, for editors
    Schema,
}

/// Carries it out.
pub fn run(args: Args, globals: &Globals) -> Result {
    match args.verb {
        Verb::Schema => super::print_json(&config::schema()),
        Verb::Validate { file: Some(file) } => {
            if !file.is_file() {
                return Err(Failure::failed(format!("there is no file {}", file.display()))
                    .next("name the file to check: `baton config validate baton.toml`"));
            }
            validate(&Sources::file_alone(file), globals)?;
        }
        Verb::Validate { file: None } => validate(&super::serve::sources(globals, Vec::new())?, globals)?,
        Verb::Show { origin } => {
            let shown = config::load(&super::serve::sources(globals, Vec::new())?)?.shown();
            match (globals.json, origin) {
                (true, true) => super::print_json(&shown),
                (true, false) => super::print_json(&config::nested(&shown)),
                (false, _) => super::print(toml(&shown, origin)),
            }
        }
    }
    Ok(())
}

fn validate(sources: &Sources, globals: &Globals) -> Result {
    config::load(sources)?;
    let files: Vec<String> = sources.files.iter().map(|file| file.display().to_string()).collect();
    if globals.json {
        super::print_json(&json!({ "valid": true, "files": files }));
    } else if files.is_empty() {
        super::print("valid (no file; defaults and environment)");
    } else {
        super::print(format!("valid: {}", files.join(", ")));
    }
    Ok(())
}

/// One table for each prefix, in the order of the keys.
fn toml(shown: &[Shown], with_origin: bool) -> String {
    let mut lines = Vec::new();
    let mut open = "";
    for Shown { key, value, origin, is_hidden } in shown {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        if table != open {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!("[{table}]"));
            open = table;
        }
        // TOML has no null: what is not set stands there as a comment, and so does what is hidden.
        let line = match value.is_null() {
            true => format!("# {name} is not set"),
            false if *is_hidden => format!("# {name} is set and not shown"),
            false => format!("{name} = {value}"),
        };
        let place = if with_origin && *origin != Origin::Default { format!("  # {origin}") } else { String::new() };
        lines.push(line + &place);
    }
    lines.join("\n")
}
