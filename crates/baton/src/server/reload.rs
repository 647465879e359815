//! SIGHUP: reads the settings again and takes over what can change while the server runs.

use tokio::signal::unix::{Signal, SignalKind, signal};

use baton_engine::Engine;

use crate::{
    config::{self, Loaded, Settings, Sources},
    failure::{Failure, Result},
    logging::LogFilter,
};

/// The settings that hold now, and where to look for new ones.
pub struct Reload {
    hangup: Signal,
    sources: Sources,
    loaded: Loaded,
    log: LogFilter,
}

impl Reload {
    /// From here on SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(sources: Sources, loaded: Loaded, log: LogFilter) -> Result<Self> {
        let hangup = signal(SignalKind::hangup());
        let hangup = hangup.map_err(|error| Failure::failed("cannot listen for signals").because(error))?;
        Ok(Reload { hangup, sources, loaded, log })
    }

    /// The settings that hold now.
    pub fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// Reloads on each signal; ends only if signals can no longer be heard.
    pub async fn on_each_hangup(&mut self, engine: &Engine) {
        while self.hangup.recv().await.is_some() {
            self.reload(engine);
        }
    }

    fn reload(&mut self, engine: &Engine) {
        // The environment and the flags are the process's own and stay; the files are read anew.
        let fresh = match config::load(&self.sources) {
            Ok(fresh) => fresh,
            Err(problems) => {
                tracing::error!("the settings stay as they are, the new ones cannot be used:\n{problems}");
                return;
            }
        };
        let changed = config::changed(&self.loaded, &fresh);
        let (now, later): (Vec<_>, Vec<_>) = changed.into_iter().partition(|key| config::can_reload(key));
        self.log.set(&fresh.settings.telemetry.log);
        engine.reconfigure(fresh.settings.queue(), fresh.settings.retention());
        if !later.is_empty() {
            tracing::warn!("these need a restart: {}", later.join(", "));
        }
        tracing::info!("reloaded: {}", if now.is_empty() { "nothing changed".into() } else { now.join(", ") });
        self.loaded = fresh;
    }
}
