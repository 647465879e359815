//! Access tokens: made, listed and revoked by an admin.

use axum::{Json, extract::State};
use baton_engine::Engine;
use baton_gate::{Body, Caller, Id};
use baton_model::{
    principal::{TokenMade, TokenRequest, TokenView},
    view::Page,
};

use crate::Answer;

/// Make a token
///
/// The answer holds the token; it cannot be seen again.
#[utoipa::path(
    post, path = "/api/tokens", tag = "tokens", operation_id = "create_token", request_body = TokenRequest,
    responses((status = 200, body = TokenMade, description = "It is valid from now on."))
)]
pub(crate) async fn create(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Body(request): Body<TokenRequest>,
) -> Answer<TokenMade> {
    Ok(Json(engine.create_token(&who, request).await?))
}

/// List tokens, oldest first
#[utoipa::path(
    get, path = "/api/tokens", tag = "tokens", operation_id = "list_tokens",
    responses((status = 200, body = Page<TokenView>, description = "All of them, on one page."))
)]
pub(crate) async fn list(State(engine): State<Engine>, Caller(who): Caller) -> Answer<Page<TokenView>> {
    Ok(Json(Page { items: engine.tokens(&who).await?, next_cursor: None }))
}

/// Revoke a token
///
/// It is let in no more as soon as this is answered.
#[utoipa::path(
    delete, path = "/api/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = String, Path, description = "Its `id`; not the token.")),
    responses(
        (status = 200, body = TokenView, description = "It is revoked."),
        (status = 404, description = "There is none with this id."),
    )
)]
pub(crate) async fn revoke(State(engine): State<Engine>, Caller(who): Caller, Id(id): Id) -> Answer<TokenView> {
    Ok(Json(engine.revoke_token(&who, &id).await?))
}
