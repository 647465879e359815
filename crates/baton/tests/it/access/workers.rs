//! A worker may do what its lease is about, and nothing else.

use super::*;

#[tokio::test]
async fn a_worker_reads_renews_and_reports_what_it_holds() {
    let gated = Gated::new().await;
    let (one, two) =
        (gated.add("alice", json!({"directive": "one"})).await, gated.add("alice", json!({"directive": "two"})).await);
    let (held, lease) = gated.take("worker").await;
    assert_eq!(held, one);
    let path = format!("/api/directives/{held}");
    assert_eq!(gated.get(&path, "worker").await.body["leased_by"], Value::Null);
    assert_eq!(gated.get(&path, "worker").await.status, 200);
    let piece = json!({"lease_token": lease, "offset": 0, "text": "thinking"});
    assert_eq!(gated.post(&format!("{path}/transcript"), "worker", piece.clone()).await.status, 200);
    assert_eq!(gated.get(&format!("{path}/transcript"), "worker").await.body, "thinking");
    let renew = json!({"lease_token": lease, "heartbeat": true});
    assert_eq!(gated.post(&format!("{path}/extend"), "worker", renew.clone()).await.status, 200);

    // Nothing else of alice's, and nothing that submitters do.
    assert_eq!(gated.get(&format!("/api/directives/{two}"), "worker").await.status, 404);
    assert_eq!(gated.get("/api/directives", "worker").await.body["items"], json!([]));
    for verb in ["cancel", "retry"] {
        let refused = gated.post(&format!("{path}/{verb}"), "worker", Value::Null).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("insufficient_scope")));
    }

    // Another worker has nothing of it, even with the lease's token: the same 404 as for an id that nobody has.
    let release = json!({"lease_token": lease, "reason": "x"});
    let report = |id: &str| json!({"directive_id": id, "success": true, "result": "stolen", "lease_token": lease});
    for (method, way, body) in [
        (Method::GET, "", None),
        (Method::GET, "/transcript", None),
        (Method::POST, "/extend", Some(renew)),
        (Method::POST, "/release", Some(release.clone())),
        (Method::POST, "/transcript", Some(piece)),
    ] {
        let token = Some(gated.token("mate"));
        let theirs = gated.ask(method.clone(), &format!("{path}{way}"), token, body.as_ref()).await;
        let unknown = gated.ask(method, &format!("/api/directives/{UNKNOWN}{way}"), token, body.as_ref()).await;
        assert_eq!(theirs.status, 404, "{way}: {theirs:?}");
        assert_eq!(theirs.body.to_string().replace(&held, UNKNOWN), unknown.body.to_string(), "{way}");
    }
    for door in ["/api/directives/next", "/mcp/get_next_directive"] {
        let theirs = gated.post(door, "mate", report(&held)).await;
        let unknown = gated.post(door, "mate", report(UNKNOWN)).await;
        assert_eq!(theirs.status, 404, "{theirs:?}");
        assert_eq!(theirs.body.to_string().replace(&held, UNKNOWN), unknown.body.to_string());
    }

    // Given back and taken by the other, it is the other's.
    assert_eq!(gated.post(&format!("{path}/release"), "worker", release).await.status, 200);
    // It waits in the last place again.
    assert_eq!(gated.take("boss").await.0, two);
    assert_eq!(gated.take("mate").await.0, held);
    assert_eq!(gated.get(&path, "mate").await.status, 200);
    assert_eq!(gated.get(&path, "worker").await.status, 404);
    let late = gated.post("/api/directives/next", "worker", report(&held)).await;
    assert_eq!((late.status, &late.body["code"]), (409, &json!("stale_attempt")), "it did hold it once: {late:?}");
    let stands = gated.get(&path, "alice").await;
    assert_eq!((&stands.body["state"], &stands.body["result"]), (&json!("leased"), &Value::Null));
}

#[tokio::test]
async fn a_result_is_reported_again_by_whoever_held_the_lease() {
    let gated = Gated::new().await;
    gated.add("alice", json!({"directive": "one"})).await;
    let (id, lease) = gated.take("worker").await;
    let report = json!({"directive_id": id, "success": true, "result": "done", "lease_token": lease});
    for _ in 0..2 {
        let answer = gated.post("/api/directives/next", "worker", report.clone()).await;
        assert_eq!(answer.status, 200, "the same again is fine: {answer:?}");
    }
    assert_eq!(gated.post("/api/directives/next", "mate", report).await.status, 404);
    let done = gated.get(&format!("/api/directives/{id}"), "alice").await;
    assert_eq!(done.body["result"]["result"], "done");
}
