//! The caller as an extractor: a handler that acts for somebody has to name one.

use std::{convert::Infallible, sync::LazyLock};

use axum::extract::FromRequestParts;
use baton_engine::Principal;
use http::request::Parts;

/// Who calls. Calls that come this far are from this machine, so all of them are the same principal.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

static LOCAL: LazyLock<Principal> = LazyLock::new(Principal::local);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Caller(LOCAL.clone()))
    }
}
