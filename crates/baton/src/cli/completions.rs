//! `baton completions SHELL`

use clap::{Command, CommandFactory};
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
    let mut whole = visible(&super::Cli::command()).version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut whole, "baton", &mut script);
    super::print(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// The command without what `--help` does not show either: the generators of scripts leave nothing out.
fn visible(command: &Command) -> Command {
    // Names must be static; this process ends when the script is printed.
    let name: &'static str = command.get_name().to_owned().leak();
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(visible);
    let about = command.get_about().cloned().unwrap_or_default();
    Command::new(name).about(about).args(arguments).subcommands(inner)
}
