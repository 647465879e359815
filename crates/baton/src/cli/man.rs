//! `baton man`

use clap::CommandFactory;

use crate::failure::{Failure, Result};

/// Arguments of `baton man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Read it with `baton man | man -l -`; `baton man directive add` is the page of a command.")]
pub struct Args {
    /// The command to print the page of [default: the page of baton itself]
    command: Vec<String>,
}

/// Prints a manual page in roff.
///
/// # Errors
/// When there is no such command (2).
pub fn run(args: Args) -> Result {
    let mut command = super::Cli::command();
    command.build();
    let mut title = "baton".to_owned();
    for name in &args.command {
        title = format!("{title}-{name}");
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::usage(format!("there is no page `{}`", args.command.join(" ")))
                .because(format!("`{name}` is no command of `{}`", command.get_bin_name().unwrap_or("baton")))
                .next("`baton --help` lists the commands")
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(title.to_uppercase())
        .render(&mut page)
        .map_err(|error| Failure::failed("cannot write the page").because(error))?;
    super::print(String::from_utf8_lossy(&page).trim_end());
    Ok(())
}
