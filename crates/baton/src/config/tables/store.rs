//! `[store]`: where the data lies, what an answered write has survived, how long things are kept.

use std::path::PathBuf;

use baton_model::{Faults, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Retention;

/// Fewer characters than this can be tried through.
const SHORTEST_KEY: usize = 32;

/// Where the data lies and how long it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The database, as `sqlite://PATH`; without it, `baton.db` in the data directory.
    pub url: Option<String>,
    /// What an answered write has survived.
    pub synchronous: Synchronous,
    /// What the secrets in the database are encrypted with, at least 32 characters; best a reference: `env:NAME` or
    /// `file:PATH`. Never shown.
    #[schemars(length(min = SHORTEST_KEY))]
    pub secret_key: Option<Secret<String>>,
    /// How long things are kept after they happened: `90d`, `12h`, `1y 6months`, or `forever`.
    pub retention: Keep,
}

/// What an answered write has survived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A crash of the process, of the system, and a power cut.
    #[default]
    Full,
    /// A crash of the process; the last moments before a power cut may be lost.
    Normal,
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// The log of events.
    pub events: Retention,
    /// Directives that have ended, and their results.
    pub results: Retention,
    /// What agents said while they worked.
    pub transcripts: Retention,
}

impl Default for Keep {
    fn default() -> Self {
        Keep { events: Retention::days(30), results: Retention::FOREVER, transcripts: Retention::days(30) }
    }
}

impl Store {
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        if let Some(Err(why)) = self.url.as_deref().map(sqlite_path) {
            faults.add("store.url", why);
        }
        if self.secret_key.as_ref().is_some_and(|key| key.expose().chars().count() < SHORTEST_KEY) {
            let right = "make one with `openssl rand -base64 32` and name its place: `env:NAME` or `file:PATH`";
            faults.add("store.secret_key", format!("must have at least {SHORTEST_KEY} characters; {right}"));
        }
    }
}

/// The path in a `sqlite://` URL, or why there is none.
pub(in crate::config) fn sqlite_path(url: &str) -> Result<PathBuf, String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err("PostgreSQL is not supported by this version yet; it comes next. Use `sqlite://PATH`".into());
    }
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.contains(['?', '#']) && path != ":memory:" => Ok(path.into()),
        _ => Err(format!("`{url}` is no database that can be used; write it as `sqlite:///var/lib/baton/baton.db`")),
    }
}
