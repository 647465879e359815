//! The settings: what can be set, its bounds, and where each value came from.
//!
//! A value is taken from the first of these that has it: a flag, a `BATON_*` variable, `./baton.toml`,
//! `$XDG_CONFIG_HOME/baton/baton.toml`, the default. [`Settings`] is the only list of keys: the names of variables, the
//! checks of unknown keys and the JSON Schema are all made from it.

mod keys;
mod layers;
mod problem;
mod retention;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use baton_gate::{Access, AccessError};
use baton_model::{
    bounds::{MAX_SECONDS, check_positive_seconds},
    fault::Faults,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use crate::logging;

pub use keys::schema;
pub use layers::{Flag, Sources};
pub use problem::{Origin, Problems};
pub use retention::Retention;

/// The settings of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "baton.toml")]
pub struct Settings {
    /// Where the server listens and under which names it answers.
    pub server: Server,
    /// Where the data lies and how long it is kept.
    pub store: Store,
    /// How directives are handed out.
    pub queue: Queue,
    /// What the server tells about itself.
    pub telemetry: Telemetry,
}

/// Where the server listens and under which names it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on. Port 0 takes any free one.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// The URL that people and agents use to reach the server, if it is not the address it listens on.
    pub public_url: Option<String>,
    /// Further names in the `Host` header that are answered, as `baton.example` or `baton.example:8443`.
    pub allowed_hosts: Vec<String>,
    /// Further web pages that may call the server, as `https://app.example`.
    pub allowed_origins: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

impl Server {
    /// Who is let in at the address that was bound.
    ///
    /// # Errors
    /// The first host, origin or URL that cannot be read.
    pub fn access(&self, bound: SocketAddr) -> Result<Access, AccessError> {
        Access::new(bound, self.public_url.as_deref(), &self.allowed_hosts, &self.allowed_origins)
    }
}

/// Where the data lies and how long it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The database, as `sqlite://PATH`; without it, `baton.db` in the data directory.
    pub url: Option<String>,
    /// What an answered write has survived.
    pub synchronous: Synchronous,
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
}

impl Default for Keep {
    fn default() -> Self {
        Keep { events: Retention::days(30), results: Retention::FOREVER }
    }
}

/// How directives are handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// How long an agent may work on a directive that has no `timeout_seconds`, before it is handed out again.
    #[schemars(range(min = 0.001, max = MAX_SECONDS))]
    pub lease_seconds: f64,
    /// How often a directive is handed out without a result before it is dead.
    #[schemars(range(min = 1, max = 1000))]
    pub max_deliveries: i64,
    /// The longest that a poll may wait for work.
    #[schemars(range(min = 0, max = 240))]
    pub max_wait_seconds: f64,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { lease_seconds: 3600.0, max_deliveries: 5, max_wait_seconds: 240.0 }
    }
}

/// What the server tells about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged on stderr: `error`, `warn`, `info`, `debug`, `trace`, or a list as `info,baton_store=debug`.
    pub log: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { log: "info".into() }
    }
}

impl Settings {
    /// Finds values that have the right type and still make no sense.
    fn check(&self) -> Faults {
        let mut faults = Faults::default();
        if !self.server.bind.ip().is_loopback() {
            faults.add(
                "server.bind",
                format!(
                    "`{}` can be reached from other machines, and this version has no access tokens yet: anybody \
                     could give your agents orders. Use 127.0.0.1 and, from elsewhere, an SSH tunnel",
                    self.server.bind
                ),
            );
        }
        if let Err(error) = self.server.access(self.server.bind) {
            faults.add(format!("server.{}", error.setting), format!("`{}`: {}", error.entry, error.detail));
        }
        if let Some(Err(why)) = self.store.url.as_deref().map(sqlite_path) {
            faults.add("store.url", why);
        }
        check_positive_seconds("queue.lease_seconds", self.queue.lease_seconds, &mut faults);
        if !(1..=1000).contains(&self.queue.max_deliveries) {
            faults.add("queue.max_deliveries", format!("must be 1 to 1000, not {}", self.queue.max_deliveries));
        }
        if !(0.0..=240.0).contains(&self.queue.max_wait_seconds) {
            let given = self.queue.max_wait_seconds;
            faults.add("queue.max_wait_seconds", format!("must be 0 to 240 seconds, not {given}"));
        }
        if logging::read(&self.telemetry.log).is_err() {
            let given = &self.telemetry.log;
            let right = "write `error`, `warn`, `info`, `debug`, `trace` or a list as `info,baton_store=debug`";
            faults.add("telemetry.log", format!("`{given}` is no log filter; {right}"));
        }
        faults
    }

    /// The database file of a server on this data directory.
    pub fn database(&self, data_dir: &Path) -> PathBuf {
        let named = self.store.url.as_deref().and_then(|url| sqlite_path(url).ok());
        named.unwrap_or_else(|| baton_engine::database_path(data_dir))
    }

    /// What the engine is opened with.
    pub fn engine(&self, database: PathBuf) -> baton_engine::Options {
        let synchronous = match self.store.synchronous {
            Synchronous::Full => baton_engine::Synchronous::Full,
            Synchronous::Normal => baton_engine::Synchronous::Normal,
        };
        baton_engine::Options { database, synchronous, settings: self.queue(), retention: self.retention() }
    }

