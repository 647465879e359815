//! Servers that refuse, break or talk nonsense: every request still gets one answer, under its own id.

use super::{
    fake::{Fake, broken_events, empty, events, json as answer, raw},
    *,
};

type Reply = fn() -> axum::response::Response;

/// What a request is answered with when the server does `reply`.
async fn told(reply: Reply) -> Value {
    let server = Fake::start(move |_| reply()).await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    let answer = client.call(modern(1, "tools/list", json!({}))).await;
    let (_, rest, _) = client.finish().await;
    assert_eq!(rest, Vec::<Value>::new(), "one answer and no more");
    answer
}

#[tokio::test]
async fn errors_that_are_json_rpc_are_passed_on_as_they_are() {
    let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}});
    let told_400 = told(|| {
        let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}});
        answer(400, &json!({"jsonrpc": "2.0", "id": 1, "error": error}))
    });
    assert_eq!(told_400.await, json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    let for_nobody = || answer(400, &json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32020, "message": "m"}}));
    assert_eq!(told(for_nobody).await, json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32020, "message": "m"}}));
}

#[tokio::test]
async fn errors_of_other_kinds_are_told_with_what_to_do() {
    let cases: [(Reply, &str); 6] = [
        (
            || {
                let body = json!({"title": "Unauthorized", "status": 401, "code": "x", "detail": "a token is needed"});
                raw(401, "application/problem+json", body.to_string())
            },
            "a token is needed; put a token of this server into BATON_TOKEN",
        ),
        (|| raw(403, "text/plain", "Forbidden: Host is not allowed"), "Forbidden: Host is not allowed"),
        (|| raw(404, "text/html", "<h1>nothing here</h1>"), "<h1>nothing here</h1>; check the URL"),
        (|| empty(500), "500 Internal Server Error"),
        (|| raw(200, "application/json", "{\"hello\": 1}"), "no JSON-RPC message"),
        (|| raw(200, "text/html", "<p>a login page</p>"), "no JSON-RPC message"),
    ];
    for (reply, words) in cases {
        let told = told(reply).await;
        assert_eq!(told["error"]["code"], -32000, "{told}");
        assert!(told["error"]["message"].as_str().unwrap().contains(words), "{told} lacks {words}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_an_error() {
    let cases: [Reply; 5] = [
        || empty(202),
        || events(&[]),
        || events(&[b"data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"]),
        || {
            let told = std::sync::Arc::<tokio::sync::Notify>::default();
            told.notify_one();
            broken_events(&[b": hello\n\n"], told)
        },
        || events(&[b"data: no json\n\n", b"event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"]),
    ];
    for reply in cases {
        let told = told(reply).await;
        assert_eq!(told["error"]["code"], -32000, "{told}");
    }
}

#[tokio::test]
async fn a_server_that_is_stopping_is_asked_again() {
    let server = Fake::start({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |seen| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 | 1 => {
                let body =
                    json!({"title": "Service Unavailable", "code": "stopping", "detail": "the server is stopping"});
                raw(503, "application/problem+json", body.to_string())
            }
            _ => answer(200, &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {}})),
        }
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut client = Forwarder::start(home.path(), &["--url", &server.url]);
    assert_eq!(client.call(modern(1, "tools/list", json!({}))).await["result"], json!({}));
    assert_eq!(server.asked().len(), 3);
}
