//! The settings: what can be set, its bounds, and where each value came from.
//!
//! A value is taken from the first of these that has it: a flag, a `BATON_*` variable, `./baton.toml`,
//! `$XDG_CONFIG_HOME/baton/baton.toml`, the default. [`Settings`] is the only list of keys: the names of variables, the
//! checks of unknown keys and the JSON Schema are all made from it.

mod keys;
mod layers;
mod problem;
mod reference;
mod retention;
mod span;
mod tables;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use baton_engine::{Entrance, SecretKey, TokenRule};
use baton_model::{Secret, address::Allow, fault::Faults, secret::HIDDEN};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use keys::schema;
pub use layers::{Flag, Sources};
pub use problem::{Origin, Problems};
pub use retention::Retention;
pub use tables::{
    access::{Auth, AuthMode, Limits, Outbound, Sessions},
    agents::{Acceptance, Agent, AgentKind},
    queue::Queue,
    server::{Server, Telemetry},
    store::{Store, Synchronous},
    webhooks::Webhooks,
};

/// What the names in a table must look like, for editors.
const NAMES: &str = "^[A-Za-z0-9_-]{1,64}$";

/// The settings of a server, and of workers.
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
    /// Who may call without an access token.
    pub auth: Auth,
    /// How much one caller may ask for.
    pub limits: Limits,
    /// Which private addresses are called for people who name them in requests.
    pub outbound: Outbound,
    /// How calls to webhooks are made.
    pub webhooks: Webhooks,
    /// Where sessions may work.
    pub sessions: Sessions,
    /// What the server tells about itself.
    pub telemetry: Telemetry,
    /// The agents that workers run directives with, by name.
    #[schemars(extend("propertyNames" = json!({ "pattern": NAMES })))]
    pub agents: BTreeMap<String, Agent>,
    /// The checks that prove a directive's work, by name.
    #[schemars(extend("propertyNames" = json!({ "pattern": NAMES })))]
    pub acceptance: BTreeMap<String, Acceptance>,
}

impl Settings {
    /// Finds values that have the right type and still make no sense.
    fn check(&self) -> Faults {
        let mut faults = Faults::default();
        self.server.check(&mut faults);
        self.store.check(&mut faults);
        self.queue.check(&mut faults);
        self.limits.check(&mut faults);
        self.outbound.check(&mut faults);
        self.webhooks.check(&mut faults);
        self.sessions.check(&mut faults);
        self.telemetry.check(&mut faults);
        self.agents.iter().for_each(|(name, agent)| agent.check(name, &mut faults));
        self.acceptance.iter().for_each(|(name, check)| check.check(name, &mut faults));
        faults
    }

    /// Finds values that do not fit together.
    fn check_together(&self) -> Faults {
        let mut faults = Faults::default();
        self.server.check_together(&mut faults);
        self.agents.iter().for_each(|(name, agent)| agent.check_together(name, &mut faults));
        self.acceptance.iter().for_each(|(name, check)| check.check_together(name, &mut faults));
        faults
    }

    /// Whether every call needs an access token, also those from this machine. Behind a proxy all calls seem to come
    /// from here.
    pub fn needs_tokens(&self) -> bool {
        self.is_reachable() || self.server.behind_proxy || self.auth.mode == AuthMode::Required
    }

