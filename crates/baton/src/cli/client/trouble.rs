//! Why a call did not work, in words for people.

use std::path::PathBuf;

use baton_model::bounds::shorten;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::failure::Failure;

/// How much of an unknown answer is quoted, in characters.
const EXCERPT: usize = 400;

/// Why a call to the server did not work.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody serves the data directory.
    #[error("no server runs on {}", .dir.display())]
    NoServer {
        /// The data directory.
        dir: PathBuf,
    },
    /// The URL cannot be used.
    #[error("`{url}` is no URL of a server: {why}")]
    BadUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No answer came.
    #[error("no Baton server answers at {url}: {why}")]
    Unreachable {
        /// Where it was expected.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The request went out, but no answer came back.
    #[error("the connection to {url} broke before the answer came ({why}); what was asked for may have been done")]
    Broken {
        /// Where it went.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The server answered that it will not.
    #[error("{}", .0.summary())]
    Refused(Box<Problem>),
    /// The answer is not what this version expects.
    #[error("the server's answer cannot be read: {why}")]
    Garbled {
        /// Where reading stopped.
        why: String,
    },
    /// Something on this machine, already told in full.
    #[error("{0}")]
    Failed(Failure),
}

/// A refusal as the server words it (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The HTTP status of the answer.
    #[serde(skip)]
    pub status: StatusCode,
    /// A word for programs: `not_found`, `stale_attempt`, …
    pub code: String,
    title: String,
    detail: String,
    errors: Vec<FieldFault>,
    #[serde(skip)]
    retry_after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FieldFault {
    field: String,
    detail: String,
}

impl Problem {
    /// Reads an answer that is no success. A body of another kind is quoted.
    pub fn read(status: StatusCode, text: &str, retry_after: Option<String>) -> Self {
        let mut problem: Problem = serde_json::from_str(text).unwrap_or_default();
        if problem.detail.is_empty() && problem.title.is_empty() {
            let gap = if text.trim().is_empty() { "" } else { ": " };
            problem.detail = format!("the server answered {status}{gap}{}", shorten(text.trim(), EXCERPT));
        }
        problem.status = status;
        problem.retry_after = retry_after;
        problem
    }

    /// What was refused, in one line.
    pub fn summary(&self) -> &str {
        if self.detail.is_empty() { &self.title } else { &self.detail }
    }

    fn next(&self) -> Option<String> {
        let advice = match (self.status, self.code.as_str()) {
            (StatusCode::UNAUTHORIZED, _) => "put a token of this server into BATON_TOKEN",
            (StatusCode::NOT_FOUND, "not_found") => "`baton directive list` shows what there is",
            (StatusCode::CONFLICT, "already_ended") => {
                "`baton directive show ID` tells how it ended; `baton directive retry ID` does it again"
            }
            (StatusCode::CONFLICT, "idempotency_key_reused") => {
                "choose another --idempotency-key for another directive"
            }
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => {
                "check the URL: `baton connect` shows the server of the data directory"
            }
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => {
                return Some(match &self.retry_after {
                    Some(seconds) => format!("try again in {seconds} s"),
                    None => "try again in a moment".to_owned(),
                });
            }
            (StatusCode::BAD_REQUEST, _) => "mend it and try again; the command's `--help` explains every option",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

impl Trouble {
    /// What to do about it, if anything is known to help.
    pub fn next(&self) -> Option<String> {
        match self {
            Trouble::NoServer { .. } => Some("start one: `baton serve`; or name one: `--url URL`".to_owned()),
            Trouble::Unreachable { why, .. } if why.contains("certificate") => {
                Some("let BATON_CA_CERT name a PEM file with the server's certificate or its authority's".to_owned())
            }
            Trouble::Unreachable { .. } => Some("start it: `baton serve`; or name another: `--url URL`".to_owned()),
            Trouble::Broken { .. } => {
                Some("ask again: a result that was recorded already is not recorded twice".to_owned())
            }
            Trouble::BadUrl { .. } => Some("write it as http://127.0.0.1:8000".to_owned()),
            Trouble::Refused(problem) => problem.next(),
            Trouble::Garbled { .. } => Some("compare `baton --version` with the server's version".to_owned()),
            Trouble::Failed(_) => None,
        }
    }

    /// The same for a terminal: what, why and the next command; exit status 1.
    pub fn into_failure(self) -> Failure {
        let next = self.next();
        let failure = match self {
            Trouble::Failed(failure) => return failure,
            Trouble::Refused(problem) if !problem.errors.is_empty() => {
                let faults: Vec<String> =
                    problem.errors.iter().map(|fault| format!("`{}`: {}", fault.field, fault.detail)).collect();
                Failure::failed("the server refuses this request").because(faults.join("\n"))
            }
            Trouble::Unreachable { url, why } => {
                Failure::failed(format!("no Baton server answers at {url}")).because(why)
            }
            Trouble::Garbled { why } => Failure::failed("the server's answer cannot be read").because(why),
            Trouble::BadUrl { url, why } => Failure::failed(format!("`{url}` is no URL of a server")).because(why),
            other => Failure::failed(other.to_string()),
        };
        match next {
            Some(next) => failure.next(next),
            None => failure,
        }
    }
}
