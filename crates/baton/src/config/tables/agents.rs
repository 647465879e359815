//! `[agents.<name>]` and `[acceptance.<name>]`: the command lines that workers run. Only the operator writes them: no
//! request carries a command.

use std::{collections::BTreeMap, time::Duration};

use baton_agents::{AgentConfig, Kind};
use baton_model::{
    Faults, Secret,
    bounds::{MAX_SECONDS, check_positive_seconds},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Agent CLIs that Baton knows of and cannot run yet.
const LATER: [&str; 3] = ["codex", "gemini", "acp"];

/// An agent that workers run directives with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// How it is spoken to.
    pub kind: AgentKind,
    /// The program, by its path or by a name that is looked for in PATH. `claude` needs none.
    pub command: Option<String>,
    /// Its arguments. Those of `claude` come after the ones that Baton gives. For `command` they are the whole command
    /// line, in which `{directive}`, `{directive_id}`, `{attempt}`, `{priority}` and `{dir}` are replaced; without
    /// `{directive}` its text comes on stdin.
    pub args: Vec<String>,
    /// Variables that are added to its environment, best as references: `{ANTHROPIC_API_KEY = "env:ANTHROPIC_API_KEY"}`.
    /// Never shown.
    pub env: BTreeMap<String, Secret<String>>,
    /// How long it may work on a directive that has no `timeout_seconds` of its own.
    #[schemars(range(min = 0.001, max = MAX_SECONDS))]
    pub timeout_seconds: f64,
    /// How long it may say nothing before it is ended; without it, 900 for `claude` and no limit for `command`.
    #[schemars(range(min = 0.001, max = MAX_SECONDS))]
    pub stall_seconds: Option<f64>,
}

/// How an agent is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Claude Code.
    Claude,
    /// Any program.
    #[default]
    Command,
}

impl<'de> Deserialize<'de> for AgentKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "claude" => Ok(AgentKind::Claude),
            "command" => Ok(AgentKind::Command),
            later if LATER.contains(&later) => Err(D::Error::custom(format!(
                "this version cannot run `{later}` yet; use `command` with its command line, or `claude`"
            ))),
            other => Err(D::Error::custom(format!("`{other}` is no kind of agent; use `claude` or `command`"))),
        }
    }
}

impl Default for Agent {
    fn default() -> Self {
        Agent {
            kind: AgentKind::default(),
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            timeout_seconds: 3600.0,
            stall_seconds: None,
        }
    }
}

impl Agent {
    /// The same as the agents' room takes it, under its name.
    pub fn as_config(&self, name: &str) -> AgentConfig {
        let kind = match self.kind {
            AgentKind::Claude => Kind::Claude,
            AgentKind::Command => Kind::Command,
        };
        AgentConfig {
            name: name.to_owned(),
            kind,
            command: self.command.clone(),
            args: self.args.clone(),
            env: self.env.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect(),
            timeout: Duration::from_secs_f64(self.timeout_seconds),
            stall: self.stall_seconds.map(Duration::from_secs_f64).or(kind.default_stall()),
        }
    }

    pub(in crate::config) fn check(&self, name: &str, faults: &mut Faults) {
        if self.command.as_deref().is_some_and(|command| command.trim().is_empty()) {
            faults.add(format!("agents.{name}.command"), "must not be blank");
        }
        check_texts(&format!("agents.{name}.args"), &self.args, faults);
        for (variable, value) in &self.env {
            if value.expose().contains('\0') {
                faults.add(format!("agents.{name}.env.{variable}"), "must not hold NUL");
            }
        }
        check_positive_seconds(&format!("agents.{name}.timeout_seconds"), self.timeout_seconds, faults);
        if let Some(seconds) = self.stall_seconds {
            check_positive_seconds(&format!("agents.{name}.stall_seconds"), seconds, faults);
        }
    }

    pub(in crate::config) fn check_together(&self, name: &str, faults: &mut Faults) {
        if self.kind == AgentKind::Command && self.command.is_none() {
            faults.add(format!("agents.{name}"), "say what it is: `kind = \"claude\"`, or a `command`");
        }
    }
}

/// A check that proves a directive's work, run in its directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Acceptance {
    /// The program and its arguments; exit status 0 accepts the work.
    #[schemars(length(min = 1))]
    pub argv: Vec<String>,
    /// How long it may take.
    #[schemars(range(min = 0.001, max = MAX_SECONDS))]
    pub timeout_seconds: f64,
}

impl Default for Acceptance {
    fn default() -> Self {
        Acceptance { argv: Vec::new(), timeout_seconds: 600.0 }
    }
}

impl Acceptance {
    pub(in crate::config) fn check(&self, name: &str, faults: &mut Faults) {
        let field = format!("acceptance.{name}.argv");
        if self.argv.first().is_some_and(|program| program.trim().is_empty()) {
            faults.add(&field, "the first entry is the program: it must not be blank");
        }
        check_texts(&field, &self.argv, faults);
        check_positive_seconds(&format!("acceptance.{name}.timeout_seconds"), self.timeout_seconds, faults);
    }

    pub(in crate::config) fn check_together(&self, name: &str, faults: &mut Faults) {
        if self.argv.is_empty() {
            faults.add(format!("acceptance.{name}"), "say what to run: `argv = [\"cargo\", \"test\"]`");
        }
    }
}

fn check_texts(field: &str, texts: &[String], faults: &mut Faults) {
    if texts.iter().any(|text| text.contains('\0')) {
        faults.add(field, "must not hold NUL");
    }
}
