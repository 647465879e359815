//! `baton man`

use clap::CommandFactory;

use crate::failure::{Failure, Result};

/// Arguments of `baton man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Read it with `baton man | man -l -`; `baton man directive` is the page of a noun.")]
pub struct Args {
    /// The noun to print the page of [default: the page of baton itself]
    noun: Option<String>,
}

/// Prints a manual page in roff.
pub fn run(args: Args) -> Result {
    let mut whole = super::Cli::command();
    whole.build();
    let (title, command) = match &args.noun {
        None => ("baton".to_owned(), whole),
        Some(noun) => match whole.find_subcommand(noun) {
            Some(command) => (format!("baton-{noun}"), command.clone()),
            None => {
                return Err(Failure::usage(format!("there is no page `{noun}`"))
                    .because("it is no command of baton")
                    .next("`baton --help` lists the commands"));
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(title.to_uppercase())
        .render(&mut page)
        .map_err(|error| Failure::failed("cannot write the page").because(error))?;
    super::print(String::from_utf8_lossy(&page).trim_end());
    Ok(())
}