    /// What is allowed and better not done, for the log.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.is_reachable() && !self.server.behind_proxy && self.server.tls().is_none() {
            warnings.push(format!(
                "{} can be reached from other machines, and access tokens travel there in clear: set server.tls_cert \
                 and server.tls_key, or server.behind_proxy where a proxy speaks TLS",
                self.server.bind
            ));
        }
        if let Some(url) = self.server.public_url.as_deref().filter(|_| !self.needs_tokens()) {
            warnings.push(format!(
                "{url} is answered without access tokens, whoever comes that way: set server.behind_proxy if it leads \
                 here from other machines"
            ));
        }
        warnings
    }

    /// Whether other machines can reach the server.
    fn is_reachable(&self) -> bool {
        !self.server.bind.ip().is_loopback()
    }

    /// Which private addresses may be called for people who name them in requests.
    pub fn outbound(&self) -> Allow {
        self.outbound.allowed()
    }

    /// The database file of a server on this data directory.
    pub fn database(&self, data_dir: &Path) -> PathBuf {
        let named = self.store.url.as_deref().and_then(|url| tables::store::sqlite_path(url).ok());
        named.unwrap_or_else(|| baton_engine::database_path(data_dir))
    }

    /// What the engine is opened with.
    pub fn engine(&self, database: PathBuf, secret_key: SecretKey, local_key: &str) -> baton_engine::Options {
        let synchronous = match self.store.synchronous {
            Synchronous::Full => baton_engine::Synchronous::Full,
            Synchronous::Normal => baton_engine::Synchronous::Normal,
        };
        let token = if self.needs_tokens() { TokenRule::Required } else { TokenRule::Optional };
        baton_engine::Options {
            database,
            synchronous,
            settings: self.queue(),
            retention: self.retention(),
            limits: self.limits(),
            webhooks: self.webhooks(),
            entrance: Entrance { token, local_key: Some(local_key.into()) },
            secret_key,
        }
    }

    /// What the engine wants to know of the queue.
    pub fn queue(&self) -> baton_engine::Settings {
        self.queue.for_engine()
    }

    /// How long the engine keeps things.
    pub fn retention(&self) -> baton_engine::Retention {
        let keep = &self.store.retention;
        baton_engine::Retention {
            events: keep.events.span(),
            results: keep.results.span(),
            transcripts: keep.transcripts.span(),
        }
    }

    /// How much the engine lets each principal ask for.
    pub fn limits(&self) -> baton_engine::Limits {
        baton_engine::Limits {
            requests: self.limits.rate().map(|rate| (rate.per_second, rate.burst)),
            waiting_polls: usize::try_from(self.limits.waiting_polls).unwrap_or(usize::MAX),
            event_streams: usize::try_from(self.limits.event_streams).unwrap_or(usize::MAX),
        }
    }

    /// How the engine delivers webhooks.
    pub fn webhooks(&self) -> baton_engine::webhooks::Settings {
        baton_engine::webhooks::Settings {
            timeout: self.webhooks.timeout(),
            give_up_after: self.webhooks.give_up_after.length(),
            allow: self.outbound(),
        }
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
struct Given {
    /// As it may be shown: a reference stays a reference.
    shown: Value,
    /// What it stands for.
    value: Secret<Value>,
    origin: Origin,
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
    /// Whether `***` stands in the place of the value.
    #[serde(skip)]
    pub is_hidden: bool,
}

/// Keys that a running server takes over on SIGHUP; the others need a restart.
pub fn can_reload(key: &str) -> bool {
    let now = ["queue.", "limits.", "outbound.", "webhooks.", "store.retention.", "telemetry.log"];
    now.iter().any(|prefix| key.starts_with(prefix))
}

/// The keys whose values differ.
pub fn changed(before: &Loaded, after: &Loaded) -> Vec<String> {
    let (old, new) = (json!(before.settings), json!(after.settings));
    let known = keys::Known::new();
    let both = [&old, &new].into_iter().flat_map(|settings| known.of(settings));
    // A secret reads `***` in both: what was given tells.
    let given = |loaded: &Loaded, key: &keys::Key| loaded.given.get(&key.path).map(|given| given.value.clone());
    let differs = |key: &keys::Key| {
        old.pointer(&key.pointer()) != new.pointer(&key.pointer())
            || key.is_secret && given(before, key) != given(after, key)
    };
    let mut seen = BTreeSet::new();
    both.filter(differs).map(|key| key.path).filter(|path| seen.insert(path.clone())).collect()
}

impl Loaded {
    /// Where a value was written.
    pub fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Every key with its value and origin, table by table.
    pub fn shown(&self) -> Vec<Shown> {
        let settings = json!(self.settings);
        let line = |key: keys::Key| {
            let (value, origin) = match self.given.get(&key.path) {
                Some(given) => (given.shown.clone(), given.origin.clone()),
                None => (settings.pointer(&key.pointer()).cloned().unwrap_or_default(), Origin::Default),
            };
            Shown { is_hidden: key.is_secret && value == HIDDEN, key: key.path, value, origin }
        };
        keys::Known::new().of(&settings).into_iter().map(line).collect()
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
/// Every unknown key, wrong type, value out of bounds and broken reference at once, each with its place; after them
/// what does not fit together.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut problems = Problems::default();
    let mut given = BTreeMap::new();
    let mut merged = json!({});
    let layers::Read { leaves, tables } = layers::read(sources, &keys::Known::new(), &mut problems);
    for (table, _) in &tables {
        keys::set(&mut merged, table, json!({}));
    }
    for leaf in leaves {
        check_leaf(&leaf, &mut problems);
        // Layers come lowest first: a later one replaces what an earlier one said.
        let layers::Leaf { key, shown, value, origin, .. } = leaf;
        keys::set(&mut merged, &key.path, value.clone());
        given.insert(key.path, Given { shown, value: Secret::new(value), origin });
    }
    problems.into_result()?;
    let settings: Settings =
        serde_json::from_value(merged).map_err(|error| Problems::one(&Origin::Default, error.to_string()))?;
    let mut problems = Problems::default();
    let place = |field: &str| {
        let of_table = || tables.iter().rfind(|(table, _)| table == field).map(|(_, origin)| origin.clone());
        given.get(field).map(|given| given.origin.clone()).or_else(of_table).unwrap_or(Origin::Default)
    };
    for fault in settings.check_together().0 {
        problems.add(&place(&fault.field), format!("`{}`: {}", fault.field, fault.detail));
    }
    problems.into_result()?;
    Ok(Loaded { settings, given })
}

/// Checks one value by itself. What a reference stands for may be secret: then only the reference is told.
fn check_leaf(leaf: &layers::Leaf, problems: &mut Problems) {
    let layers::Leaf { key, shown, value, is_reference, origin } = leaf;
    let stands_for = |what: &str| format!("`{}`: what {shown} stands for {what}", key.path);
    match serde_json::from_value::<Settings>(key.nest(value)) {
        Err(_) if *is_reference => problems.add(origin, stands_for("cannot be used here")),
        Err(error) => problems.add(origin, format!("`{}`: {error}", key.path)),
        Ok(settings) => {
            for fault in settings.check().0 {
                match is_reference {
                    // What is said of a secret never quotes it.
                    true if key.is_secret => problems.add(origin, stands_for(&fault.detail)),
                    true => problems.add(origin, stands_for("is out of bounds")),
                    false => problems.add(origin, format!("`{}`: {}", fault.field, fault.detail)),
                }
            }
        }
    }
}