    /// What the engine wants to know of the queue.
    pub fn queue(&self) -> baton_engine::Settings {
        baton_engine::Settings {
            lease: Duration::from_secs_f64(self.queue.lease_seconds),
            max_deliveries: self.queue.max_deliveries,
            max_wait: Duration::from_secs_f64(self.queue.max_wait_seconds),
        }
    }

    /// How long the engine keeps things.
    pub fn retention(&self) -> baton_engine::Retention {
        let keep = &self.store.retention;
        baton_engine::Retention { events: keep.events.span(), results: keep.results.span() }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| D::Error::custom(format!("`{text}` is no address with a port; write it as `127.0.0.1:8000`"));
    text.parse().map_err(wrong)
}

/// The path in a `sqlite://` URL, or why there is none.
fn sqlite_path(url: &str) -> Result<PathBuf, String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err("PostgreSQL is not supported by this version yet; it comes next. Use `sqlite://PATH`".into());
    }
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.contains(['?', '#']) && path != ":memory:" => Ok(path.into()),
        _ => Err(format!("`{url}` is no database that can be used; write it as `sqlite:///var/lib/baton/baton.db`")),
    }
}

/// Settings together with where each of them came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What holds.
    pub settings: Settings,
    /// Every value that is not the default, by dotted key.
    given: BTreeMap<String, Given>,
}

/// A value as somebody gave it.
#[derive(Clone, Debug)]
pub struct Given {
    /// As it was written: a reference stays a reference here, so that it can be shown.
    pub written: Value,
    /// Where it was written.
    pub origin: Origin,
}

/// One line of `baton config show`.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Its dotted key.
    pub key: String,
    /// The value as it was written, or the default.
    pub value: Value,
    /// Where it was written.
    #[serde(serialize_with = "problem::as_text")]
    pub origin: Origin,
}

/// Keys that a running server takes over on SIGHUP; the others need a restart.
pub fn can_reload(key: &str) -> bool {
    ["queue.", "store.retention.", "telemetry.log"].iter().any(|prefix| key.starts_with(prefix))
}

/// The keys whose values differ.
pub fn changed(before: &Loaded, after: &Loaded) -> Vec<String> {
    let (before, after) = (json!(before.settings), json!(after.settings));
    let differs = |key: &keys::Key| before.pointer(&key.pointer()) != after.pointer(&key.pointer());
    keys::all().into_iter().filter(differs).map(|key| key.path).collect()
}

impl Loaded {
    /// Where a value was written.
    pub fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Every key with its value and origin, table by table.
    pub fn shown(&self) -> Vec<Shown> {
        let defaults = json!(Settings::default());
        let line = |key: keys::Key| match self.given.get(&key.path) {
            Some(Given { written, origin }) => Shown { key: key.path, value: written.clone(), origin: origin.clone() },
            None => {
                let value = defaults.pointer(&key.pointer()).cloned().unwrap_or_default();
                Shown { key: key.path, value, origin: Origin::Default }
            }
        };
        keys::all().into_iter().map(line).collect()
    }
}

/// The values of [`Loaded::shown`], nested as they are in a file.
pub fn nested(shown: &[Shown]) -> Value {
    let mut settings = json!({});
    for Shown { key, value, .. } in shown {
        keys::set(&mut settings, key, value.clone());
    }
    settings
}

/// Reads and checks all layers.
///
/// # Errors
/// Every unknown key, wrong type, value out of bounds and broken reference at once, each with its place.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut problems = Problems::default();
    let mut given = BTreeMap::new();
    let mut merged = json!({});
    let known = keys::all();
    for layers::Leaf { key, written, value, origin } in layers::read(sources, &known, &mut problems) {
        let alone = key.nest(&value);
        // What a reference stands for may be secret: only the reference is shown, now and later.
        let is_reference = written != value && written.as_str().is_some_and(layers::is_reference);
        match serde_json::from_value::<Settings>(alone) {
            Err(_) if is_reference => {
                problems.add(&origin, format!("`{}`: what {written} stands for cannot be used here", key.path));
            }
            Ok(settings) if is_reference && !settings.check().0.is_empty() => {
                problems.add(&origin, format!("`{}`: what {written} stands for is out of bounds", key.path));
            }
            Err(error) => problems.add(&origin, format!("`{}`: {error}", key.path)),
            Ok(settings) => {
                for fault in settings.check().0 {
                    problems.add(&origin, format!("`{}`: {}", fault.field, fault.detail));
                }
            }
        }
        // Layers come lowest first: a later one replaces what an earlier one said.
        let written = if is_reference { written } else { value.clone() };
        keys::set(&mut merged, &key.path, value);
        given.insert(key.path.clone(), Given { written, origin });
    }
    problems.into_result()?;
    match serde_json::from_value(merged) {
        Ok(settings) => Ok(Loaded { settings, given }),
        Err(error) => Err(Problems::one(&Origin::Default, error.to_string())),
    }
}
