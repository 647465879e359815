//! Files that pages refer to, compiled in. A page names them with the beginning of their hash (`app.css?v=…`), so that
//! a browser may keep them for ever; without it they are asked for anew each time.

use std::sync::LazyLock;

use axum::{
    extract::{Path, RawQuery},
    response::{IntoResponse as _, Response},
};
use baton_gate::Problem;
use baton_model::ids::sha256_hex;
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

/// One of them.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    version: String,
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    let asset = |name, kind, text: &'static str| {
        let mut version = sha256_hex(text.as_bytes());
        version.truncate(16);
        Asset { name, kind, text, version }
    };
    [
        asset("app.css", "text/css; charset=utf-8", include_str!("../assets/app.css")),
        asset("app.js", "text/javascript; charset=utf-8", include_str!("../assets/app.js")),
        asset("theme.js", "text/javascript; charset=utf-8", include_str!("../assets/theme.js")),
        asset("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    ]
});

/// Where a page finds a file.
pub(crate) fn url(name: &str) -> String {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => format!("/assets/{name}?v={}", asset.version),
        None => format!("/assets/{name}"),
    }
}

pub(crate) async fn file(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "not_found", format!("no file `{name}` here")).into_response();
    };
    let etag = format!("\"{}\"", asset.version);
    let named = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(asset.version.as_str());
    let keep = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let told = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, keep)];
    if known {
        return (StatusCode::NOT_MODIFIED, told, [(ETAG, etag)]).into_response();
    }
    (told, [(ETAG, etag)], asset.text).into_response()
}
