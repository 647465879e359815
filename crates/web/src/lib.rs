//! The dashboard: pages rendered here, readable without JavaScript, without a line that is not ours.
//!
//! A page is a function from the engine's answers to its main part; `page::Page` puts the frame around it. The module
//! `assets/app.js` fetches a page again when something happened and merges its main part into the one that is shown,
//! element by element, so a new page is live without a line of script: what comes and goes carries an `id`, what the
//! reader fills in lies in an element with `data-keep`, and a button that acts carries `data-do`.

mod assets;
mod directive;
mod directives;
mod login;
mod overview;
mod page;
mod parts;
mod reader;
mod text;

use axum::{
    Router,
    routing::{get, post},
};
use baton_engine::Engine;

pub use login::login;

/// Every page and the files that pages need.
pub fn router(engine: Engine) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/directives", get(directives::show))
        .route("/directives/{id}", get(directive::show))
        .route("/login", get(login::show).post(login::enter))
        .route("/logout", post(login::leave))
        .route("/assets/{file}", get(assets::file))
        .with_state(engine)
}
