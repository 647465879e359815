//! Directives: submit, look at, change.

use axum::{
    Json,
    extract::{FromRequestParts, State},
};
use baton_engine::Engine;
use baton_gate::{Body, Caller, Id, Input, Problem, Query};
use baton_model::{
    DirectiveRequest, Priority,
    directive::State as Standing,
    view::{Changed, DirectiveDetail, DirectiveFilter, DirectiveView, Page, Submitted},
};
use http::request::Parts;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answer,
    params::{one_of, whole_number},
};

/// Length of a list of directives when nothing else is asked for.
const DEFAULT_LIMIT: i64 = 100;

/// Submit a directive
///
/// It waits in the queue until an agent polls. With an idempotency key the same request can be sent again without
/// doubling the directive.
#[utoipa::path(
    post, path = "/api/directives", tag = "directives", operation_id = "submit_directive",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same as `idempotency_key` in the body; if both are given they must be the same.")),
    request_body = DirectiveRequest,
    responses(
        (status = 200, body = Submitted, description = "It is stored."),
        (status = 404, description = "A directive that it depends on does not exist."),
        (status = 409, description = "The idempotency key stands for another body."),
    )
)]
pub(crate) async fn create(
    State(engine): State<Engine>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    Body(mut request): Body<DirectiveRequest>,
) -> Answer<Submitted> {
    request.idempotency_key = one_of("idempotency_key", "the body and the header", request.idempotency_key, key)?;
    Ok(Json(engine.submit(&who, engine.check(request).await?).await?))
}

/// The header `Idempotency-Key`.
pub(crate) struct IdempotencyKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all("idempotency-key").iter();
        let key = match (keys.next(), keys.next()) {
            (None, _) => None,
            (Some(key), None) => Some(key.to_str().map_err(|_| "must be plain ASCII")),
            _ => Some(Err("is given several times; once is enough")),
        };
        let key = key.transpose().map_err(|why| Problem::field("invalid", "Idempotency-Key", why))?;
        Ok(IdempotencyKey(key.map(str::to_owned)))
    }
}

/// What a list of directives is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only those that stand so.
    state: Option<Standing>,
    /// Only those of this priority.
    priority: Option<Priority>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those that came of this one.
    parent: Option<String>,
    /// Only this principal's; whoever is no admin sees no others anyway.
    owner: Option<String>,
    /// How many at most.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Input for ListQuery {}

/// List directives, newest first
#[utoipa::path(
    get, path = "/api/directives", tag = "directives", operation_id = "list_directives", params(ListQuery),
    responses((status = 200, body = Page<DirectiveView>, description = "One page."))
)]
pub(crate) async fn list(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<ListQuery>,
) -> Answer<Page<DirectiveView>> {
    let ListQuery { state, priority, tag, parent, owner, limit, cursor } = query;
    let filter = DirectiveFilter { state, priority, tag, parent, owner };
    Ok(Json(engine.directives(&who, filter, limit.unwrap_or(DEFAULT_LIMIT), cursor.as_deref()).await?))
}

/// Show a directive
///
/// With its attempts, its result, what happened to it and what came of it.
#[utoipa::path(
    get, path = "/api/directives/{id}", tag = "directives", operation_id = "get_directive",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    responses(
        (status = 200, body = DirectiveDetail, description = "Everything about it."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn show(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<DirectiveDetail> {
    Ok(Json(engine.directive(&who, &id).await?))
}

/// Call a directive off
///
/// One that an agent has at the moment is taken from it: its result will be refused.
#[utoipa::path(
    post, path = "/api/directives/{id}/cancel", tag = "directives", operation_id = "cancel_directive",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    responses(
        (status = 200, body = Changed, description = "It is cancelled."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "It has ended already."),
    )
)]
pub(crate) async fn cancel(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(_): Body<Option<Nothing>>,
) -> Answer<Changed> {
    Ok(Json(engine.cancel(&who, &id).await?))
}

/// Try a directive again
///
/// One that waits for its retry becomes due now; one that has ended is submitted anew under an id of its own.
#[utoipa::path(
    post, path = "/api/directives/{id}/retry", tag = "directives", operation_id = "retry_directive",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    responses(
        (status = 200, body = Changed, description = "It is due, or its successor is."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "It cannot be tried again now."),
    )
)]
pub(crate) async fn retry(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(_): Body<Option<Nothing>>,
) -> Answer<Changed> {
    Ok(Json(engine.retry(&who, &id).await?))
}

/// A body without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Input for Nothing {}

/// A new priority.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityChange {
    /// Its new priority, in any case.
    priority: Priority,
}

impl Input for PriorityChange {}

/// Change the priority of a directive that waits
#[utoipa::path(
    post, path = "/api/directives/{id}/priority", tag = "directives", operation_id = "set_directive_priority",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    request_body = PriorityChange,
    responses(
        (status = 200, body = Changed, description = "It is changed."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "It has ended."),
    )
)]
pub(crate) async fn set_priority(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(change): Body<PriorityChange>,
) -> Answer<Changed> {
    Ok(Json(engine.set_priority(&who, &id, change.priority).await?))
}
