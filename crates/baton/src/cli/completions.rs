//! `baton completions SHELL`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::failure::Result;

/// Arguments of `baton completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell; for bash: `baton completions bash > ~/.local/share/bash-completion/completions/baton`
    shell: Shell,
}

/// Prints a completion script.
pub fn run(args: Args) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "baton", &mut script);
    super::print(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
