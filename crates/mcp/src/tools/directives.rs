//! Directives: giving work, and seeing what became of it.

use baton_gate::Input;
use baton_model::{
    DirectiveRequest, Priority, State,
    view::{Changed, DirectiveDetail, DirectiveFilter, DirectiveView, Page, Submitted},
};
use schemars::JsonSchema;
use serde::Deserialize;

use baton_model::principal::Scope;

use super::{About, Effect, Entry, read};

/// `add_directive`
pub fn add() -> Entry {
    let about = About {
        name: "add_directive",
        title: "Give a directive",
        description: "Puts a piece of work into the queue, for you or another agent to do later, and answers its \
                      `directive_id`. Say in `directive` everything that the one who does it must know: they see only \
                      this text. Urgent ones go first; inside one priority, the first in is the first out. Look with \
                      get_directive what became of it. To be safe against adding it twice when you have to repeat the \
                      call, give an `idempotency_key`.",
        effect: Effect::Adds,
        scope: Scope::Submit,
    };
    Entry::new::<DirectiveRequest, Submitted, _>(about, |call, arguments| async move {
        let new = call.engine.check(read(arguments)?).await?;
        Ok(call.engine.submit(&call.who(), new).await?)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    /// The directive's id, as add_directive, list_directives or get_next_directive gave it.
    directive_id: String,
}

impl Input for One {}

/// `get_directive`
pub fn get() -> Entry {
    let about = About {
        name: "get_directive",
        title: "Look at a directive",
        description: "Tells everything about one directive: its text, where it stands (`state`), its final `result` if \
                      it has one, every attempt, what happened to it, and what followed from it (`children`). Call it \
                      to learn what became of a directive that was added before.",
        effect: Effect::Reads,
        scope: Scope::Read,
    };
    Entry::new::<One, DirectiveDetail, _>(about, |call, arguments| async move {
        let One { directive_id } = read(arguments)?;
        Ok(call.engine.directive(&call.who(), &directive_id).await?)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those that stand so.
    #[serde(default)]
    state: Option<State>,
    /// Only those of this priority.
    #[serde(default)]
    priority: Option<Priority>,
    /// Only those that carry this tag.
    #[serde(default)]
    tag: Option<String>,
    /// How many to list at most, 1 to 1000.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    limit: i64,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

fn fifty() -> i64 {
    50
}

impl Input for Which {}

/// `list_directives`
pub fn list() -> Entry {
    let about = About {
        name: "list_directives",
        title: "List directives",
        description: "Lists directives, the newest first, with their state; narrowed by `state`, `priority` and `tag`. \
                      Use it to see what waits, what is being worked on and what is done. If the answer has a \
                      `next_cursor`, there are more: call again with it as `cursor`. To be handed work, call \
                      get_next_directive instead.",
        effect: Effect::Reads,
        scope: Scope::Read,
    };
    Entry::new::<Which, Page<DirectiveView>, _>(about, |call, arguments| async move {
        let Which { state, priority, tag, limit, cursor } = read(arguments)?;
        let filter = DirectiveFilter { state, priority, tag, parent: None, owner: None };
        Ok(call.engine.directives(&call.who(), filter, limit, cursor.as_deref()).await?)
    })
}

/// `cancel_directive`
pub fn cancel() -> Entry {
    let about = About {
        name: "cancel_directive",
        title: "Call off a directive",
        description: "Calls off a directive that has not ended. One that waits is not handed out any more; one that an \
                      agent is working on is taken from it, and its result will be refused. This cannot be undone. \
                      Call it only when the work is not wanted any more: a directive that you could not do is reported \
                      to get_next_directive with `success` false.",
        effect: Effect::Ends,
        scope: Scope::Submit,
    };
    Entry::new::<One, Changed, _>(about, |call, arguments| async move {
        let One { directive_id } = read(arguments)?;
        Ok(call.engine.cancel(&call.who(), &directive_id).await?)
    })
}
