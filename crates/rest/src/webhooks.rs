//! Webhook endpoints, what was delivered to them, and delivering it again.

use axum::{Json, extract::State};
use baton_engine::{
    Engine,
    webhooks::{Replay, Showing, Which},
};
use baton_gate::{Body, Caller, Id, Input, Problem, Query};
use baton_model::{
    clock,
    view::Page,
    webhook::{DeliveryState, DeliveryView, EndpointChange, EndpointRequest, EndpointView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answer,
    params::{one_of, whole_number},
};

/// Length of a list when nothing else is asked for.
const DEFAULT_LIMIT: i64 = 100;

/// Make an endpoint
///
/// Twice the same URL is one endpoint. The answer shows the secret that signs, once.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "webhooks", operation_id = "create_webhook", request_body = EndpointRequest,
    responses(
        (status = 200, body = EndpointView, description = "It is called from now on."),
        (status = 409, description = "There are too many already."),
    )
)]
pub(crate) async fn create(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Body(request): Body<EndpointRequest>,
) -> Answer<EndpointView> {
    Ok(Json(engine.create_webhook(&who, request).await?))
}

/// The URL of an endpoint, as seed 000 gives it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UrlQuery {
    /// Where it is told.
    webhook_url: Option<String>,
}

impl Input for UrlQuery {}

/// The same as a body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UrlBody {
    /// Where it is told.
    webhook_url: Option<String>,
}

impl Input for UrlBody {}

/// That an endpoint is there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Added {
    /// Always true; a refusal is an error.
    success: bool,
    /// A sentence for people.
    message: String,
    /// The endpoint.
    webhook: EndpointView,
}

/// Tell a URL of every final result (seed 000)
///
/// The same as `/api/webhooks` with nothing but a URL.
#[utoipa::path(
    post, path = "/api/webhook", tag = "webhooks", operation_id = "add_webhook", params(UrlQuery),
    request_body = Option<UrlBody>,
    responses((status = 200, body = Added, description = "It is called from now on."))
)]
pub(crate) async fn add(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<UrlQuery>,
    Body(body): Body<Option<UrlBody>>,
) -> Answer<Added> {
    let body = body.and_then(|body| body.webhook_url);
    let url = one_of("webhook_url", "the body and the query", body, query.webhook_url)?;
    let missing = || Problem::field("invalid", "webhook_url", "is missing: give it in the query or in the body");
    let webhook = engine.create_webhook(&who, EndpointRequest::to(&url.ok_or_else(missing)?)).await?;
    Ok(Json(Added { success: true, message: format!("{} is told of every final result.", webhook.url), webhook }))
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many at most.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Input for PageQuery {}

/// List endpoints, oldest first
#[utoipa::path(
    get, path = "/api/webhooks", tag = "webhooks", operation_id = "list_webhooks", params(PageQuery),
    responses((status = 200, body = Page<EndpointView>, description = "One page."))
)]
pub(crate) async fn list(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(page): Query<PageQuery>,
) -> Answer<Page<EndpointView>> {
    Ok(Json(engine.webhooks(&who, page.limit.unwrap_or(DEFAULT_LIMIT), page.cursor.as_deref()).await?))
}

/// How an endpoint is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowQuery {
    /// `true` shows what signs.
    #[param(value_type = Option<bool>)]
    secrets: Option<String>,
}

impl Input for ShowQuery {}

/// Show an endpoint
#[utoipa::path(
    get, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "get_webhook",
    params(("id" = String, Path, description = "Its `id`."), ShowQuery),
    responses(
        (status = 200, body = EndpointView, description = "Everything about it."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn show(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Query(query): Query<ShowQuery>,
) -> Answer<EndpointView> {
    let showing = match query.secrets.as_deref() {
        None | Some("false") => Showing::Plain,
        Some("true") => Showing::WithSecrets,
        Some(_) => return Err(Problem::field("invalid", "secrets", "must be true or false")),
    };
    Ok(Json(engine.webhook(&who, &id, showing).await?))
}

/// Show what signs calls to the URLs in directives
///
/// One row for each principal, the caller's own: it has no URL. Its secrets sign calls to the `webhook` of directives
/// that the principal submits. It is made if there is none yet.
#[utoipa::path(
    get, path = "/api/webhooks/signer", tag = "webhooks", operation_id = "get_webhook_signer",
    responses((status = 200, body = EndpointView, description = "With its secrets."))
)]
pub(crate) async fn signer(State(engine): State<Engine>, Caller(who): Caller) -> Answer<EndpointView> {
    Ok(Json(engine.webhook_signer(&who).await?))
}

