//! SIGHUP: reads the settings again and takes over what can change while the server runs.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use baton_engine::Engine;

use super::tls::Tls;
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
    tls: Option<Arc<Tls>>,
}

impl Reload {
    /// From here on SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(sources: Sources, loaded: Loaded, log: LogFilter, tls: Option<Arc<Tls>>) -> Result<Self> {
        let hangup = signal(SignalKind::hangup());
        let hangup = hangup.map_err(|error| Failure::failed("cannot listen for signals").because(error))?;
        Ok(Reload { hangup, sources, loaded, log, tls })
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
        if let Some(tls) = &self.tls {
            match tls.reload(&fresh.settings) {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(failure) => tracing::error!("the certificate stays as it is\n{failure}"),
            }
        }
        let changed = config::changed(&self.loaded, &fresh);
        let (now, later): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|key| config::can_reload(key) || self.reads_again(key, &fresh));
        self.log.set(&fresh.settings.telemetry.log);
        let settings = &fresh.settings;
        engine.reconfigure(settings.queue(), settings.retention(), settings.limits(), settings.webhooks());
        if !later.is_empty() {
            tracing::warn!("these need a restart: {}", later.join(", "));
        }
        tracing::info!("reloaded: {}", if now.is_empty() { "nothing changed".into() } else { now.join(", ") });
        self.loaded = fresh;
    }

    /// Another certificate is taken over like the old one; TLS as such comes and goes with a restart.
    fn reads_again(&self, key: &str, fresh: &Loaded) -> bool {
        let is_file = matches!(key, "server.tls_cert" | "server.tls_key");
        is_file && self.tls.is_some() && fresh.settings.server.tls().is_some()
    }
}
