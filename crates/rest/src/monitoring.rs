//! The loop of an agent (seed 000): start, poll and report, stop.

use std::time::Duration;

use axum::{Json, extract::State};
use baton_engine::{Engine, Poll, queue::Switch};
use baton_gate::{Body, Caller, Input, Problem, Query};
use baton_model::{
    PollAnswer, Report,
    poll::{Started, Stopped},
};
use serde::Deserialize;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema},
};

use crate::{
    Answer,
    params::{one_of, seconds, tags},
};

/// The agent that starts or stops, as a parameter.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentQuery {
    /// The agent's name; without one the switch of all agents is meant.
    #[param(min_length = 1, max_length = 255)]
    agent: Option<String>,
}

impl Input for AgentQuery {}

/// The agent that starts or stops, as a body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentBody {
    /// The agent's name; without one the switch of all agents is meant.
    #[schema(min_length = 1, max_length = 255)]
    agent: Option<String>,
}

impl Input for AgentBody {}

fn agent(query: AgentQuery, body: Option<AgentBody>) -> Result<Option<String>, Problem> {
    one_of("agent", "the body and the query", body.and_then(|body| body.agent), query.agent)
}

/// Start handing out directives
///
/// A second start answers the same session. With `agent`, that agent is registered by name, too.
#[utoipa::path(
    post, path = "/mcp/start_monitoring", tag = "agents", operation_id = "start_monitoring",
    params(AgentQuery), request_body = Option<AgentBody>,
    responses((status = 200, body = Started, description = "Agents are handed work."))
)]
pub(crate) async fn start(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<AgentQuery>,
    Body(body): Body<Option<AgentBody>>,
) -> Answer<Started> {
    Ok(Json(engine.start_monitoring(&who, agent(query, body)?.as_deref()).await?))
}

/// Stop handing out directives
///
/// Every poll is then answered with STOP. With `agent`, only that agent is stopped.
#[utoipa::path(
    post, path = "/mcp/stop_monitoring", tag = "agents", operation_id = "stop_monitoring",
    params(AgentQuery), request_body = Option<AgentBody>,
    responses((status = 200, body = Stopped, description = "Agents are told to stop."))
)]
pub(crate) async fn stop(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<AgentQuery>,
    Body(body): Body<Option<AgentBody>>,
) -> Answer<Stopped> {
    Ok(Json(engine.stop_monitoring(&who, agent(query, body)?.as_deref()).await?))
}

/// How a poll is made.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PollQuery {
    /// How long to wait when nothing is due, in seconds.
    #[serde(default, deserialize_with = "seconds")]
    #[param(value_type = Option<f64>, minimum = 0, maximum = 240, default = 0)]
    wait_seconds: Duration,
    /// The agent's name; it also gets the directives that are meant for it alone.
    #[param(min_length = 1, max_length = 255)]
    agent: Option<String>,
    /// Its monitoring session.
    #[param(min_length = 1, max_length = 255)]
    session_id: Option<String>,
    /// Only directives that carry at least one of these: `a,b`, or the parameter several times.
    #[serde(default, deserialize_with = "tags")]
    #[param(value_type = Option<String>)]
    tags: Vec<String>,
    /// How long the lease of what is handed out shall last, in seconds, for workers that renew it while they live; by
    /// default, or 0, as long as the directive or the operator says.
    #[serde(default, deserialize_with = "seconds")]
    #[param(value_type = Option<f64>, minimum = 0, maximum = 315360000.0, default = 0)]
    lease_seconds: Duration,
}

impl Input for PollQuery {}

impl PollQuery {
    /// The poll that is made so.
    pub(crate) fn poll(self, report: Option<Report>, switch: Switch) -> Poll {
        let PollQuery { wait_seconds: wait, agent, session_id: session, tags, lease_seconds } = self;
        let lease = Some(lease_seconds).filter(|lease| !lease.is_zero());
        Poll { report, wait, agent, session, tags, switch, lease }
    }
}

/// The body of a poll in the description: a report, or an empty object for none.
pub(crate) struct PollBody;

impl ToSchema for PollBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Report::name().into_owned(), Report::schema()));
        Report::schemas(schemas);
    }
}

impl PartialSchema for PollBody {
    fn schema() -> RefOr<Schema> {
        let nothing = ObjectBuilder::new().max_properties(Some(0)).description(Some("No result to report."));
        OneOfBuilder::new().item(Ref::from_schema_name(Report::name())).item(nothing).into()
    }
}

/// Report a result and take the next directive
///
/// The body is the result of the directive before, if there was one. The result is recorded even if nothing is handed
/// out. Without anything to do the poll waits up to `wait_seconds`, then says when to come again.
#[utoipa::path(
    post, path = "/mcp/get_next_directive", tag = "agents", operation_id = "get_next_directive",
    params(PollQuery), request_body = Option<PollBody>,
    responses(
        (status = 200, body = PollAnswer, description = "A directive, or when to poll again, or STOP."),
        (status = 404, description = "There is no directive with the id in the result."),
        (status = 409, description = "The result contradicts what is stored, or its lease is over."),
    )
)]
pub(crate) async fn next(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<PollQuery>,
    Body(report): Body<Option<Report>>,
) -> Answer<PollAnswer> {
    Ok(Json(engine.next(&who, query.poll(report, Switch::Heeded)).await?))
}
