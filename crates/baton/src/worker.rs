//! A worker: takes directives from a server and has an agent's command line carry them out. It speaks nothing but REST,
//! so it may run on any machine; `serve --workers` runs the same inside the server.
//!
//! Each of its slots goes the same round: poll, find the directory, run the agent under a lease that is kept by
//! heartbeats, have the work checked, report. What ends a run before its time (a lease that moved on, an end of the
//! worker) ends the agent with all its processes.

mod agent;
mod attempt;
mod brake;
mod job;
mod lease;
mod link;
mod outcome;
mod place;
mod slot;
mod stops;
mod transcript;
mod voice;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use baton_agents::{AgentConfig, Availability, Limits, Machine, detect, shepherd};
use baton_model::{Clock, Faults, Ids, Rng, bounds::check_name, text::visible};
use tokio::task::JoinSet;

use crate::{
    config::{Acceptance, Settings},
    failure::{Failure, Result},
    lifecycle::Activity,
};

use brake::Brake;
pub use link::{Link, Target};
pub use place::Places;
pub use stops::Stops;
use voice::Event;
pub use voice::Voice;

/// How soon another worker may have a directive whose worker has died, unless somebody chose otherwise.
pub const LEASE: Duration = Duration::from_secs(60);

/// How long a worker inside a server waits before it tries again what a person has to mend.
const UNTIL_MENDED: Duration = Duration::from_secs(5 * 60);

/// What a worker is started with.
#[derive(Debug)]
pub struct Plan {
    /// Its name: what directives that are meant for it alone bear as `agent`.
    pub name: String,
    /// Who does the work.
    pub agent: AgentConfig,
    /// The checks that may prove it.
    pub acceptance: BTreeMap<String, Acceptance>,
    /// How many directives at the same time.
    pub concurrency: usize,
    /// Only directives with one of these; empty: all.
    pub tags: Vec<String>,
    /// Where agents may work.
    pub places: Places,
    /// How long a directive stays taken without a word from its worker.
    pub lease: Duration,
    /// How much it does before it ends by itself.
    pub amount: Amount,
    /// End when nothing was to be done for so long.
    pub idle_exit: Option<Duration>,
    /// What it does when it cannot work.
    pub trouble: OnTrouble,
}

/// How much a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// As much as there is.
    Endless,
    /// One directive.
    One,
}

/// What a worker does when the agent cannot work at all: it is missing, or its credentials are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrouble {
    /// It ends, with the error.
    End,
    /// It says so, and tries again after a while.
    Pause,
}

