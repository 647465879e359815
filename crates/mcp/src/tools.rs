//! The tools, and how a call goes through one of them.
//!
//! A tool is one function in the file of its noun and one line in [`Tools::all`].

mod analytics;
mod directives;
mod lease;
mod monitoring;
mod poll;

use baton_engine::{Engine, Principal};
use baton_gate::{Caller, Input, json};
use baton_model::principal::{Scope, Scopes};
use futures_util::future::BoxFuture;
use rmcp::{
    RoleServer,
    model::{CallToolResult, Tool, ToolAnnotations},
    service::RequestContext,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{http::Gone, refusal::Refusal, schema};

/// All tools, in the order in which they are listed.
pub struct Tools(Vec<Entry>);

impl Tools {
    /// The table of contents.
    pub fn all() -> Self {
        Tools(vec![
            monitoring::start(),
            poll::next(),
            lease::extend(),
            monitoring::stop(),
            directives::add(),
            directives::get(),
            directives::list(),
            directives::cancel(),
            analytics::get(),
        ])
    }

    /// What `tools/list` shows to somebody with these scopes: what they may call.
    pub fn list(&self, scopes: Scopes) -> Vec<Tool> {
        self.0.iter().filter(|entry| scopes.allow(entry.scope)).map(|entry| entry.tool.clone()).collect()
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.tool.name == name)
    }
}

/// One call on its way.
pub struct Call {
    /// What carries it out.
    pub engine: Engine,
    /// Who asked, and how to reach them while it lasts.
    pub context: RequestContext<RoleServer>,
}

impl Call {
    /// Who calls. The door lets nobody in without leaving word of who it is.
    pub fn who(&self) -> Principal {
        who(&self.context)
    }

    /// Resolves when the answer has become useless: its stream was closed.
    pub async fn gone(&self) {
        match self.of_request::<Gone>() {
            Some(Gone(token)) => token.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// What was put beside the HTTP request on its way in.
    fn of_request<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.context.extensions.get::<http::request::Parts>()?.extensions.get()
    }
}

/// Who sent the request that the library passes on.
pub fn who(context: &RequestContext<RoleServer>) -> Principal {
    context.extensions.get::<http::request::Parts>().map_or_else(nobody, |parts| caller(&parts.extensions))
}

/// Who sent a request; somebody who may do nothing, if the door left no word.
pub fn caller(beside: &http::Extensions) -> Principal {
    beside.get::<Caller>().map_or_else(nobody, |Caller(principal)| principal.clone())
}

fn nobody() -> Principal {
    Principal { name: "nobody".into(), scopes: Scopes::default(), token: None }
}

/// What a tool says of itself.
struct About {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    effect: Effect,
    scope: Scope,
}

/// What a call changes; clients decide by it whether to ask their user first.
enum Effect {
    /// Nothing.
    Reads,
    /// Something is added; twice is twice.
    Adds,
    /// The same call again changes nothing more.
    Settles,
    /// Something is lost by it; again changes nothing more.
    Ends,
}

impl Effect {
    fn hints(&self) -> ToolAnnotations {
        ToolAnnotations::new()
            .read_only(matches!(self, Effect::Reads))
            .destructive(matches!(self, Effect::Ends))
            .idempotent(!matches!(self, Effect::Adds))
            .open_world(false)
    }
}

/// A tool and what carries it out.
pub struct Entry {
    /// As it is listed.
    pub tool: Tool,
    /// What whoever calls it needs.
    pub scope: Scope,
    run: Run,
}

type Run = Box<dyn Fn(Call, Value) -> BoxFuture<'static, CallToolResult> + Send + Sync>;

impl Entry {
    /// A tool whose arguments look like `A` and whose structured result is an `R`.
    fn new<A, R, F>(about: About, run: fn(Call, Value) -> F) -> Self
    where
        A: JsonSchema,
        R: JsonSchema + Serialize,
        F: Future<Output = Result<R, Refusal>> + Send + 'static,
    {
        let tool = Tool::new(about.name, about.description, schema::of_arguments::<A>())
            .with_title(about.title)
            .with_raw_output_schema(schema::of_result::<R>().into())
            .with_annotations(about.effect.hints());
        let run: Run = Box::new(move |call, arguments| {
            let answer = run(call, arguments);
            Box::pin(async move { into_result(answer.await) })
        });
        Entry { tool, scope: about.scope, run }
    }

    /// Carries out one call.
    pub async fn call(&self, call: Call, arguments: Value) -> CallToolResult {
        (self.run)(call, arguments).await
    }
}

/// Structured content and, as the only text, the same as JSON.
fn into_result<R: Serialize>(answer: Result<R, Refusal>) -> CallToolResult {
    let answer = answer.and_then(|answer| {
        serde_json::to_value(answer).map_err(|error| Refusal(format!("The answer could not be written: {error}.")))
    });
    match answer {
        Ok(value) => CallToolResult::structured(value),
        Err(refusal) => refusal.into_result(),
    }
}

/// Reads the arguments; every fault is named.
fn read<A: Input>(arguments: Value) -> Result<A, Refusal> {
    Ok(json::from_value(arguments)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_tells_what_a_client_needs() {
        let tools = Tools::all().list(Scopes::ADMIN);
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(
            names,
            [
                "start_directive_monitoring",
                "get_next_directive",
                "extend_lease",
                "stop_monitoring",
                "add_directive",
                "get_directive",
                "list_directives",
                "cancel_directive",
                "get_directive_analytics"
            ]
        );
        for tool in &tools {
            let name = &tool.name;
            assert!(name.len() <= 64, "{name}");
            assert!(tool.title.as_ref().is_some_and(|title| !title.is_empty()), "{name}");
            assert!(tool.description.as_ref().is_some_and(|text| text.len() > 60), "{name}");
            assert_eq!(tool.input_schema["type"], "object", "{name}");
            assert_eq!(tool.input_schema["additionalProperties"], false, "{name}");
            assert_eq!(tool.output_schema.as_ref().unwrap()["type"], "object", "{name}");
            let hints = tool.annotations.as_ref().unwrap();
            assert!(hints.read_only_hint.is_some() && hints.destructive_hint.is_some(), "{name}");
        }
    }

    #[test]
    fn the_schema_of_a_result_asks_for_the_token() {
        let tools = Tools::all();
        let report = &tools.get("get_next_directive").unwrap().tool.input_schema["properties"]["previous_result"];
        assert_eq!(report["required"], serde_json::json!(["directive_id", "success", "result", "lease_token"]));
    }
}
