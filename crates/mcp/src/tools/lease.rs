//! Leases: how long a directive that was handed out stays with its agent.

use baton_engine::queue::Renewal;
use baton_gate::Input;
use baton_model::view::Extended;
use schemars::JsonSchema;
use serde::Deserialize;

use baton_model::principal::Scope;

use super::{About, Effect, Entry, read};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The directive that you are working on.
    directive_id: String,
    /// The `metadata.lease_token` that came with it.
    lease_token: String,
    /// How many seconds from now you still need. By default as long as you were given at first.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 315360000))]
    seconds: Option<f64>,
}

impl Input for Arguments {}

/// `extend_lease`
pub fn extend() -> Entry {
    let about = About {
        name: "extend_lease",
        title: "Keep a directive longer",
        description: "Keeps the directive that you are working on yours for longer. Call it well before \
                      `metadata.lease_expires_at`, as often as you need: a directive whose lease ran out is handed to \
                      another agent, and your result is then refused. The answer tells the new end.",
        effect: Effect::Settles,
        scope: Scope::Work,
    };
    Entry::new::<Arguments, Extended, _>(about, |call, arguments| async move {
        let Arguments { directive_id, lease_token, seconds } = read(arguments)?;
        Ok(call.engine.extend_lease(&call.who(), &directive_id, &lease_token, seconds, Renewal::Asked).await?)
    })
}
