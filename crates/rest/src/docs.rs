//! The API's own description, and the page that shows it.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use baton_gate::{Problem, ProblemBody};
use http::{StatusCode, header};
use utoipa::{
    OpenApi, PartialSchema as _, ToSchema as _,
    openapi::{Content, HeaderBuilder, Ref, RefOr, Response as Told, ResponseBuilder, path::Operation},
};
use utoipa_swagger_ui::Config;

/// What stands above the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Baton",
        description = "One place where AI agents get their work and hand back results. Errors are problem+json (RFC \
                       9457) with a `code` for programs. Times are ISO 8601 in UTC, ids are opaque.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    tags(
        (name = "directives", description = "Pieces of work: submit, look at, change."),
        (name = "agents", description = "The loop of an agent: start, poll and report, stop."),
        (name = "workers", description = "For programs that carry directives out without a conversation."),
        (name = "webhooks", description = "Who is told what, and what came of it (Standard Webhooks 1.0)."),
        (name = "events", description = "What happens, as it happens."),
        (name = "tokens", description = "Who may call."),
        (name = "queue", description = "The queue as a whole: its state, the results, the figures."),
        (name = "system", description = "Whether the server is well, and what it offers.")
    )
)]
pub(crate) struct Api;

/// What Swagger UI needs: its own files, images that it makes, and one style of its editor, known by its hash.
const POLICY: &str = "default-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                      img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Adds the refusals that every operation shares, and says of each refusal that it is a problem.
pub(crate) fn complete(mut api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = api.components.get_or_insert_default();
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten() {
            complete_operation(operation);
        }
    }
    api
}

fn complete_operation(operation: &mut Operation) {
    let mut common = vec![
        ("400", "The request cannot be accepted; `errors` names the fields."),
        ("401", "A token is needed, or the one that came is not let in."),
        ("403", "The host or the page that calls is not known to this server, or the token lacks a scope."),
        ("429", "The caller asks for more than it may; `Retry-After` says when to come again."),
        ("503", "The store does not answer, or the server is stopping; the same request may succeed later."),
    ];
    if operation.request_body.is_some() {
        common.extend([
            ("408", "The body did not come in time."),
            ("413", "The body is longer than 4 MiB."),
            ("415", "The body is not `application/json`."),
        ]);
    }
    let told = &mut operation.responses.responses;
    for (status, description) in common {
        told.entry(status.to_owned()).or_insert_with(|| RefOr::T(Told::new(description)));
    }
    for (status, answer) in told.iter_mut() {
        if let RefOr::T(answer) = answer
            && status.as_str() >= "400"
            && answer.content.is_empty()
        {
            let mut problem = ResponseBuilder::new()
                .description(std::mem::take(&mut answer.description))
                .content("application/problem+json", Content::new(Some(Ref::from_schema_name(ProblemBody::name()))));
            if status == "503" {
                problem = problem.header(
                    "Retry-After",
                    HeaderBuilder::new().schema(Some(u32::schema())).description(Some("Seconds")).build(),
                );
            }
            *answer = problem.build();
        }
    }
}

/// Swagger UI, served from this binary.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/docs", get(|| async { Redirect::temporary("/docs/") }))
        .route("/docs/", get(|| async { file("index.html") }))
        .route("/docs/{*file}", get(|name: Result<Path<String>, PathRejection>| async move { file(name.as_deref().map_or("", |name| name)) }))
}

fn file(name: &str) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true)));
    match utoipa_swagger_ui::serve(name, CONFIG.clone()) {
        Ok(Some(file)) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type.as_str()),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        _ => {
            let detail = format!("`{name}` is no file of this page");
            Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response()
        }
    }
}
