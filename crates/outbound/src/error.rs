//! Why there is no answer.

use std::{error::Error as StdError, io, iter, time::Duration};

use baton_model::address::Refusal;

use crate::guard::Unresolved;

/// What this room's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer. The texts name host and port at most: paths and queries may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The guard refused the address. Nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The URL or the headers cannot be called at all. Nothing was sent, and trying again is in vain.
    #[error("the URL cannot be called: {0}")]
    Invalid(&'static str),
    /// The name has no address, or the look-up failed. Nothing was sent.
    #[error("the name of `{place}` cannot be looked up: {why}")]
    Resolve {
        /// Host and port.
        place: String,
        /// What the look-up said.
        why: String,
    },
    /// No connection. Nothing was sent.
    #[error("no connection to `{place}`: {why}")]
    Connect {
        /// Host and port.
        place: String,
        /// What the system said.
        why: String,
    },
    /// No secure connection. Nothing was sent.
    #[error("no secure connection to `{place}`: {why}")]
    Tls {
        /// Host and port.
        place: String,
        /// What is wrong with the other side's certificate or its TLS, or with this machine's certificates.
        why: String,
    },
    /// No status came in time. The request may have been carried out.
    #[error("no answer from `{place}` within {} s", after.as_secs_f64())]
    Timeout {
        /// Host and port.
        place: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The connection broke, or what came is no HTTP. The request may have been carried out.
    #[error("the connection to `{place}` broke before it answered: {why}")]
    Broken {
        /// Host and port.
        place: String,
        /// What the library said.
        why: String,
    },
}

impl Error {
    /// Sorts the HTTP library's errors.
    pub(crate) fn of(error: &reqwest::Error, place: &str) -> Self {
        let place = place.to_owned();
        for cause in causes(error) {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return Error::Refused(refusal.clone());
            }
            if let Some(unresolved) = cause.downcast_ref::<Unresolved>() {
                return Error::Resolve { place, why: unresolved.to_string() };
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Error::Tls { place, why: tls.to_string() };
            }
        }
        let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
        if error.is_builder() {
            Error::Invalid("the HTTP library does not take it")
        } else if error.is_connect() {
            Error::Connect { place, why }
        } else {
            Error::Broken { place, why }
        }
    }

    /// A client could not be made: this machine has no certificates.
    pub(crate) fn no_client(error: &(dyn StdError + 'static)) -> Self {
        let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
        Error::Tls { place: "any host".to_owned(), why }
    }
}

/// An error and all that is behind it, the innermost last.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| behind(*error))
}

/// An `io::Error` hides the error that it holds from `source`.
fn behind<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}
