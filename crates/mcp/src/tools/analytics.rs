//! How the work goes.

use baton_gate::Input;
use baton_model::analytics::Analytics;
use schemars::JsonSchema;
use serde::Deserialize;

use baton_model::principal::Scope;

use super::{About, Effect, Entry, read};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

impl Input for Arguments {}

/// `get_directive_analytics`
pub fn get() -> Entry {
    let about = About {
        name: "get_directive_analytics",
        title: "See how the work goes",
        description: "Counts what has been done: how many directives have a result, the share that succeeded (0 to 1, \
                      also by priority), how long they took on average, how many wait and are being worked on, results \
                      by day, and the most frequent kinds of failure. Call it when somebody asks how the work goes; it \
                      is not needed to get work.",
        effect: Effect::Reads,
        scope: Scope::Read,
    };
    Entry::new::<Arguments, Analytics, _>(about, |call, arguments| async move {
        let Arguments {} = read(arguments)?;
        Ok(call.engine.analytics(&call.who()).await?)
    })
}
