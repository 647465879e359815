//! Whether the server is well, and what it offers.

use std::sync::LazyLock;

use axum::{Json, extract::State, response::IntoResponse};
use baton_engine::Engine;
use baton_gate::{Caller, Problem};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_TYPE};
use metrics::gauge;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Answer;

/// Whether the server is well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// Whether agents are handed work.
    monitoring: bool,
    /// The version of the server.
    version: &'static str,
    /// The parts that can fail by themselves.
    components: Components,
}

/// The parts of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Components {
    /// `healthy`, or why it does not answer.
    store: String,
}

/// Whether the server is well
#[utoipa::path(
    get, path = "/health", tag = "system", operation_id = "health",
    responses(
        (status = 200, body = Health, description = "It is."),
        (status = 503, body = Health, description = "A component is not."),
    )
)]
pub(crate) async fn health(State(engine): State<Engine>) -> (StatusCode, Json<Health>) {
    let health = |status, monitoring, store| {
        Json(Health { status, monitoring, version: env!("CARGO_PKG_VERSION"), components: Components { store } })
    };
    match engine.is_monitoring().await {
        Ok(monitoring) => (StatusCode::OK, health("healthy", monitoring, "healthy".to_owned())),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, health("unhealthy", false, error.to_string())),
    }
}

/// That the server can take work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Always true; otherwise the answer is a problem.
    ready: bool,
}

/// Whether the server can take work
#[utoipa::path(
    get, path = "/readyz", tag = "system", operation_id = "ready",
    responses((status = 200, body = Ready, description = "It can."))
)]
pub(crate) async fn ready(State(engine): State<Engine>) -> Answer<Ready> {
    engine.ready().await?;
    Ok(Json(Ready { ready: true }))
}

/// Metrics for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "system", operation_id = "metrics",
    responses((status = 200, body = String, content_type = "text/plain", description = "Text exposition format 0.0.4."))
)]
pub(crate) async fn metrics(State(engine): State<Engine>, Caller(who): Caller) -> Result<impl IntoResponse, Problem> {
    let queue = engine.gauges(&who).await?;
    gauge!("baton_directives", "state" => "pending").set(queue.pending_directives as f64);
    gauge!("baton_directives", "state" => "active").set(queue.active_directives as f64);
    gauge!("baton_directives", "state" => "ended").set(queue.completed_directives as f64);
    gauge!("baton_polls_waiting").set(queue.waiting_polls as f64);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::metrics::render()))
}

/// This description
#[utoipa::path(
    get, path = "/openapi.json", tag = "system", operation_id = "openapi",
    responses((status = 200, body = Object, content_type = "application/json", description = "OpenAPI 3.1."))
)]
pub(crate) async fn description() -> impl IntoResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let text = crate::openapi().to_json().expect("a description made of texts and numbers becomes JSON");
        Bytes::from(text)
    });
    ([(CONTENT_TYPE, "application/json")], TEXT.clone())
}
