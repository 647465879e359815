//! One caller's limits are not another's.

use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn requests_above_the_rate_are_told_when_to_come_again() {
    let gated = Gated::with("limits = { requests_per_second = 1, burst = 20 }\n").await;
    let mut refused = None;
    for _ in 0..100 {
        let answer = gated.get("/api/queue", "bob").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a hundred requests take less than eighty seconds");
    assert_eq!((refused.status, &refused.body["code"]), (429, &json!("too_many_requests")));
    assert!(refused.body["detail"].as_str().unwrap().contains("limits.requests_per_second"), "{refused:?}");
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(gated.get("/api/queue", "alice").await.status, 200, "another caller has a rate of its own");
    assert_eq!(gated.ask(Method::GET, "/health", None, None).await.status, 200);
    until("it may come again", || async { gated.get("/api/queue", "bob").await.status == 200 }).await;
}

#[tokio::test]
async fn polls_and_streams_are_counted_for_each_caller_and_given_back() {
    let gated = Gated::with("limits = { waiting_polls = 2, event_streams = 2 }\n").await;
    let url = format!("{}/api/events", gated.server.url());
    let open = |who: &str| {
        let token = gated.token(who).to_owned();
        let url = url.clone();
        async move { crate::events::Listener::open(&url, Some(&token), None).await }
    };
    let held = join_all([open("alice"), open("alice")]).await;
    let third = gated.ask(Method::GET, "/api/events", Some(gated.token("alice")), None).await;
    assert_eq!((third.status, &third.body["code"]), (429, &json!("too_many_requests")), "{third:?}");
    assert!(
        third.headers.contains_key("retry-after") && third.body["detail"].as_str().unwrap().contains("event_streams")
    );
    drop(open("bob").await);
    drop(held);
    until("the streams were given back", || async {
        gated.send(Method::GET, "/api/events", Some(gated.token("alice")), None).await.status() == 200
    })
    .await;

    let park = || gated.ask(Method::POST, "/api/directives/next?wait_seconds=240", Some(gated.token("worker")), None);
    let refusal = async {
        until("two wait", || async { gated.get("/api/queue", "boss").await.body["waiting_polls"] == 2 }).await;
        let third = park().await;
        assert_eq!((third.status, &third.body["code"]), (429, &json!("too_many_requests")), "{third:?}");
        let at_once = gated.post("/api/directives/next", "worker", Value::Null).await;
        assert_eq!(at_once.status, 200, "one that does not wait counts for nothing");
        let other = gated.post("/api/directives/next?wait_seconds=0.05", "mate", Value::Null).await;
        assert_eq!(other.status, 200);
        for text in ["one", "two"] {
            gated.add("alice", json!({"directive": text})).await;
        }
    };
    let (one, two, ()) = timeout(PATIENCE, async { tokio::join!(park(), park(), refusal) }).await.unwrap();
    assert_eq!((&one.body["has_directive"], &two.body["has_directive"]), (&json!(true), &json!(true)));
}
