//! The server: from settings to a socket that answers, and back to nothing.

mod connections;
pub mod keys;
mod machine;
mod pool;
mod reload;
pub mod tls;

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use baton_engine::Engine;
use baton_gate::Guard;
use baton_model::{Clock, Rng, Secret, SystemClock, SystemRng};
use connections::Answering;
use pool::Pool;
use reload::Reload;
use serde_json::json;
use tls::Tls;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::{
    config::{self, Sources},
    data_dir::{self, Lock, Running},
    failure::{Failure, Result},
    lifecycle::{Activity, CLOSE, GRACE, Reason, Signals},
    logging,
};

pub use machine::{private_files, raise_file_limit};
pub use pool::Workers;

/// What a server is started with.
#[derive(Debug)]
pub struct Plan {
    /// Where its data lies.
    pub data_dir: PathBuf,
    /// Where its settings are read, now and on SIGHUP.
    pub sources: Sources,
    /// End when nothing was asked for so long.
    pub idle_exit: Option<Duration>,
    /// Say on stdout where the server is, as one line of JSON.
    pub json: bool,
    /// Who does directives in this process, if anybody.
    pub workers: Option<Workers>,
}

/// Serves until a signal comes or the idle time is over.
///
/// # Errors
/// When it cannot start, or cannot stop in order.
pub fn run(plan: Plan) -> Result {
    block_on(async {
        let server = Server::start(plan).await?;
        server.greet();
        server.serve(std::future::pending()).await
    })
}

/// Runs a server's life on a runtime of its own. Nothing that hangs is waited for at its end.
///
/// # Errors
/// When the system gives no threads; else what `life` ends with.
pub fn block_on<T>(life: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = machine::runtime()?;
    let outcome = runtime.block_on(life);
    runtime.shutdown_background();
    outcome
}

