//! One shape for every refusal: problem+json (RFC 9457).

use axum::response::{IntoResponse, Response};
use baton_engine::Error;
use baton_model::{Fault, Faults, bounds::shorten};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How long a caller shall wait after 429 and 503, in seconds, where nothing better is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// A refusal, on its way to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    /// Boxed, because results that carry a `Problem` are passed along on every request.
    body: Box<ProblemBody>,
    /// When the caller may come again, in seconds.
    retry_after: u32,
    /// What a caller without the right token is told (RFC 6750 §3).
    challenge: Option<String>,
}

/// What a refusal says, as `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "about:blank", "title": "Bad Request", "status": 400, "code": "invalid",
    "detail": "`directive`: must not be blank: say what the agent shall do",
    "errors": [{"field": "directive", "detail": "must not be blank: say what the agent shall do"}]
}))]
pub struct ProblemBody {
    /// Always `about:blank`: the kind of problem is told by `code`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status, repeated.
    status: u16,
    /// A word for programs, as `invalid`, `not_found`, `stale_attempt`.
    code: &'static str,
    /// A sentence for people: what is wrong and what to do.
    detail: String,
    /// Every field that cannot be accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
    /// What is stored instead, when the request contradicts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    stored: Option<Value>,
}

impl Problem {
    /// A refusal with this status, word for programs and sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Refused");
        let body = ProblemBody {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: Vec::new(),
            stored: None,
        };
        let challenge = (status == StatusCode::UNAUTHORIZED).then(|| "Bearer realm=\"baton\"".to_owned());
        Problem { status, body: Box::new(body), retry_after: RETRY_AFTER_SECONDS, challenge }
    }

    /// 400 `code` about one field.
    pub fn field(code: &'static str, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut faults = Faults::default();
        faults.add(field, detail);
        Problem::faults(code, faults)
    }

    /// 400 `code` about several fields.
    pub(crate) fn faults(code: &'static str, faults: Faults) -> Self {
        let mut problem = Problem::new(StatusCode::BAD_REQUEST, code, shorten(&faults.to_string(), 4_000));
        problem.body.errors = faults.0;
        problem
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says.
    pub fn body(&self) -> &ProblemBody {
        &self.body
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        Problem::faults("invalid", faults)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(faults) => faults.into(),
            Error::NotFound { .. } => Problem::new(StatusCode::NOT_FOUND, "not_found", detail),
            Error::Conflict { code, stored, .. } => {
                let mut problem = Problem::new(StatusCode::CONFLICT, code, detail);
                problem.body.stored = stored.map(|stored| *stored);
                problem
            }
            Error::Unauthenticated(_) => Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail),
            Error::Forbidden { scope } => {
                let mut problem = Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail);
                problem.challenge =
                    Some(format!("Bearer realm=\"baton\", error=\"insufficient_scope\", scope=\"{scope}\""));
                problem
            }
            Error::TooMany { retry_after, .. } => {
                let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
                problem.retry_after = u32::try_from(retry_after.as_secs() + 1).unwrap_or(u32::MAX);
                problem
            }
            Error::Unavailable(why) => {
                tracing::error!(%why, "a request failed because the store is unavailable");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
            Error::Stopping => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
        }
        if let Some(challenge) = self.challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use baton_model::principal::Scope;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_error_of_the_engine_is_a_problem_of_its_own() {
        let mut faults = Faults::default();
        faults.add("priority", "is none");
        let conflict = Error::Conflict {
            code: "already_reported",
            detail: "it stands".to_owned(),
            stored: Some(Box::new(json!({"success": true}))),
        };
        let too_many = Error::TooMany { detail: "slower".to_owned(), retry_after: Duration::from_millis(1200) };
        for (error, status, code, more) in [
            (Error::Invalid(faults), 400, "invalid", json!({"errors": [{"field": "priority", "detail": "is none"}]})),
            (Error::NotFound { what: "directive", id: "a\"b".to_owned() }, 404, "not_found", json!({})),
            (conflict, 409, "already_reported", json!({"stored": {"success": true}})),
            (Error::Unavailable("disk full".to_owned()), 503, "unavailable", json!({})),
            (Error::Stopping, 503, "stopping", json!({})),
            (Error::Unauthenticated("a token is needed"), 401, "unauthenticated", json!({})),
            (Error::Forbidden { scope: Scope::Submit }, 403, "insufficient_scope", json!({})),
            (too_many, 429, "too_many_requests", json!({})),
        ] {
            let detail = error.to_string();
            let problem = Problem::from(error);
            let mut expected = more;
            expected["type"] = json!("about:blank");
            expected["title"] = json!(problem.status().canonical_reason());
            expected["status"] = json!(status);
            expected["code"] = json!(code);
            expected["detail"] = json!(detail);
            assert_eq!(serde_json::to_value(problem.body()).unwrap(), expected);
            let response = problem.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers().contains_key("retry-after"), matches!(status, 429 | 503));
            assert_eq!(response.headers().contains_key("www-authenticate"), matches!(status, 401 | 403));
        }
    }
}
