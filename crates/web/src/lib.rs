//! The dashboard: pages rendered here, readable without JavaScript, without a line that is not ours.

mod assets;
mod overview;
mod page;

use axum::{Router, routing::get};
use baton_engine::Engine;

/// Every page and the files that pages need.
pub fn router(engine: Engine) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/assets/app.css", get(assets::css))
        .route("/assets/app.js", get(assets::js))
        .route("/assets/icon.svg", get(assets::icon))
        .with_state(engine)
}
