//! The switch: whether agents are handed work.

use baton_gate::Input;
use baton_model::poll::{Started, Stopped};
use schemars::JsonSchema;
use serde::Deserialize;

use baton_model::principal::Scope;

use super::{About, Effect, Entry, read};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StartArguments {
    /// Your name, if you have one: give the same name to get_next_directive, and you also get the directives that are
    /// meant for you alone.
    #[serde(default)]
    agent: Option<String>,
}

impl Input for StartArguments {}

/// `start_directive_monitoring`
pub fn start() -> Entry {
    let about = About {
        name: "start_directive_monitoring",
        title: "Start taking directives",
        description: "Opens the queue, so that get_next_directive hands out work. Call it once, before the first \
                      get_next_directive; when the queue is open already, nothing changes and the same `session_id` \
                      comes back. Then call get_next_directive and follow the `next_action` of each answer.",
        effect: Effect::Settles,
        scope: Scope::Work,
    };
    Entry::new::<StartArguments, Started, _>(about, |call, arguments| async move {
        let StartArguments { agent } = read(arguments)?;
        Ok(call.engine.start_monitoring(&call.who(), agent.as_deref()).await?)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StopArguments {
    /// Stop only the agent of this name. Without it, work stops for every agent.
    #[serde(default)]
    agent: Option<String>,
}

impl Input for StopArguments {}

/// `stop_monitoring`
pub fn stop() -> Entry {
    let about = About {
        name: "stop_monitoring",
        title: "Stop taking directives",
        description: "Closes the queue: from now on get_next_directive answers STOP, to every agent unless `agent` \
                      names one. Directives that wait stay queued, and the result of one that is being worked on is \
                      still recorded. Call it only when you are asked to end the work, not because there is nothing \
                      to do at the moment.",
        effect: Effect::Settles,
        scope: Scope::Work,
    };
    Entry::new::<StopArguments, Stopped, _>(about, |call, arguments| async move {
        let StopArguments { agent } = read(arguments)?;
        Ok(call.engine.stop_monitoring(&call.who(), agent.as_deref()).await?)
    })
}