impl Plan {
    /// What the settings say of a worker; it ends when it cannot work.
    ///
    /// # Errors
    /// An agent that is not known, a name that cannot be one (2).
    pub fn new(
        settings: &Settings,
        agent: &str,
        name: Option<String>,
        concurrency: usize,
        data_dir: &Path,
    ) -> Result<Self> {
        let agent = agent::choose(settings, agent)?;
        // Agents get absolute paths: they start elsewhere.
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let plan = Plan {
            name: name.unwrap_or_else(|| format!("{}-{}", agent::machine_name(), agent.name)),
            agent,
            acceptance: settings.acceptance.clone(),
            concurrency,
            tags: Vec::new(),
            places: Places {
                roots: settings.sessions.roots.iter().map(PathBuf::from).collect(),
                usual: None,
                fresh: data_dir.join("work"),
            },
            lease: LEASE,
            amount: Amount::Endless,
            idle_exit: None,
            trouble: OnTrouble::End,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Checks what the server would refuse.
    ///
    /// # Errors
    /// A name that cannot be one (2).
    fn check(&self) -> Result {
        let mut faults = Faults::default();
        check_name("--name", &self.name, &mut faults);
        match faults.0.first() {
            None => Ok(()),
            Some(fault) => Err(Failure::usage(format!("`{}` is no name of a worker: {}", self.name, fault.detail))),
        }
    }
}

/// A worker that is ready to start.
pub struct Worker {
    shared: Arc<Shared>,
}

/// What all slots of a worker share.
struct Shared {
    plan: Plan,
    machine: Machine,
    link: Link,
    voice: Voice,
    stops: Stops,
    brake: Brake,
    activity: Arc<Activity>,
    clock: Arc<dyn Clock>,
    ids: Ids,
    /// The server did not answer the last time.
    is_away: AtomicBool,
}

impl Worker {
    /// Puts one together.
    pub fn new(plan: Plan, link: Link, voice: Voice, stops: Stops, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        // All that an agent prints comes here: what is kept of a flood is its beginning and its end.
        let limits = Limits { transcript_bytes: u64::MAX, ..Limits::default() };
        let machine = Machine { limits, ..Machine::of_this_process() };
        let (activity, brake) = (Activity::new(clock.clone()), Brake::new(clock.clone()));
        let (ids, is_away) = (Ids::new(rng), AtomicBool::new(false));
        Worker { shared: Arc::new(Shared { plan, machine, link, voice, stops, brake, activity, clock, ids, is_away }) }
    }

    /// Works until it is told to end, or nothing is left for it to do.
    ///
    /// # Errors
    /// What keeps the agent from working, or a server that wants none of its workers.
    pub async fn run(self) -> Result {
        let shared = self.shared;
        if let Err(error) = shepherd::keep_private() {
            tracing::warn!(%error, "agents can read the memory and the environment of this process");
        }
        if let Err(error) = shepherd::inherit_orphans() {
            tracing::warn!(%error, "an agent that kills the process that watches over it may leave processes behind");
        }
        if !shared.has_agent().await {
            return shared.brake.verdict();
        }
        let Plan { name, agent, concurrency, .. } = &shared.plan;
        shared.voice.tell(&Event::Ready {
            worker: name,
            agent: &agent.name,
            url: &shared.link.url(),
            concurrency: *concurrency,
        });
        let mut slots = JoinSet::new();
        for _ in 0..*concurrency {
            slots.spawn(slot::work(shared.clone()));
        }
        let watch = shared.clone();
        let mut watch = std::pin::pin!(async move { watch.watch().await });
        loop {
            tokio::select! {
                ended = slots.join_next() => match ended {
                    None => break,
                    Some(Ok(())) => {}
                    Some(Err(error)) => shared.brake.close(Some(Failure::failed("a slot broke").because(error))),
                },
                () = &mut watch => {}
            }
        }
        shared.voice.tell(&Event::Ended { worker: &shared.plan.name });
        shared.brake.verdict()
    }
}

impl Shared {
    /// Closes the brake when the worker shall take nothing more; never returns.
    async fn watch(&self) {
        let idle = async {
            match self.plan.idle_exit {
                Some(limit) => self.activity.idle_for(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stops.finishing() => {
                if !self.stops.is_ending() {
                    self.voice.tell(&Event::Stopping { running: self.activity.running() });
                }
            }
            () = idle => {}
        }
        self.brake.close(None);
        self.stops.ending().await;
        self.voice.tell(&Event::Interrupting { running: self.activity.running() });
        std::future::pending().await
    }

    /// Whether the agent is there; a worker that waits for a person waits for it.
    async fn has_agent(&self) -> bool {
        loop {
            let why = match detect(&self.machine, &self.plan.agent).await {
                Availability::Found { .. } => return true,
                Availability::Missing { why } => why,
            };
            self.cannot_work(&why);
            let opens = self.brake.opens();
            tokio::select! {
                is_open = opens => if !is_open { return false },
                () = self.stops.finishing() => {
                    self.brake.close(None);
                    return false;
                }
            }
        }
    }

    /// No run can do any good until a person has mended something.
    fn cannot_work(&self, why: &str) {
        let agent = &self.plan.agent.name;
        match self.plan.trouble {
            OnTrouble::End => {
                let what = format!("agent `{agent}` cannot work");
                let next = "mend it and start the worker again; `baton doctor` looks at the agents of this machine";
                self.brake.close(Some(Failure::failed(what).because(visible(why)).next(next)));
            }
            OnTrouble::Pause => {
                if self.brake.pause(UNTIL_MENDED) {
                    self.voice.tell(&Event::CannotWork { agent, error: why, seconds: UNTIL_MENDED.as_secs() });
                }
            }
        }
    }

    /// The server did, or did not, answer.
    fn answers(&self, trouble: Option<&str>) {
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(why) if !was_away => self.voice.tell(&Event::ServerAway { error: why }),
            None if was_away => self.voice.tell(&Event::ServerBack { url: &self.link.url() }),
            _ => {}
        }
    }
}
