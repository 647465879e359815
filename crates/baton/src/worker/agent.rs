//! Which agent does the work.

use baton_agents::AgentConfig;

use crate::{
    config::{Agent, AgentKind, Settings},
    failure::{Failure, Result},
};

/// Agents that are known and cannot be run yet.
const LATER: [&str; 3] = ["codex", "gemini", "acp"];

/// The agent of that name in the settings; `claude` needs no settings.
///
/// # Errors
/// A name that stands nowhere (2).
pub fn choose(settings: &Settings, name: &str) -> Result<AgentConfig> {
    if let Some(agent) = settings.agents.get(name) {
        return Ok(agent.as_config(name));
    }
    if name == "claude" {
        return Ok(Agent { kind: AgentKind::Claude, ..Agent::default() }.as_config(name));
    }
    let known: Vec<_> = settings.agents.keys().map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() { "the settings name none".to_owned() } else { known.join(", ") };
    let failure = match name {
        later if LATER.contains(&later) => Failure::usage(format!("this version cannot run `{later}` yet")),
        "command" => Failure::usage("`command` is a kind of agent, which the settings must describe"),
        _ => Failure::usage(format!("there is no agent `{name}`")),
    };
    Err(failure.because(format!("agents of the settings: {known}; without settings there is `claude`")).next(
        "describe it in baton.toml: `[agents.NAME]` with `kind = \"command\"`, `command` and `args`, then `--agent NAME`",
    ))
}

/// What this machine calls itself, for the name of a worker.
pub fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|character| !character.is_control()).take(64).collect();
    if name.is_empty() { "worker".to_owned() } else { name }
}
