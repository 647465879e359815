//! The body of a request as an extractor.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{
    Problem,
    json::{self, Input},
};

/// Longest body that is accepted, in bytes.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// How long a body may take to come.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How much of a body that is too long is read and thrown away, and for how long: a client that is still sending when
/// its connection is closed may never see the answer.
const DRAIN_LIMIT: usize = 32 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A JSON body. Its text is gone before the handler runs, so that a handler that waits holds no buffer.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

impl<T: Input, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !body.is_end_stream() {
            check_type(&parts.headers)?;
        }
        drop(parts);
        let bytes = read_body(body).await?;
        json::read(&bytes).map(Body)
    }
}

/// Reads a whole body within the limits above, for doors that speak another protocol than JSON over HTTP.
///
/// # Errors
/// 413 for a body that is too long, 408 for one that does not come, 400 for one that is cut off.
pub async fn read_body(body: axum::body::Body) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_large(body).await);
    }
    tokio::time::timeout(TIME_LIMIT, collect(body)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not come within {} seconds", TIME_LIMIT.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
    })
}

/// Only JSON as it is, neither a form (which a foreign page could send unasked) nor compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return refuse("the body has no content-type; send `content-type: application/json`".to_owned());
    };
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let lower = essence.to_ascii_lowercase();
    if lower != b"application/json" && !(lower.starts_with(b"application/") && lower.ends_with(b"+json")) {
        let given = String::from_utf8_lossy(essence);
        return refuse(format!("the body is `{given}`; send `content-type: application/json`"));
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refuse("a body with a content-encoding is not accepted; send it plain".to_owned())
        }
        _ => Ok(()),
    }
}

async fn collect(mut body: axum::body::Body) -> Result<Bytes, Problem> {
    let error = match Limited::new(&mut body, BODY_LIMIT).collect().await {
        Ok(collected) => return Ok(collected.to_bytes()),
        Err(error) => error,
    };
    if error.downcast_ref::<LengthLimitError>().is_some() {
        return Err(too_large(body).await);
    }
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Err(Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", format!("the body could not be read: {why}")))
}

async fn too_large(body: axum::body::Body) -> Problem {
    let mut rest = Limited::new(body, DRAIN_LIMIT);
    let drain = async { while let Some(Ok(_)) = rest.frame().await {} };
    // Whether all of it came or not, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
    let detail = format!("the body is longer than {BODY_LIMIT} bytes (4 MiB)");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

#[cfg(test)]
mod tests;
