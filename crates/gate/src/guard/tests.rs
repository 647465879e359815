use axum::{Router, body::Body, routing::get};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

async fn send(request: http::request::Builder) -> (u16, Response, Value) {
    let access = Access::new("127.0.0.1:8000".parse().unwrap(), None, &[], &[]).unwrap();
    let app =
        Guard::new(access).layer(Router::new().route("/here", get(|| async { "here" }).delete(|| async { "gone" })));
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (parts.status.as_u16(), Response::from_parts(parts, Body::empty()), body)
}

#[tokio::test]
async fn what_is_let_in_is_answered() {
    let (status, response, _) = send(Request::get("/here").header("host", "localhost:8000")).await;
    assert_eq!(status, 200);
    assert!(!response.headers().contains_key("access-control-allow-origin"), "no page of another site may read it");
}

#[tokio::test]
async fn what_is_not_let_in_is_told_why() {
    let (status, response, body) = send(Request::get("/here").header("host", "evil.example")).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("host_not_allowed")));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (status, _, body) = send(Request::get("/here").version(http::Version::HTTP_10)).await;
    assert_eq!((status, body["code"].as_str()), (400, Some("bad_host")));
    let foreign = Request::options("/here").header("host", "localhost:8000").header("origin", "https://evil.example");
    let (status, _, body) = send(foreign).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("origin_not_allowed")));
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let (status, response, body) = send(Request::post("/here").header("host", "localhost:8000")).await;
    assert_eq!((status, body["code"].as_str()), (405, Some("method_not_allowed")));
    assert_eq!(response.headers()["allow"], "GET,HEAD,DELETE");
    assert!(body["detail"].as_str().unwrap().ends_with("use one of: GET, HEAD, DELETE"), "{body}");
}
