//! Tokens over REST: they are let in from the answer on that makes them until the answer that revokes them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn a_revoked_token_is_let_in_no_more_once_that_is_answered() {
    let mut gated = Gated::new().await;
    for round in 0..10 {
        let id = gated.make("short", &json!({"principal": "short", "scopes": ["read"]})).await;
        let token = gated.token("short").to_owned();
        let (is_revoked, let_in) = (AtomicBool::new(false), AtomicU32::new(0));
        let knocking = join_all((0..8).map(|_| async {
            loop {
                let was_revoked = is_revoked.load(Ordering::SeqCst);
                let status = gated.ask(Method::GET, "/api/queue", Some(&token), None).await.status;
                match status {
                    200 if !was_revoked => drop(let_in.fetch_add(1, Ordering::SeqCst)),
                    401 => return,
                    other => panic!("round {round}: {other} although it was revoked: {was_revoked}"),
                }
            }
        }));
        let revoking = async {
            until("it was let in", || async { let_in.load(Ordering::SeqCst) > 4 }).await;
            let boss = Some(gated.token("boss"));
            let revoked = gated.ask(Method::DELETE, &format!("/api/tokens/{id}"), boss, None).await;
            assert_eq!((revoked.status, &revoked.body["valid"]), (200, &json!(false)));
            is_revoked.store(true, Ordering::SeqCst);
            let again = gated.ask(Method::DELETE, &format!("/api/tokens/{id}"), boss, None).await;
            assert_eq!(again.body["revoked_at"], revoked.body["revoked_at"], "once more changes nothing");
        };
        timeout(PATIENCE, async { tokio::join!(knocking, revoking) }).await.unwrap();
    }
}

#[tokio::test]
async fn streams_and_parked_polls_of_a_revoked_token_end() {
    let mut gated = Gated::new().await;
    let id = gated.make("short", &json!({"principal": "short", "scopes": ["work"]})).await;
    let token = gated.token("short").to_owned();
    let url = format!("{}/api/events", gated.server.url());
    let mut stream = crate::events::Listener::open(&url, Some(&token), None).await;
    let mut other = crate::events::Listener::open(&url, Some(gated.token("boss")), None).await;
    let poll = gated.ask(Method::POST, "/api/directives/next?wait_seconds=240", Some(&token), None);
    let revoke = async {
        until("the poll waits", || async { gated.get("/api/queue", "boss").await.body["waiting_polls"] == 1 }).await;
        let path = format!("/api/tokens/{id}");
        assert_eq!(gated.ask(Method::DELETE, &path, Some(gated.token("boss")), None).await.status, 200);
        gated.add("alice", json!({"directive": "after"})).await
    };
    let (polled, added) = timeout(PATIENCE, async { tokio::join!(poll, revoke) }).await.unwrap();
    assert_eq!(polled.body["has_directive"], false, "{polled:?}");
    let ended = timeout(PATIENCE, stream.frame()).await.expect("the stream ends");
    assert!(ended.is_none(), "the stream ends without another event");
    assert_eq!(other.frame().await.unwrap().data["data"]["directive_id"], json!(added));
    assert_eq!(gated.take("mate").await.0, added);
}

#[tokio::test]
async fn a_token_ends_when_it_was_told_to() {
    let mut gated = Gated::new().await;
    gated.make("brief", &json!({"principal": "brief", "scopes": ["read"], "expires_in_seconds": 1.5})).await;
    let gated = gated;
    assert_eq!(gated.get("/api/queue", "brief").await.status, 200);
    until("it has ended", || async { gated.get("/api/queue", "brief").await.status == 401 }).await;
    let list = gated.get("/api/tokens", "boss").await.body;
    let brief = list["items"].as_array().unwrap().iter().find(|token| token["principal"] == "brief").unwrap();
    assert_eq!(brief["valid"], false, "{brief}");
}

#[tokio::test]
async fn the_list_tells_the_last_use_and_never_the_token() {
    let gated = Gated::new().await;
    let of = |list: &Value, principal: &str| {
        list["items"].as_array().unwrap().iter().find(|token| token["principal"] == principal).unwrap().clone()
    };
    let before = gated.get("/api/tokens", "boss").await.body;
    assert_eq!(of(&before, "reader")["last_used_at"], Value::Null);
    gated.get("/api/queue", "reader").await;
    until("the use is noted", || async {
        !of(&gated.get("/api/tokens", "boss").await.body, "reader")["last_used_at"].is_null()
    })
    .await;
    let text = gated.get("/api/tokens", "boss").await.body.to_string();
    assert!(gated.tokens.values().all(|token| !text.contains(token.as_str())));
    assert!(!text.contains("hash") && !text.contains("baton_"), "{text}");
}

#[tokio::test]
async fn requests_for_tokens_that_make_no_sense_are_told_so() {
    let gated = Gated::new().await;
    for (body, field) in [
        (json!({"principal": "", "scopes": ["read"]}), "principal"),
        (json!({"principal": "x", "scopes": []}), "scopes"),
        (json!({"principal": "x", "scopes": ["root"]}), "scopes"),
        (json!({"principal": "local", "scopes": ["read"]}), "principal"),
        (json!({"principal": "x", "scopes": ["read"], "expires_in_seconds": -1}), "expires_in_seconds"),
        (json!({"principal": "x", "scopes": ["read"], "expires_in_seconds": 1e300}), "expires_in_seconds"),
        (json!({"principal": "x", "scopes": ["read"], "scope": "read"}), "scope"),
        (json!({"principal": "x".repeat(300), "scopes": ["read"]}), "principal"),
    ] {
        let refused = gated.post("/api/tokens", "boss", body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {refused:?}");
        assert!(refused.body.to_string().contains(&format!("\"{field}")), "{body}: {refused:?}");
    }
}