/// Change an endpoint
///
/// `enabled: true` also revives one that answered 410; what is pending is then tried at once.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "change_webhook",
    params(("id" = String, Path, description = "Its `id`.")), request_body = EndpointChange,
    responses(
        (status = 200, body = EndpointView, description = "It is changed."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn change(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(change): Body<EndpointChange>,
) -> Answer<EndpointView> {
    Ok(Json(engine.change_webhook(&who, &id, change).await?))
}

/// That something was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Always true; a refusal is an error.
    success: bool,
}

/// Remove an endpoint
///
/// With everything that was still to be delivered to it.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "remove_webhook",
    params(("id" = String, Path, description = "Its `id`.")),
    responses(
        (status = 200, body = Done, description = "It is gone."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "It is the row that signs for the URLs in directives."),
    )
)]
pub(crate) async fn remove(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<Done> {
    engine.remove_webhook(&who, &id).await?;
    Ok(Json(Done { success: true }))
}

/// Give an endpoint a new secret
///
/// The answer shows it. The one before goes on signing beside it for a day.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate", tag = "webhooks", operation_id = "rotate_webhook",
    params(("id" = String, Path, description = "Its `id`.")),
    responses(
        (status = 200, body = EndpointView, description = "It signs from now on."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn rotate(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<EndpointView> {
    Ok(Json(engine.rotate_webhook(&who, &id).await?))
}

/// A message that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sent {
    /// The delivery: look at it to see what came of it.
    delivery_id: String,
}

/// Try an endpoint out
///
/// It is sent a message `webhook.test` that tells of nothing.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(("id" = String, Path, description = "Its `id`.")),
    responses(
        (status = 200, body = Sent, description = "It is on its way."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "It is not called."),
    )
)]
pub(crate) async fn test(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<Sent> {
    Ok(Json(Sent { delivery_id: engine.test_webhook(&who, &id).await? }))
}

/// What is delivered again: one delivery, or what was made in a span of time.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReplayBody {
    /// This delivery, however it ended. Not together with the others.
    delivery_id: Option<String>,
    /// Made then or later: ISO 8601 with offset.
    since: Option<String>,
    /// Made before.
    until: Option<String>,
    /// Those that were delivered too, not only dead letters.
    all: bool,
}

impl Input for ReplayBody {}

/// How much is delivered again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many deliveries.
    replayed: u64,
}

/// Deliver again
///
/// Under the same ids, so that receivers know what they have seen. By default every dead letter of the endpoint.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_webhook",
    params(("id" = String, Path, description = "Its `id`.")), request_body = Option<ReplayBody>,
    responses(
        (status = 200, body = Replayed, description = "They are in the outbox."),
        (status = 404, description = "There is no such endpoint or delivery."),
        (status = 409, description = "The delivery has not ended."),
    )
)]
pub(crate) async fn replay(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(body): Body<Option<ReplayBody>>,
) -> Answer<Replayed> {
    let ReplayBody { delivery_id, since, until, all } = body.unwrap_or_default();
    let moment = |field: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => clock::parse_iso(&text).map(Some).ok_or_else(|| {
            let detail = format!("`{text}` is no moment; write it as 2026-11-20T09:00:00+00:00");
            Problem::field("invalid", field, detail)
        }),
    };
    let replay = match delivery_id {
        Some(_) if since.is_some() || until.is_some() || all => {
            return Err(Problem::field(
                "invalid",
                "delivery_id",
                "is one delivery: leave out `since`, `until` and `all`",
            ));
        }
        Some(id) => Replay::One(id),
        None => {
            let which = if all { Which::All } else { Which::Dead };
            Replay::Range { since: moment("since", since)?, until: moment("until", until)?, which }
        }
    };
    Ok(Json(Replayed { replayed: engine.replay(&who, &id, replay).await? }))
}

/// Which deliveries are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveriesQuery {
    /// Only those that stand so.
    state: Option<DeliveryState>,
    /// How many at most.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Input for DeliveriesQuery {}

/// List the deliveries of an endpoint
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(("id" = String, Path, description = "The endpoint's `id`."), DeliveriesQuery),
    responses(
        (status = 200, body = Page<DeliveryView>, description = "One page."),
        (status = 404, description = "There is no endpoint with this id."),
    )
)]
pub(crate) async fn deliveries(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Query(query): Query<DeliveriesQuery>,
) -> Answer<Page<DeliveryView>> {
    let DeliveriesQuery { state, limit, cursor } = query;
    Ok(Json(engine.deliveries(&who, &id, state, limit.unwrap_or(DEFAULT_LIMIT), cursor.as_deref()).await?))
}

/// Show a delivery
///
/// With what the endpoint answered last.
#[utoipa::path(
    get, path = "/api/deliveries/{id}", tag = "webhooks", operation_id = "get_delivery",
    params(("id" = String, Path, description = "Its `id`: the `webhook-id` header.")),
    responses(
        (status = 200, body = DeliveryView, description = "Everything about it."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn delivery(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<DeliveryView> {
    Ok(Json(engine.delivery(&who, &id).await?))
}
