//! The table of contents.

use std::sync::LazyLock;

use baton_engine::Engine;
use baton_gate::Problem;
use http::{StatusCode, Uri};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{directives, docs, events, metrics, monitoring, queue, system, tokens, webhooks, work};

/// Every route of this door, with `/docs` and the answer to unknown paths. The first call makes metrics be kept.
pub fn router(engine: Engine) -> axum::Router {
    metrics::keep();
    let (routes, _) = routes().split_for_parts();
    routes.merge(docs::router()).fallback(unknown).with_state(engine)
}

/// The description that `/openapi.json` serves.
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::complete(routes().into_openapi())
}

fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::with_openapi(docs::Api::openapi())
        .routes(routes!(directives::create, directives::list))
        .routes(routes!(directives::show))
        .routes(routes!(directives::cancel))
        .routes(routes!(directives::retry))
        .routes(routes!(directives::set_priority))
        .routes(routes!(work::next))
        .routes(routes!(work::extend))
        .routes(routes!(work::release))
        .routes(routes!(work::append, work::read))
        .routes(routes!(monitoring::start))
        .routes(routes!(monitoring::stop))
        .routes(routes!(monitoring::next))
        .routes(routes!(queue::mcp_analytics))
        .routes(routes!(queue::analytics))
        .routes(routes!(queue::status))
        .routes(routes!(queue::results))
        .routes(routes!(events::follow))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::signer))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::delivery))
        .routes(routes!(webhooks::add))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(system::health))
        .routes(routes!(system::ready))
        .routes(routes!(system::metrics))
        .routes(routes!(system::description))
}

async fn unknown(uri: Uri) -> Problem {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| openapi().paths.paths.into_keys().collect());
    let path = uri.path();
    let detail = match baton_gate::nearest(path, PATHS.iter().map(String::as_str)) {
        Some(known) => format!("there is nothing at `{path}`; did you mean `{known}`? /docs shows what there is"),
        None => format!("there is nothing at `{path}`; /docs shows what there is"),
    };
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}
