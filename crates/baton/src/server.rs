//! The server: from settings to a socket that answers, and back to nothing.

mod connections;
mod machine;
mod reload;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use baton_engine::Engine;
use baton_gate::Guard;
use baton_model::{Clock, SystemClock, SystemRng};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::{
    config::{self, Loaded, Sources},
    data_dir::{self, Lock, Running},
    failure::{Failure, Result},
    lifecycle::{Activity, GRACE, Reason, Signals},
    logging::{self, LogFilter},
};

pub use machine::runtime;

/// What a server is started with.
#[derive(Debug)]
pub struct Plan {
    /// Where its data lies.
    pub data_dir: PathBuf,
    /// Where its settings are read, now and on SIGHUP.
    pub sources: Sources,
    /// End when nothing was asked for so long.
    pub idle_exit: Option<Duration>,
}

/// Serves until a signal comes or the idle time is over.
///
/// # Errors
/// When it cannot start, or cannot stop in order.
pub fn run(plan: Plan) -> Result {
    runtime()?.block_on(async {
        let server = Server::start(plan).await?;
        server.greet();
        server.serve(std::future::pending()).await
    })
}

/// A server that listens.
pub struct Server {
    url: String,
    plan: Plan,
    loaded: Loaded,
    log: LogFilter,
    clock: Arc<dyn Clock>,
    engine: Engine,
    listener: TcpListener,
    app: baton_gate::Guarded<Router>,
    /// Ends background work and standing streams.
    stopping: CancellationToken,
    signals: Signals,
    lock: Lock,
}

impl Server {
    /// Opens the data, then the socket. When this returns, requests are answered as soon as [`Server::serve`] runs.
    ///
    /// # Errors
    /// Settings that cannot be used (78); a data directory that is in use, a database that cannot be opened, a port
    /// that is taken (1).
    pub async fn start(plan: Plan) -> Result<Self> {
        let loaded = config::load(&plan.sources)?;
        let settings = &loaded.settings;
        let log = logging::start(&settings.telemetry.log)?;
        machine::private_files();
        data_dir::create(&plan.data_dir)?;
        let mut lock = Lock::take(&plan.data_dir)?;
        machine::raise_file_limit();
        let signals = Signals::listen()?;

        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let database = settings.database(&plan.data_dir);
        let options = settings.engine(database.clone());
        let engine = Engine::open(options, clock.clone(), Arc::new(SystemRng::from_machine())).map_err(|error| {
            Failure::failed(format!("cannot open the database {}", database.display()))
                .because(error)
                .next("`baton doctor` looks for the cause; `baton restore FILE` puts a backup in its place")
        })?;
        let listener = connections::listen(settings.server.bind)?;
        let bound = listener.local_addr().map_err(|error| Failure::failed("cannot read the port").because(error))?;
        let stopping = CancellationToken::new();
        let access = settings.server.access(bound).map_err(|error| Failure::config(error.to_string()))?;
        let app = Guard::new(access).layer(router(&engine, &clock, &stopping));
        let (background, until) = (engine.clone(), stopping.clone());
        tokio::spawn(async move { background.run_background(until).await });

        let url = url_of(bound);
        lock.announce(&Running { pid: std::process::id(), url: url.clone() })?;
        Ok(Server { url, plan, loaded, log, clock, engine, listener, app, stopping, signals, lock })
    }

    /// `http://127.0.0.1:8000`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells people where it is and how an agent finds it.
    pub fn greet(&self) {
        let url = &self.url;
        eprintln!("Baton {} is ready.", env!("CARGO_PKG_VERSION"));
        eprintln!("  dashboard    {url}/");
        eprintln!("  Claude Code  claude mcp add --transport http baton {url}/mcp");
        eprintln!("  data         {}", self.plan.data_dir.display());
    }

    /// Answers requests until a signal comes, the idle time is over, or `end` returns; then stops in order.
    ///
    /// # Errors
    /// When the store does not close.
    pub async fn serve(mut self, end: impl Future<Output = ()>) -> Result {
        let activity = Activity::new(self.clock.clone());
        let closing = CancellationToken::new();
        let serving = connections::serve(self.listener, self.app, activity.clone(), closing.clone());
        let mut serving = std::pin::pin!(tokio::spawn(serving));
        let mut reload = reload::Reload::new(self.plan.sources.clone(), self.loaded, self.log)?;
        let idle = async {
            match self.plan.idle_exit {
                Some(limit) => activity.idle_for(limit).await,
                None => std::future::pending().await,
            }
        };
        let reason = tokio::select! {
            name = self.signals.next() => Reason::Signal(name),
            () = idle => Reason::Idle,
            () = end => Reason::DemoEnded,
            () = reload.on_each_hangup(&self.engine) => unreachable!("it waits for the next signal for ever"),
        };
        tracing::info!(?reason, "stopping");

        // Nothing new comes in; parked polls and standing streams end; what runs may finish.
        closing.cancel();
        self.stopping.cancel();
        self.engine.stop();
        tokio::select! {
            _ = &mut serving => {}
            () = tokio::time::sleep(GRACE) => {
                tracing::warn!("some requests did not end within {} s; they are cut", GRACE.as_secs());
                serving.abort();
            }
            name = self.signals.next() => {
                tracing::warn!("{name} again: running requests are cut");
                serving.abort();
            }
        }
        let engine = self.engine.clone();
        let closed = tokio::task::spawn_blocking(move || engine.close()).await;
        drop(self.lock);
        closed.map_err(|error| Failure::failed("the store did not close in order").because(error))
    }
}

/// All doors. The guard lies over them.
fn router(engine: &Engine, clock: &Arc<dyn Clock>, stopping: &CancellationToken) -> Router {
    baton_rest::router(engine.clone()).merge(baton_web::router(engine.clone())).merge(baton_mcp::router(
        engine.clone(),
        clock.clone(),
        stopping.clone(),
    ))
}

fn url_of(bound: SocketAddr) -> String {
    format!("http://{bound}")
}
