//! What is another's is as if it were not there.

use baton_testkit::webhook_receiver::Receiver;

use super::*;

/// Everything that alice has.
struct Estate {
    gated: Gated,
    receiver: Receiver,
    /// Finished, with a transcript, a result and a delivery.
    done: String,
    /// Not taken yet.
    waiting: String,
    webhook: String,
    delivery: String,
}

async fn estate() -> Estate {
    let gated = Gated::new().await;
    let receiver = Receiver::start().await.unwrap();
    let made = gated.post("/api/webhooks", "alice", json!({"url": receiver.url("/a")})).await;
    let webhook = made.body["id"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned();
    assert_eq!((&made.body["owner"], &made.body["everybody"]), (&json!("alice"), &json!(false)));
    let done = gated.add("alice", json!({"directive": "one", "tags": ["t"]})).await;
    let (id, lease) = gated.take("worker").await;
    assert_eq!(id, done);
    let piece = json!({"lease_token": lease, "offset": 0, "text": "thinking"});
    assert_eq!(gated.post(&format!("/api/directives/{id}/transcript"), "worker", piece).await.status, 200);
    let report = json!({"directive_id": id, "success": true, "result": "r", "lease_token": lease});
    assert_eq!(gated.post("/api/directives/next", "worker", report).await.status, 200);
    receiver.wait_for("/a", 1).await.unwrap();
    let deliveries = gated.get(&format!("/api/webhooks/{webhook}/deliveries"), "alice").await;
    let delivery = deliveries.body["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{deliveries:?}")).to_owned();
    let waiting = gated.add("alice", json!({"directive": "two", "tags": ["t"]})).await;
    Estate { gated, receiver, done, waiting, webhook, delivery }
}

/// Every way to a row by its id: method, path, and a body that fits.
fn ways(estate: &Estate) -> Vec<(Method, &'static str, &str, Value)> {
    let Estate { done, waiting, webhook, delivery, .. } = estate;
    vec![
        (Method::GET, "/api/directives/{id}", done, Value::Null),
        (Method::GET, "/api/directives/{id}", waiting, Value::Null),
        (Method::GET, "/api/directives/{id}/transcript", done, Value::Null),
        (Method::POST, "/api/directives/{id}/cancel", waiting, Value::Null),
        (Method::POST, "/api/directives/{id}/retry", done, Value::Null),
        (Method::POST, "/api/directives/{id}/priority", waiting, json!({"priority": "urgent"})),
        (Method::GET, "/api/webhooks/{id}", webhook, Value::Null),
        (Method::GET, "/api/webhooks/{id}?secrets=true", webhook, Value::Null),
        (Method::PATCH, "/api/webhooks/{id}", webhook, json!({"enabled": false})),
        (Method::POST, "/api/webhooks/{id}/rotate", webhook, Value::Null),
        (Method::POST, "/api/webhooks/{id}/test", webhook, Value::Null),
        (Method::POST, "/api/webhooks/{id}/replay", webhook, json!({"all": true})),
        (Method::GET, "/api/webhooks/{id}/deliveries", webhook, Value::Null),
        (Method::GET, "/api/deliveries/{id}", delivery, Value::Null),
        (Method::DELETE, "/api/webhooks/{id}", webhook, Value::Null),
    ]
}

#[tokio::test]
async fn anothers_id_is_answered_as_one_that_was_never_given() {
    let estate = estate().await;
    let gated = &estate.gated;
    let ways = ways(&estate);
    for (method, path, id, body) in &ways {
        let body = Some(body).filter(|body| !body.is_null());
        let token = Some(gated.token("bob"));
        let theirs = gated.ask(method.clone(), &path.replace("{id}", id), token, body).await;
        let unknown = gated.ask(method.clone(), &path.replace("{id}", UNKNOWN), token, body).await;
        assert_eq!(theirs.status, 404, "{method} {path}: {theirs:?}");
        assert_eq!(theirs.body.to_string().replace(*id, UNKNOWN), unknown.body.to_string(), "{method} {path}");
    }
    // Nothing of it had any effect, and alice and the admin may do all of it.
    let webhook = gated.get(&format!("/api/webhooks/{}", estate.webhook), "alice").await;
    assert_eq!((&webhook.body["enabled"], &webhook.body["delivered"]), (&json!(true), &json!(1)));
    let waiting = gated.get(&format!("/api/directives/{}", estate.waiting), "boss").await;
    assert_eq!((&waiting.body["state"], &waiting.body["owner"]), (&json!("queued"), &json!("alice")));
    assert_eq!(estate.receiver.received("").len(), 1);
    for (method, path, id, body) in &ways {
        let who = if *method == Method::GET { "boss" } else { "alice" };
        let body = Some(body).filter(|body| !body.is_null());
        let answer = gated.ask(method.clone(), &path.replace("{id}", id), Some(gated.token(who)), body).await;
        // What the ways before have switched off, cancelled or completed is told to its owner.
        let is_late = ["/test", "/retry", "/priority"].iter().any(|way| path.ends_with(way));
        assert_eq!(answer.status, if is_late { 409 } else { 200 }, "{method} {path} by {who}: {answer:?}");
    }
    println!("{} ways", ways.len());
}

