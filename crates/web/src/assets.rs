//! Files that pages refer to, compiled in.

use axum::response::IntoResponse;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

pub(crate) async fn css() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("../assets/app.css"))
}

pub(crate) async fn js() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", include_str!("../assets/app.js"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("../assets/icon.svg"))
}

/// Asked for anew each time, so that a new version of the server shows at once.
fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text)
}
