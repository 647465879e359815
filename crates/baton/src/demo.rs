//! `baton serve --demo`: a server on data of its own, sample directives, and a scripted agent that pulls them over MCP
//! like any other agent would.

mod agent;
mod samples;

use std::{
    fmt::Display,
    fs::DirBuilder,
    io::Write,
    net::{SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    time::Duration,
};

use baton_model::{Rng, SystemRng};

use crate::{
    config::{self, Flag, Loaded, Origin, Sources},
    failure::{Failure, Result},
    server::{self, Plan, Server},
};

/// How many ports after the usual one are tried.
const PORTS: u16 = 100;
/// How long the agent's work may take before the demo counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs it. Without a data directory the data is temporary.
///
/// # Errors
/// When the server cannot run; with `once`, also when the demo did not go as it should.
pub fn run(sources: Sources, idle_exit: Option<Duration>, data_dir: Option<PathBuf>, once: bool) -> Result {
    let temporary = if data_dir.is_none() { Some(Temporary::make()?) } else { None };
    let data_dir = match (&temporary, data_dir) {
        (Some(Temporary(dir)), _) => dir.clone(),
        (None, named) => named.unwrap_or_default(),
    };
    let loaded = config::load(&sources)?;
    let mut sources = sources;
    if temporary.is_some() && !sources.flags.iter().any(|flag| flag.key == "store.url") {
        let text = format!("sqlite://{}", data_dir.join("baton.db").display());
        sources.flags.push(Flag { name: "--demo", key: "store.url", text });
    }
    if let Some(text) = free_address(&loaded) {
        sources.flags.push(Flag { name: "--demo", key: "server.bind", text });
    }
    let plan = Plan { data_dir, sources, idle_exit, json: false, workers: None };
    let outcome = server::block_on(async {
        let server = Server::start(plan).await?;
        server.greet();
        let url = server.url().to_owned();
        let mut outcome = None;
        let story = async {
            let told = tokio::time::timeout(PATIENCE, agent::play(&url)).await;
            outcome = Some(told.unwrap_or_else(|_| Err(agent::Surprise::TooSlow(PATIENCE))));
            match outcome.as_ref() {
                Some(Ok(())) if !once => {
                    tell(format_args!("\nThe server goes on; end it with Ctrl-C. Everything: {url}/"))
                }
                Some(Err(surprise)) if !once => tracing::error!("the demo did not go as it should: {surprise}"),
                _ => {}
            }
            if !once {
                std::future::pending::<()>().await;
            }
        };
        server.serve(story).await?;
        Ok::<_, Failure>(outcome)
    })?;
    drop(temporary);
    match outcome {
        Some(Ok(())) => Ok(()),
        _ if !once => Ok(()),
        Some(Err(surprise)) => Err(Failure::failed("the demo did not go as it should").because(surprise)),
        None => Err(Failure::failed("the demo was stopped before its end")),
    }
}

/// The usual address with the first free port, unless somebody chose one.
fn free_address(loaded: &Loaded) -> Option<String> {
    if loaded.origin("server.bind") != Origin::Default {
        return None;
    }
    let usual = loaded.settings.server.bind;
    let ports = usual.port()..usual.port().saturating_add(PORTS);
    ports
        .map(|port| SocketAddr::new(usual.ip(), port))
        .find(|address| TcpListener::bind(address).is_ok())
        .map(|address| address.to_string())
}

/// Tells a line of the tale. A reader who has gone does not stop it.
fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A directory that goes with the process.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Result<Self> {
        let mut random = [0; 8];
        SystemRng::from_machine().fill(&mut random);
        let dir = std::env::temp_dir().join(format!("baton-demo-{:016x}", u64::from_ne_bytes(random)));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|error| {
            Failure::failed(format!("cannot make {}", dir.display()))
                .because(error)
                .next("name a directory: `baton serve --demo --data-dir DIR`")
        })?;
        Ok(Temporary(dir))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