#[tokio::test]
async fn lists_counts_and_figures_are_ones_own() {
    let estate = estate().await;
    let gated = &estate.gated;
    let own = gated.add("bob", json!({"directive": "mine"})).await;
    for (who, directives, results, webhooks, pending) in
        [("bob", 1, 0, Some(0), 1), ("alice", 2, 1, Some(1), 1), ("boss", 3, 1, Some(1), 2), ("reader", 0, 0, None, 0)]
    {
        let list = gated.get("/api/directives", who).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), directives, "{who}: {list}");
        for narrowed in ["?tag=t", "?state=completed", &format!("?parent={}", estate.done)] {
            let list = gated.get(&format!("/api/directives{narrowed}"), who).await.body;
            let foreign = ["bob", "reader"].contains(&who) && !list["items"].as_array().unwrap().is_empty();
            assert!(!foreign, "{who} {narrowed}: {list}");
        }
        let told = gated.get("/api/results", who).await.body;
        assert_eq!(told.as_array().unwrap().len(), results, "{who}: {told}");
        for path in ["/mcp/analytics", "/api/analytics"] {
            let figures = gated.get(path, who).await.body;
            assert_eq!(figures["total_completed"], results, "{who} {path}: {figures}");
            assert_eq!(figures["pending_count"], pending, "{who} {path}: {figures}");
        }
        let queue = gated.get("/api/queue", who).await.body;
        assert_eq!(
            (&queue["pending_directives"], &queue["completed_directives"]),
            (&json!(pending), &json!(results)),
            "{who}: {queue}"
        );
        if let Some(webhooks) = webhooks {
            let list = gated.get("/api/webhooks", who).await.body;
            assert_eq!(list["items"].as_array().unwrap().len(), webhooks, "{who}: {list}");
        }
    }
    let list = gated.get("/api/directives", "bob").await.body;
    assert_eq!(list["items"][0]["directive_id"], json!(own));
}

#[tokio::test]
async fn keys_dependencies_and_endpoints_of_one_mean_nothing_to_another() {
    let estate = estate().await;
    let gated = &estate.gated;
    let keyed = |text: &str| json!({"directive": text, "idempotency_key": "k"});
    let (first, again) = (gated.add("alice", keyed("a")).await, gated.add("alice", keyed("a")).await);
    assert_eq!(first, again);
    let other = gated.add("bob", keyed("b")).await;
    assert_ne!(first, other, "a key belongs to its principal");

    let depends = |id: &str| json!({"directive": "x", "depends_on": [id]});
    let theirs = gated.post("/api/directives", "bob", depends(&estate.waiting)).await;
    let unknown = gated.post("/api/directives", "bob", depends(UNKNOWN)).await;
    assert_eq!((theirs.status, unknown.status), (404, 404), "{theirs:?}");
    assert_eq!(theirs.body.to_string().replace(&estate.waiting, UNKNOWN), unknown.body.to_string());
    assert_eq!(gated.post("/api/directives", "alice", depends(&estate.waiting)).await.status, 200);

    // The same URL is another's endpoint with a secret of its own; everybody's results are the admin's alone.
    let url = estate.receiver.url("/a");
    let mine = gated.post("/api/webhooks", "bob", json!({"url": url})).await;
    assert!(mine.body["id"] != json!(estate.webhook) && mine.body["secrets"].is_array(), "{mine:?}");
    let all = gated.post("/api/webhooks", "bob", json!({"url": url, "everybody": true})).await;
    assert_eq!(all.status, 403, "{all:?}");
}

#[tokio::test]
async fn a_stream_tells_of_ones_own_and_of_what_is_everybodys() {
    let estate = estate().await;
    let gated = &estate.gated;
    gated.post("/mcp/start_monitoring", "worker", Value::Null).await;
    let own = gated.add("bob", json!({"directive": "mine"})).await;
    for (who, expected) in [
        ("bob", vec!["monitoring.started", "directive.queued"]),
        ("reader", vec!["monitoring.started"]),
        ("alice", vec!["directive.queued", "directive.leased", "directive.completed", "directive.queued"]),
        ("boss", vec!["directive.queued", "directive.leased", "directive.completed", "directive.queued"]),
    ] {
        let path = format!("{}/api/events?after=0", gated.server.url());
        let mut stream = crate::events::Listener::open(&path, Some(gated.token(who)), None).await;
        for kind in expected {
            let frame = stream.frame().await.unwrap();
            assert_eq!(frame.event, kind, "{who}");
            if who == "bob" && kind == "directive.queued" {
                assert_eq!(frame.data["data"]["directive_id"], json!(own));
            }
        }
    }
    // Narrowed to another's directive there is nothing to hear: the next event that comes is one's own, elsewhere.
    let path = format!("{}/api/events?after=0&directive_id={}", gated.server.url(), estate.done);
    let mut theirs = crate::events::Listener::open(&path, Some(gated.token("bob")), None).await;
    let mut all = crate::events::Listener::open(&path, Some(gated.token("alice")), None).await;
    assert_eq!(all.frame().await.unwrap().event, "directive.queued");
    assert!(timeout(Duration::from_millis(300), theirs.frame()).await.is_err());
}
