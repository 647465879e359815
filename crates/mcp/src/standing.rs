//! The standing `GET` streams of older clients: each holds a place among the caller's streams, and ends with its token.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use baton_engine::{Engine, Error, Standing};
use baton_gate::Problem;
use futures_util::StreamExt;

use crate::tools;

/// A layer inside the one that tells who calls.
///
/// # Errors
/// 429 if the caller has as many streams open as it may.
pub async fn hold(State(engine): State<Engine>, request: Request, next: Next) -> Result<Response, Problem> {
    if request.method() != Method::GET {
        return Ok(next.run(request).await);
    }
    let place = engine.stand(&tools::caller(request.extensions()))?;
    let response = next.run(request).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    Ok(response.map(|body| Body::from_stream(body.into_data_stream().take_until(ended(place)))))
}

/// Resolves when the stream has to end; until then the place is held.
async fn ended(mut place: Standing) {
    match place.ended().await {
        Ok(()) | Err(Error::Stopping) => {}
        Err(error) => tracing::error!("a standing stream ended: {error}"),
    }
}
