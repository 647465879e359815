//! An answer that begins before there is one.
//!
//! A poll may wait for minutes, and the protocol library sends not even a header before its first message. Clients and
//! proxies take such silence for a dead server (Claude Code gives up after exactly 60 s). So, when the answer to a
//! request has not begun after [`FIRST_BYTE`], an event stream is opened at once, comments keep it alive, and the
//! answer goes down it when it comes.

use std::{pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::message::{INVALID_REQUEST, error_object};

/// How long an answer may take before the stream is opened without it.
const FIRST_BYTE: Duration = Duration::from_secs(1);
/// How often a waiting stream shows that it lives.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// JSON-RPC's codes for failures that the library tells only as an HTTP status and a sentence.
const SESSION_NOT_FOUND: i64 = -32001;
const INTERNAL_ERROR: i64 = -32603;

type Pending = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Awaits the answer to the request `id`, and opens an event stream if that takes long. Dropping what comes back drops
/// `answer`.
pub async fn or_stream(answer: impl Future<Output = Response> + Send + 'static, id: Value) -> Response {
    let mut answer: Pending = Box::pin(answer);
    tokio::select! {
        response = &mut answer => told(response, Some(&id)).await,
        () = tokio::time::sleep(FIRST_BYTE) => opened(answer, id),
    }
}

/// Gives every refusal a JSON-RPC error as its body; the library has some that are a bare sentence.
pub async fn told(response: Response, id: Option<&Value>) -> Response {
    let status = response.status();
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let why = text(body).await;
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), "the MCP library failed: {why}");
    }
    let code = match status {
        StatusCode::NOT_FOUND => SESSION_NOT_FOUND,
        status if status.is_client_error() => INVALID_REQUEST,
        _ => INTERNAL_ERROR,
    };
    parts.headers.remove(CONTENT_TYPE);
    let mut refusal = axum::Json(error_object(code, why, id)).into_response();
    *refusal.status_mut() = status;
    refusal.headers_mut().extend(parts.headers);
    refusal
}

/// Where an early stream stands.
enum Stage {
    Opening(Pending),
    Waiting(Pending),
    Passing(axum::body::BodyDataStream),
}

fn opened(answer: Pending, id: Value) -> Response {
    let stages = stream::unfold((Stage::Opening(answer), id), |(stage, id)| async {
        let (bytes, stage) = match stage {
            Stage::Opening(answer) => (Ok(Bytes::from_static(b": waiting\n\n")), Stage::Waiting(answer)),
            Stage::Waiting(mut answer) => tokio::select! {
                response = &mut answer => {
                    let mut events = events(response, &id).await.into_data_stream();
                    (events.next().await?, Stage::Passing(events))
                }
                () = tokio::time::sleep(KEEP_ALIVE) => {
                    (Ok(Bytes::from_static(b": keep-alive\n\n")), Stage::Waiting(answer))
                }
            },
            Stage::Passing(mut events) => (events.next().await?, Stage::Passing(events)),
        };
        Some((bytes, (stage, id)))
    });
    let headers = [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(stages)).into_response()
}

/// An answer as server-sent events, whatever it was.
async fn events(response: Response, id: &Value) -> Body {
    if response.headers().get(CONTENT_TYPE) == Some(&EVENT_STREAM) {
        return response.into_body();
    }
    let message = text(told(response, Some(id)).await.into_body()).await;
    // A raw newline can only stand between two tokens, and each line of an event's data needs its own field.
    let data: String = message.lines().map(|line| format!("data: {line}\n")).collect();
    Body::from(data + "\n")
}

async fn text(body: Body) -> String {
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json_answer(status: StatusCode, body: &'static str) -> Response {
        (status, [(CONTENT_TYPE, "application/json")], body).into_response()
    }

    async fn after(seconds: u64, response: Response) -> Response {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        response
    }

    async fn whole(response: Response) -> String {
        text(response.into_body()).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_answer_passes_as_it_is() {
        let response = or_stream(after(0, json_answer(StatusCode::NOT_FOUND, "{}")), json!(1)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(whole(response).await, "{}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_comes_down_a_stream_that_was_kept_alive() {
        let response = or_stream(after(40, json_answer(StatusCode::OK, "{\"a\":\r\n1}")), json!(1)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let expected = ": waiting\n\n: keep-alive\n\n: keep-alive\n\ndata: {\"a\":\ndata: 1}\n\n";
        assert_eq!(whole(response).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_stream_is_passed_on_unchanged() {
        let events = "id: 0\ndata: {}\n\n: ping\n\ndata: {}\n\n";
        let inner = ([(CONTENT_TYPE, "text/event-stream")], events).into_response();
        let response = or_stream(after(5, inner), json!(1)).await;
        assert_eq!(whole(response).await, format!(": waiting\n\n{events}"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_refusal_becomes_an_error_with_the_id_of_the_request() {
        let inner = (StatusCode::NOT_FOUND, "Not Found: Session not found").into_response();
        let told = whole(or_stream(after(5, inner), json!("seven")).await).await;
        let data = told.strip_prefix(": waiting\n\ndata: ").unwrap().trim_end();
        let error: Value = serde_json::from_str(data).unwrap();
        assert_eq!(error["id"], "seven");
        assert_eq!(error["error"], json!({"code": -32001, "message": "Not Found: Session not found"}));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentence_becomes_an_error_and_keeps_its_status_and_headers() {
        let inner = (StatusCode::METHOD_NOT_ALLOWED, [("allow", "POST")], "Method Not Allowed").into_response();
        let response = told(inner, None).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "POST");
        let error: Value = serde_json::from_str(&whole(response).await).unwrap();
        assert_eq!(error, json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Method Not Allowed"}}));
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_stream_drops_what_it_waits_for() {
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let inner = async move {
            let _alive = alive;
            std::future::pending().await
        };
        let response = or_stream(inner, json!(1)).await;
        let mut events = response.into_body().into_data_stream();
        assert_eq!(events.next().await.unwrap().unwrap(), ": waiting\n\n");
        assert_eq!(events.next().await.unwrap().unwrap(), ": keep-alive\n\n");
        drop(events);
        assert!(dropped.await.is_err(), "the sender was dropped without a word");
    }
}
