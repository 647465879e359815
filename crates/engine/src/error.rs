//! What can go wrong, and what the caller can do about it.

use std::time::Duration;

use baton_model::{fault::Faults, principal::Scope};
use serde_json::Value;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A use case that was refused or could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mend the fields and ask again.
    #[error("{0}")]
    Invalid(#[from] Faults),
    /// No such thing, or not the caller's.
    #[error("no {what} with the id `{id}`")]
    NotFound {
        /// `directive`, …
        what: &'static str,
        /// The id as it was given.
        id: String,
    },
    /// It contradicts what is stored.
    #[error("{detail}")]
    Conflict {
        /// A word for programs: `stale_attempt`, `already_reported`, `lease_token_required`, `not_leased`,
        /// `already_ended`, `not_retryable`, `idempotency_key_reused`.
        code: &'static str,
        /// A sentence for people that says what to do.
        detail: String,
        /// What is stored instead, where that helps.
        stored: Option<Box<Value>>,
    },
    /// Nobody known: show a token that is let in.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The token that was shown does not let do this.
    #[error("this needs a token with the scope `{scope}`")]
    Forbidden {
        /// What is missing.
        scope: Scope,
    },
    /// The principal asks for more than it may.
    #[error("{detail}")]
    TooMany {
        /// A sentence for people that names the limit.
        detail: String,
        /// When it may come again.
        retry_after: Duration,
    },
    /// Nothing was written; the same call may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The server is stopping; ask again when it is back.
    #[error("the server is stopping")]
    Stopping,
}

impl Error {
    /// One field that cannot be accepted.
    pub(crate) fn field(field: &str, detail: impl Into<String>) -> Self {
        let mut faults = Faults::default();
        faults.add(field, detail);
        Error::Invalid(faults)
    }

    pub(crate) fn no_directive(id: &str) -> Self {
        Error::NotFound { what: "directive", id: id.to_owned() }
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Error::Conflict { code, detail: detail.into(), stored: None }
    }
}

impl From<baton_store::Error> for Error {
    fn from(error: baton_store::Error) -> Self {
        match error {
            baton_store::Error::Closed => Error::Stopping,
            error => Error::Unavailable(error.to_string()),
        }
    }
}
