//! `baton connect claude`: an entry in Claude Code's settings, written by `claude mcp add`.

use std::{fmt, path::Path, process::Command};

use clap::ValueEnum;
use serde_json::json;

use super::{super::Globals, endpoint, stdio_args};
use crate::{
    cli::{print, print_json},
    failure::{Failure, Result},
};

const TOKEN: &str = "BATON_TOKEN";

/// Arguments of `baton connect claude`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the command instead of running it
    #[arg(long)]
    dry_run: bool,
    /// What Claude Code shall call it
    #[arg(long, default_value = "baton", value_parser = name)]
    name: String,
    /// Who gets it: you in this directory, you everywhere, or all who work on this project [default: local]
    #[arg(long, value_enum)]
    scope: Option<Scope>,
    /// Let Claude Code start `baton mcp`, which starts a server where none runs
    #[arg(long)]
    stdio: bool,
    /// The access token to use; one that is shared with a project stays out of its file
    #[arg(long, env = TOKEN, hide_env = true, hide_env_values = true)]
    token: Option<String>,
}

/// Claude Code's places for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    Local,
    User,
    Project,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Scope::Local => "local",
            Scope::User => "user",
            Scope::Project => "project",
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(sound) && !text.starts_with('-');
    is_name.then(|| text.to_owned()).ok_or_else(|| "a name has 1 to 64 letters, digits, `_` or `-`".to_owned())
}

/// A call of Claude Code's command line, and the secret in it.
pub struct Line {
    argv: Vec<String>,
    token: Option<String>,
}

impl Line {
    /// An entry that is reached over HTTP.
    pub fn http(name: &str, scope: Option<Scope>, url: &str, token: Option<String>) -> Self {
        let mut line = Line::new("http", scope, token);
        line.push([name, url]);
        if let Some(token) = line.token.clone() {
            line.push(["--header", &format!("Authorization: Bearer {token}")]);
        }
        line
    }

    /// An entry that Claude Code starts.
    fn stdio(name: &str, scope: Option<Scope>, program: &str, args: &[String], token: Option<String>) -> Self {
        let mut line = Line::new("stdio", scope, token);
        line.push([name]);
        if let Some(token) = line.token.clone() {
            line.push(["--env", &format!("{TOKEN}={token}")]);
        }
        line.push(["--", program]);
        line.argv.extend_from_slice(args);
        line
    }

    fn new(transport: &str, scope: Option<Scope>, token: Option<String>) -> Self {
        // A project's file is shared: there Claude Code reads the token from its own environment.
        let token = token.map(|token| if scope == Some(Scope::Project) { format!("${{{TOKEN}}}") } else { token });
        let mut line = Line { argv: Vec::new(), token };
        line.push(["claude", "mcp", "add", "--transport", transport]);
        if let Some(scope) = scope {
            line.push(["--scope", scope.word()]);
        }
        line
    }

    fn push<const N: usize>(&mut self, args: [&str; N]) {
        self.argv.extend(args.map(str::to_owned));
    }

    /// The arguments without the token.
    pub fn shown(&self) -> Vec<String> {
        let hide = |arg: &String| match &self.token {
            Some(token) if !token.starts_with("${") => arg.replace(token, &format!("${TOKEN}")),
            _ => arg.clone(),
        };
        self.argv.iter().map(hide).collect()
    }

    fn run(&self, remove: &str) -> Result {
        let [program, args @ ..] = self.argv.as_slice() else { return Ok(()) };
        // stdout is for data; what Claude Code says is talk.
        let status = Command::new(program).args(args).stdout(std::io::stderr()).status().map_err(|error| {
            Failure::failed("cannot run Claude Code")
                .because(format!("{program}: {error}"))
                .next("install it with `npm install -g @anthropic-ai/claude-code`, or see `--dry-run` for the command")
        })?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::failed("Claude Code did not take the entry")
            .because(format!("`{self}` ended with {status}"))
            .next(format!("`{remove}`, if it knows one already, and then again")))
    }
}

/// As it can be pasted into a shell that has the token in `BATON_TOKEN`.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&byte);
        let quote = |arg: &String| match arg {
            arg if !arg.is_empty() && arg.bytes().all(plain) => arg.clone(),
            arg if arg.contains(&format!("${TOKEN}")) => format!("\"{arg}\""),
            arg => format!("'{}'", arg.replace('\'', r"'\''")),
        };
        f.write_str(&self.shown().iter().map(quote).collect::<Vec<_>>().join(" "))
    }
}

/// Carries out `baton connect claude`.
///
/// # Errors
/// When Claude Code is not there or refuses.
pub fn run(args: Args, globals: &Globals) -> Result {
    let token = args.token.filter(|token| !token.trim().is_empty());
    let line = match args.stdio {
        true => Line::stdio(&args.name, args.scope, &own_program()?, &stdio_args(globals)?, token),
        false => Line::http(&args.name, args.scope, &endpoint(globals)?, token),
    };
    if args.dry_run {
        match globals.json {
            true => print_json(&json!({"claude": line.shown()})),
            false => print(&line),
        }
        return Ok(());
    }
    if line.argv.iter().any(|arg| arg.starts_with("https://")) && std::env::var_os("BATON_CA_CERT").is_some() {
        eprintln!("Claude Code trusts the server's certificate if NODE_EXTRA_CA_CERTS names its authority's file");
    }
    let scope = args.scope.unwrap_or(Scope::Local).word();
    line.run(&format!("claude mcp remove --scope {scope} {}", args.name))?;
    if globals.json {
        print_json(&json!({"claude": line.shown()}));
    }
    Ok(())
}

/// `baton` where that is this very program, else its path.
fn own_program() -> Result<String> {
    let unusable = |why: String| Failure::failed("cannot tell where this program is").because(why);
    let own = std::env::current_exe().map_err(|error| unusable(error.to_string()))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path).map(|folder| folder.join("baton")).find(|file| file.is_file());
    let same = |file: &Path| file.canonicalize().ok().is_some_and(|file| Some(file) == own.canonicalize().ok());
    if first.is_some_and(|file| same(&file)) {
        return Ok("baton".to_owned());
    }
    own.into_os_string().into_string().map_err(|_| unusable("its path is no UTF-8".to_owned()))
}
