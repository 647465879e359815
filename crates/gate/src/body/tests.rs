use axum::{Router, body::Body as Sent, routing::post};
use baton_model::{DirectiveRequest, Report};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::Query;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: Option<String>,
}

impl Input for Page {}

fn app() -> Router {
    Router::new()
        .route(
            "/needed",
            post(|Body(request): Body<DirectiveRequest>| async move { request.directive.len().to_string() }),
        )
        .route("/optional", post(|Body(report): Body<Option<Report>>| async move { report.is_some().to_string() }))
        .route("/query", post(|Query(page): Query<Page>| async move { page.after.unwrap_or_default() }))
}

async fn send(path: &str, headers: &[(&str, &str)], body: impl Into<Sent>) -> (u16, String) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    if status >= 400 {
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let code = serde_json::from_str::<Value>(&text).ok().and_then(|body| Some(body.get("code")?.as_str()?.to_owned()));
    (status, code.unwrap_or(text))
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn of_length(length: usize) -> String {
    let frame = r#"{"directive":""}"#.len();
    format!(r#"{{"directive":"{}"}}"#, "x".repeat(length - frame))
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let (status, text) = send("/needed", JSON, of_length(BODY_LIMIT)).await;
    assert_eq!((status, text.as_str()), (200, (BODY_LIMIT - 16).to_string().as_str()));
    assert_eq!(send("/needed", JSON, of_length(BODY_LIMIT + 1)).await, (413, "body_too_large".to_owned()));
    let piece = Bytes::from(vec![b' '; 1024 * 1024]);
    let endless =
        Sent::from_stream(futures_util::stream::iter((0..5).map(move |_| Ok::<_, std::io::Error>(piece.clone()))));
    assert_eq!(
        send("/needed", JSON, endless).await,
        (413, "body_too_large".to_owned()),
        "without a length told before"
    );
}

#[tokio::test]
async fn only_json_is_read() {
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data", ""] {
        let sent = send("/needed", &[("content-type", kind)], "{}").await;
        assert_eq!(sent, (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        assert_eq!(send("/needed", &[("content-type", kind)], of_length(20)).await.0, 200, "{kind}");
    }
    assert_eq!(send("/needed", &[], "{}").await.0, 415, "a body without a type");
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(send("/needed", &gzip, "{}").await.0, 415);
}

#[tokio::test]
async fn no_body_is_fine_where_one_is_optional() {
    assert_eq!(send("/optional", &[], Sent::empty()).await, (200, "false".to_owned()));
    assert_eq!(send("/optional", &[("content-type", "text/plain")], Sent::empty()).await, (200, "false".to_owned()));
    assert_eq!(send("/optional", JSON, "null").await, (200, "false".to_owned()));
    assert_eq!(send("/needed", &[], Sent::empty()).await, (400, "invalid_json".to_owned()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_fault_of_the_server() {
    let pieces = [Ok(Bytes::from_static(b"{\"directive\":")), Err(std::io::Error::other("connection reset"))];
    let cut = Sent::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(send("/needed", JSON, cut).await, (400, "body_incomplete".to_owned()));
}

#[tokio::test]
async fn parameters_are_known_and_given_once() {
    assert_eq!(send("/query?after=a%20b", &[], Sent::empty()).await, (200, "a b".to_owned()));
    assert_eq!(send("/query", &[], Sent::empty()).await, (200, String::new()));
    assert_eq!(send("/query?afer=a", &[], Sent::empty()).await, (400, "invalid".to_owned()));
    assert_eq!(send("/query?after=a&after=b", &[], Sent::empty()).await, (400, "invalid".to_owned()));
    assert_eq!(send("/query?&&", &[], Sent::empty()).await, (200, String::new()));
}
