//! Who looks at a page: as the caller of an API, but whoever is not let in is shown the way in.

use axum::{
    extract::{FromRef, FromRequestParts},
    response::{IntoResponse as _, Redirect, Response},
};
use baton_engine::{Engine, Principal};
use baton_gate::Caller;
use http::{StatusCode, request::Parts};

use crate::page::refused;

/// The reader of a page.
pub(crate) struct Reader(pub(crate) Principal);

impl<S> FromRequestParts<S> for Reader
where
    Engine: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Caller::from_request_parts(parts, state).await {
            Ok(Caller(who)) => Ok(Reader(who)),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Err(Redirect::to("/login").into_response()),
            Err(problem) => Err(refused(problem.status(), "This page cannot be shown to you now. Try again later.")),
        }
    }
}
