//! What workers and other holders of leases do besides polling: keep a directive, give it back, keep its transcript.

use axum::{Json, extract::State, response::IntoResponse};
use baton_engine::{Engine, queue::Renewal, queue::Switch, transcripts::LONGEST};
use baton_gate::{Body, Caller, Id, Input, Problem, Query};
use baton_model::{
    PollAnswer, Report,
    view::{Changed, Extended},
};
use http::header::{CONTENT_TYPE, HeaderName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answer,
    monitoring::{PollBody, PollQuery},
    params::whole_number,
};

/// The byte at which the next piece of a transcript begins.
const NEXT_OFFSET: HeaderName = HeaderName::from_static("baton-next-offset");
/// The attempt that a transcript is of.
const ATTEMPT: HeaderName = HeaderName::from_static("baton-attempt");

/// Report a result and take the next directive, as a worker
///
/// As `/mcp/get_next_directive`, but the monitoring switch does not matter: workers are started and stopped by the
/// operator.
#[utoipa::path(
    post, path = "/api/directives/next", tag = "workers", operation_id = "take_directive",
    params(PollQuery), request_body = Option<PollBody>,
    responses(
        (status = 200, body = PollAnswer, description = "A directive, or when to poll again, or STOP for this agent."),
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
    Ok(Json(engine.next(&who, query.poll(report, Switch::Ignored)).await?))
}

/// A lease to be renewed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    /// The `metadata.lease_token` that came with the directive.
    lease_token: String,
    /// For how long from now, in seconds; by default as long as at first.
    #[schema(minimum = 0.001, maximum = 315360000.0)]
    seconds: Option<f64>,
    /// Whether this only says that somebody is alive: then no event tells of it.
    #[serde(default)]
    heartbeat: bool,
}

impl Input for Extension {}

/// Renew the lease of a directive
///
/// For work that takes longer than the lease lasts.
#[utoipa::path(
    post, path = "/api/directives/{id}/extend", tag = "directives", operation_id = "extend_lease",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    request_body = Extension,
    responses(
        (status = 200, body = Extended, description = "It is renewed."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "The lease has ended, or is another's."),
    )
)]
pub(crate) async fn extend(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(extension): Body<Extension>,
) -> Answer<Extended> {
    let Extension { lease_token, seconds, heartbeat } = extension;
    let renewal = if heartbeat { Renewal::Heartbeat } else { Renewal::Asked };
    Ok(Json(engine.extend_lease(&who, &id, &lease_token, seconds, renewal).await?))
}

/// A directive to be given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// The `metadata.lease_token` that came with the directive.
    lease_token: String,
    /// When it shall be due again, in seconds from now.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 315360000.0)]
    delay_seconds: f64,
    /// Why, in words for people.
    #[serde(default)]
    reason: String,
}

impl Input for Release {}

/// Give a directive back undone
///
/// It counts neither as a failure nor as a delivery without a result: for whoever cannot take it up at all.
#[utoipa::path(
    post, path = "/api/directives/{id}/release", tag = "workers", operation_id = "release_directive",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    request_body = Release,
    responses(
        (status = 200, body = Changed, description = "It waits again."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "The lease has ended, or is another's."),
    )
)]
pub(crate) async fn release(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(release): Body<Release>,
) -> Answer<Changed> {
    let Release { lease_token, delay_seconds, reason } = release;
    Ok(Json(engine.release(&who, &id, &lease_token, delay_seconds, &reason).await?))
}

/// A piece of a transcript.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    /// The `metadata.lease_token` that came with the directive.
    lease_token: String,
    /// How many bytes of this attempt were sent before.
    #[schema(minimum = 0)]
    offset: i64,
    /// What was said since.
    text: String,
}

impl Input for Piece {}

/// How much of a transcript is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Kept {
    /// Bytes of this attempt: where the next piece begins.
    length: i64,
    /// Most bytes that are kept of one attempt.
    limit: i64,
}

/// Add to the transcript of an attempt
///
/// The same piece may be sent again.
#[utoipa::path(
    post, path = "/api/directives/{id}/transcript", tag = "workers", operation_id = "append_transcript",
    params(("id" = String, Path, description = "Its `directive_id`.")),
    request_body = Piece,
    responses(
        (status = 200, body = Kept, description = "It is kept."),
        (status = 404, description = "There is none with this id."),
        (status = 409, description = "The lease has ended, the piece begins elsewhere, or the transcript is too long."),
    )
)]
pub(crate) async fn append(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Body(piece): Body<Piece>,
) -> Answer<Kept> {
    let length = engine.append_transcript(&who, &id, &piece.lease_token, piece.offset, &piece.text).await?;
    Ok(Json(Kept { length, limit: LONGEST }))
}

/// Which part of which transcript.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranscriptQuery {
    /// The attempt; by default the latest that has a transcript.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1)]
    attempt: Option<i64>,
    /// The byte to begin with: 0, or the `Baton-Next-Offset` of the answer before.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 0, default = 0)]
    offset: Option<i64>,
}

impl Input for TranscriptQuery {}

/// Read the transcript of an attempt
///
/// As plain text: what the agent printed, line by line. `Baton-Next-Offset` says where to go on.
#[utoipa::path(
    get, path = "/api/directives/{id}/transcript", tag = "directives", operation_id = "get_transcript",
    params(("id" = String, Path, description = "Its `directive_id`."), TranscriptQuery),
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "A part of it."),
        (status = 404, description = "There is no such directive, or it has no transcript."),
    )
)]
pub(crate) async fn read(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Id(id): Id,
    Query(query): Query<TranscriptQuery>,
) -> Result<impl IntoResponse, Problem> {
    let part = engine.transcript(&who, &id, query.attempt, query.offset.unwrap_or(0)).await?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (ATTEMPT, part.attempt.to_string()),
        (NEXT_OFFSET, part.next.to_string()),
    ];
    Ok((headers, part.text))
}
