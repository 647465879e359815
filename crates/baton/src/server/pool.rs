//! The worker inside a server: `serve --workers N`. It goes the same way as any other, over REST, with the key of this
//! machine's commands.

use std::{path::Path, sync::Arc, time::Duration};

use baton_model::{Clock, Rng, Secret};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    config::Settings,
    failure::Result,
    worker::{self, Link, OnTrouble, Stops, Target, Voice, Worker},
};

/// Its name: what directives that are meant for it alone bear as `agent`.
const NAME: &str = "local";

/// Who works inside the server.
#[derive(Clone, Debug)]
pub struct Workers {
    /// How many directives at the same time.
    pub count: usize,
    /// The agent's name in the settings, or a built-in one.
    pub agent: String,
}

/// A worker that is ready, or at work.
pub struct Pool {
    stops: Stops,
    worker: Option<Worker>,
    running: Option<JoinHandle<Result>>,
}

impl Pool {
    /// Puts one together; none is asked for, none is there.
    ///
    /// # Errors
    /// An agent that is not known (2).
    pub fn new(
        workers: Option<&Workers>,
        settings: &Settings,
        data_dir: &Path,
        (url, key): (&str, &Secret<String>),
        clock: &Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self> {
        let stops = Stops::default();
        let Some(Workers { count, agent }) = workers else {
            return Ok(Pool { stops, worker: None, running: None });
        };
        let plan = worker::Plan::new(settings, agent, Some(NAME.to_owned()), *count, data_dir)?;
        let plan = worker::Plan { trouble: OnTrouble::Pause, ..plan };
        let certificate = settings.server.tls().map(|(certificate, _)| certificate.to_owned());
        let link = Link::new(Target::Own { url: url.to_owned(), key: key.clone(), certificate })?;
        let worker = Worker::new(plan, link, Voice::Log, stops.clone(), clock.clone(), rng);
        Ok(Pool { stops, worker: Some(worker), running: None })
    }

    /// Begins. The server must answer, or be about to.
    pub fn start(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.running = Some(tokio::spawn(async move {
                let ended = worker.run().await;
                if let Err(failure) = &ended {
                    tracing::error!("the worker inside this server has ended: {failure}");
                }
                ended
            }));
        }
    }

    /// Ends its agents, gives their directives back, and ends; the server must still answer. Answers how much of the
    /// time is left.
    pub async fn end(self, limit: Duration, clock: &dyn Clock) -> Duration {
        let Some(running) = self.running else { return limit };
        let begun = clock.steady();
        self.stops.end();
        if timeout(limit, running).await.is_err() {
            tracing::warn!("the worker did not end in time; the leases of its directives end by themselves");
        }
        limit.saturating_sub(Duration::from_millis(u64::try_from(clock.steady() - begun).unwrap_or(0)))
    }
}
