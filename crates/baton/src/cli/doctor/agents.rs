//! The agent CLIs that workers on this machine would run.

use baton_agents::{AgentConfig, Availability, Kind, Machine, detect};
use tokio::task::JoinSet;

use super::Check;
use crate::config::{Agent, AgentKind, Settings};

/// Every agent of the settings, and Claude Code in any case. All are asked at the same time, each under a time limit.
pub async fn all(settings: &Settings) -> Vec<Check> {
    let mut agents: Vec<(AgentConfig, bool)> =
        settings.agents.iter().map(|(name, agent)| (agent.as_config(name), true)).collect();
    if !agents.iter().any(|(config, _)| config.kind == Kind::Claude) {
        let claude = Agent { kind: AgentKind::Claude, ..Agent::default() };
        agents.push((claude.as_config("claude"), false));
    }
    let mut looks = JoinSet::new();
    for (index, (config, is_wanted)) in agents.into_iter().enumerate() {
        looks.spawn(async move { (index, check(&config, is_wanted).await) });
    }
    let mut checks = looks.join_all().await;
    checks.sort_by_key(|(index, _)| *index);
    checks.into_iter().map(|(_, check)| check).collect()
}

/// One that the settings do not name is only missed by those who want it.
async fn check(config: &AgentConfig, is_wanted: bool) -> Check {
    let name = format!("agent {}", config.name);
    match detect(&Machine::of_this_process(), config).await {
        Availability::Found { program, version: Some(version) } => {
            Check::good(name, format!("{} ({version})", program.display()))
        }
        Availability::Found { program, version: None } => Check::good(name, program.display().to_string()),
        Availability::Missing { why } if is_wanted => Check::bad(name, why),
        Availability::Missing { why } => Check::good(name, format!("none; only workers need one. {why}")),
    }
}
