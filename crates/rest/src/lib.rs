//! The REST door: what the contract calls `/api`, `/mcp/…` of the first seed, health, metrics and the API's own
//! description. Handlers translate; every rule lies in `baton-engine` or `baton-model`.

mod directives;
mod docs;
mod events;
mod metrics;
mod monitoring;
mod params;
mod queue;
mod router;
mod system;
mod tokens;
mod webhooks;
mod work;

pub use router::{openapi, router};

/// What most handlers answer.
type Answer<T> = Result<axum::Json<T>, baton_gate::Problem>;
