//! The queue as a whole: its state, the results, the figures.

use axum::{
    Json,
    extract::State,
    response::{AppendHeaders, IntoResponse},
};
use baton_engine::Engine;
use baton_gate::{Caller, Input, Problem, Query};
use baton_model::{
    analytics::Analytics,
    view::{QueueStatus, ResultView},
};
use http::header::LINK;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{Answer, params::whole_number};

/// Length of a list of results when nothing else is asked for (seed 000).
const DEFAULT_LIMIT: i64 = 10;

/// How the queue stands
#[utoipa::path(
    get, path = "/api/queue", tag = "queue", operation_id = "get_queue",
    responses((status = 200, body = QueueStatus, description = "Counts and the monitoring switch."))
)]
pub(crate) async fn status(State(engine): State<Engine>, Caller(who): Caller) -> Answer<QueueStatus> {
    Ok(Json(engine.queue_status(&who).await?))
}

/// Which results are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultsQuery {
    /// How many at most.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000, default = 10)]
    limit: Option<i64>,
    /// Where to go on; stands in the `Link` of the page before.
    cursor: Option<String>,
}

impl Input for ResultsQuery {}

/// List results, newest first
///
/// One for each directive that has ended: its final result. The next page is in `Link`.
#[utoipa::path(
    get, path = "/api/results", tag = "queue", operation_id = "list_results", params(ResultsQuery),
    responses((status = 200, body = Vec<ResultView>, description = "One page.", headers(
        ("Link" = Option<String>, description = "`<…>; rel=\"next\"` unless this is the last page.")
    )))
)]
pub(crate) async fn results(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<ResultsQuery>,
) -> Result<impl IntoResponse, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    let page = engine.results(&who, limit, query.cursor.as_deref()).await?;
    let next = page.next_cursor.map(|cursor| {
        let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        (LINK, format!("</api/results?limit={limit}&cursor={cursor}>; rel=\"next\""))
    });
    Ok((AppendHeaders(next), Json(page.items)))
}

/// Figures about all results
#[utoipa::path(
    get, path = "/api/analytics", tag = "queue", operation_id = "get_analytics",
    responses((status = 200, body = Analytics, description = "Counts, rates and patterns."))
)]
pub(crate) async fn analytics(State(engine): State<Engine>, Caller(who): Caller) -> Answer<Analytics> {
    Ok(Json(engine.analytics(&who).await?))
}

/// Figures about all results, under the path of seed 000
#[utoipa::path(
    get, path = "/mcp/analytics", tag = "agents", operation_id = "get_directive_analytics",
    responses((status = 200, body = Analytics, description = "Counts, rates and patterns."))
)]
pub(crate) async fn mcp_analytics(state: State<Engine>, caller: Caller) -> Answer<Analytics> {
    analytics(state, caller).await
}