/// A server that listens.
pub struct Server {
    url: String,
    plan: Plan,
    clock: Arc<dyn Clock>,
    engine: Engine,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    app: baton_gate::Guarded<Router>,
    background: JoinHandle<()>,
    /// Ends background work and standing streams.
    stopping: CancellationToken,
    signals: Signals,
    reload: Reload,
    pool: Pool,
    locks: [Lock; 2],
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
        let tls = Tls::open(settings)?.map(Arc::new);
        let log = logging::start(&settings.telemetry.log)?;
        settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        if let Err(error) = baton_agents::shepherd::keep_private() {
            tracing::warn!(%error, "agents of the same user could read the memory of this process");
        }
        machine::private_files();
        data_dir::create(&plan.data_dir)?;
        let database = settings.database(&plan.data_dir);
        let mut locks = Lock::take_all(&plan.data_dir, &database)?;
        machine::raise_file_limit();
        let signals = Signals::listen()?;

        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::from_machine());
        let local_key = keys::random(&*rng);
        let secret_key = keys::secret_key(settings, &plan.data_dir, &*rng)?;
        let options = settings.engine(database.clone(), secret_key, local_key.expose());
        let engine = Engine::open(options, clock.clone(), rng.clone()).map_err(|error| {
            Failure::failed(format!("cannot open the database {}", database.display()))
                .because(error)
                .next("`baton doctor` looks for the cause; `baton restore FILE` puts a backup in its place")
        })?;
        if settings.needs_tokens() {
            let known = engine.has_valid_token().await;
            if !known.map_err(|error| Failure::failed("cannot read the access tokens").because(error))? {
                return Err(Failure::config("every call would need an access token, and there is none yet")
                    .because(format!(
                        "{} can be reached from elsewhere, or auth.mode asks for tokens",
                        settings.server.bind
                    ))
                    .next("make one: `baton token create NAME --scope admin`, or serve 127.0.0.1 alone"));
            }
        }
        let listener = connections::listen(settings.server.bind)?;
        let bound = listener.local_addr().map_err(|error| Failure::failed("cannot read the port").because(error))?;
        let stopping = CancellationToken::new();
        let access = settings.server.access(bound).map_err(|error| Failure::config(error.to_string()))?;
        let app = Guard::new(access).layer(router(&engine, &clock, &stopping));
        let (background, until) = (engine.clone(), stopping.clone());
        let background = tokio::spawn(async move { background.run_background(until).await });

        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{bound}");
        let pool = Pool::new(plan.workers.as_ref(), settings, &plan.data_dir, (&url, &local_key), &clock, rng)?;
        let running = Running { pid: std::process::id(), url: url.clone(), key: local_key };
        // The database's own lock may lie where others read; only the data directory's tells the key.
        let [of_directory, of_database] = &mut locks;
        of_database.announce(&Running { key: Secret::default(), ..running.clone() })?;
        of_directory.announce(&running)?;
        let reload = Reload::new(plan.sources.clone(), loaded, log, tls.clone())?;
        Ok(Server { url, plan, clock, engine, listener, tls, app, background, stopping, signals, reload, pool, locks })
    }

    /// `http://127.0.0.1:8000`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells people where it is and how an agent finds it.
    pub fn greet(&self) {
        let reached = self.reload.settings().server.public_url.as_deref().unwrap_or(&self.url).trim_end_matches('/');
        if self.plan.json {
            let here = json!({ "pid": std::process::id(), "url": self.url, "data_dir": self.plan.data_dir });
            let _ = writeln!(std::io::stdout(), "{here}");
        }
        // Whoever has closed stderr does not want to know.
        let _ = writeln!(
            std::io::stderr(),
            "Baton {} is ready.\n  dashboard    {reached}/\n  Claude Code  claude mcp add --transport http baton \
             {reached}/mcp\n  data         {}",
            env!("CARGO_PKG_VERSION"),
            self.plan.data_dir.display()
        );
    }

    /// Answers requests until a signal comes, the idle time is over, or `end` returns; then stops in order.
    ///
    /// # Errors
    /// When the store does not close.
    pub async fn serve(mut self, end: impl Future<Output = ()>) -> Result {
        let activity = Activity::new(self.clock.clone());
        let closing = CancellationToken::new();
        let answering =
            Answering { app: self.app, tls: self.tls, activity: activity.clone(), closing: closing.clone() };
        let serving = connections::serve(self.listener, answering);
        let mut serving = std::pin::pin!(tokio::spawn(serving));
        self.pool.start();
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
            () = self.reload.on_each_hangup(&self.engine) => Reason::Broken,
            _ = &mut self.background => Reason::Broken,
        };
        tracing::info!("stopping: {reason}");

        // The worker gives back what it has, for which the server must answer.
        let grace = self.pool.end(GRACE, &*self.clock).await;
        // Nothing new comes in; parked polls and standing streams end; what runs may finish.
        closing.cancel();
        self.stopping.cancel();
        self.engine.stop();
        let ending = async {
            let _ = (&mut serving).await;
            // Calls to webhooks that are under way get a moment, too.
            if !self.background.is_finished() {
                let _ = (&mut self.background).await;
            }
        };
        tokio::select! {
            () = ending => {}
            () = tokio::time::sleep(grace) => {
                tracing::warn!("some requests did not end within {} s; they are cut", GRACE.as_secs());
                serving.abort();
            }
            name = self.signals.next() => {
                tracing::warn!("{name} again: running requests are cut");
                serving.abort();
            }
        }
        let engine = self.engine.clone();
        let closed = tokio::select! {
            closed = tokio::task::spawn_blocking(move || engine.close()) => closed.is_ok(),
            () = tokio::time::sleep(CLOSE) => false,
            _ = self.signals.next() => false,
        };
        drop(self.locks);
        match reason {
            _ if !closed => Err(Failure::failed("the store did not close in order")
                .because("the disk is slow or does not answer")
                .next("nothing that was answered is lost; start again with `baton serve`")),
            Reason::Broken => Err(Failure::failed("the server has stopped by itself")
                .because("its background work ended unexpectedly; the log above tells more")
                .next("nothing that was answered is lost; start again with `baton serve`")),
            _ => Ok(()),
        }
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
