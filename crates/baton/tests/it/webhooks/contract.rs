//! What receivers may rely on, and what is refused.

use baton_testkit::webhook_receiver::Reply;
use serde_json::{Value, json};

use super::mouth::{Mouth, text};

#[tokio::test]
async fn a_result_arrives_in_the_seeds_body_signed() {
    let mouth = Mouth::new("").await;
    let (_, secret) = mouth.hook(&mouth.receiver.url("/hook")).await;
    let id = mouth.finish(json!({"directive": "count", "tags": ["a", "b"]})).await;
    let received = mouth.receiver.wait_for("/hook", 1).await.unwrap().remove(0);
    received.verify(&secret).unwrap();
    assert!(received.verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_err(), "another's secret");
    let body = received.json().unwrap();
    for (field, value) in [
        ("event", json!("directive_completed")),
        ("directive_id", json!(id)),
        ("directive", json!("count")),
        ("result", json!("done")),
        ("success", json!(true)),
        ("execution_time", json!(1.5)),
        ("session_id", mouth.get("/api/queue").await["session_id"].clone()),
        ("tags", json!(["a", "b"])),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    assert!(body["timestamp"].is_string());
    assert!(received.header("user-agent").starts_with("baton/"));

    // The directive's own URL is signed by a row that belongs to whoever submitted it.
    let id = mouth.finish(json!({"webhook": mouth.receiver.url("/own")})).await;
    let own = mouth.receiver.wait_for("/own", 1).await.unwrap().remove(0);
    let hooks = mouth.get("/api/webhooks").await;
    let signer = hooks["items"].as_array().unwrap().iter().find(|hook| hook["url"] == "").unwrap();
    let signer = mouth.get(&format!("/api/webhooks/{}?secrets=true", text(&signer["id"]))).await;
    own.verify(&text(&signer["secrets"][0])).unwrap();
    assert_eq!(own.json().unwrap()["directive_id"], id.as_str());
    let removed = mouth.server.client().delete(format!("{}/api/webhooks/{}", mouth.server.url(), text(&signer["id"])));
    assert_eq!(removed.send().await.unwrap().status(), 409, "without it the URLs in directives would not be told");
}

#[tokio::test]
async fn the_seeds_way_to_add_a_url_is_one_endpoint_however_often_it_is_used() {
    let mouth = Mouth::new("").await;
    let url = mouth.receiver.url("/hook");
    let query = format!("/api/webhook?webhook_url={url}");
    let first = mouth.post(&query, Value::Null).await;
    let second = mouth.post("/api/webhook", json!({ "webhook_url": url })).await;
    assert_eq!((&first["webhook"]["id"], first["success"].clone()), (&second["webhook"]["id"], json!(true)));
    mouth.finish(json!({ "webhook": url })).await;
    mouth.drained(&text(&first["webhook"]["id"])).await;
    assert_eq!(mouth.receiver.received("").len(), 1);
}

#[tokio::test]
async fn literal_private_addresses_are_refused_where_they_are_named() {
    let mouth = Mouth::new("").await;
    for url in
        ["http://10.0.0.1/hook", "http://192.168.1.1:8080/", "http://169.254.169.254/latest", "http://[fd00::1]/"]
    {
        for (path, body, field) in [
            ("/api/webhooks", json!({ "url": url }), "url"),
            ("/api/webhook", json!({ "webhook_url": url }), "url"),
            ("/api/directives", json!({"directive": "x", "webhook": url}), "webhook"),
        ] {
            let (status, refused) = mouth.server.post(path, &body).await.unwrap();
            assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!(field)), "{path} {url}: {refused}");
        }
    }
    assert_eq!(mouth.get("/api/webhooks").await["items"], json!([]));
}

#[tokio::test]
async fn whatever_an_endpoint_answers_is_told_and_tried_again() {
    let mouth = Mouth::new("[webhooks]\ntimeout_seconds = 0.3\n").await;
    let metadata = Reply::Redirect("http://169.254.169.254/latest/meta-data/".to_owned());
    for (path, reply, state, status, said) in [
        ("/silent", Reply::Silence, "pending", Value::Null, "no answer from `127.0.0.1:"),
        ("/500", Reply::Status(500), "pending", json!(500), "500 Internal Server Error"),
        ("/429", Reply::RetryAfter(429, "60".to_owned()), "pending", json!(429), "429 Too Many Requests"),
        ("/410", Reply::Status(410), "pending", json!(410), "410 Gone"),
        ("/302", metadata, "pending", json!(302), "redirects are not followed"),
        ("/huge", Reply::Huge(10_000_000), "delivered", json!(200), ""),
    ] {
        mouth.receiver.script(path, [reply]);
        let (hook, _) = mouth.hook(&mouth.receiver.url(&format!("{path}?token=hush"))).await;
        mouth.post(&format!("/api/webhooks/{hook}/test"), Value::Null).await;
        let tried = mouth.tried(&hook, 1).await;
        assert_eq!((&tried["state"], &tried["status"]), (&json!(state), &status), "{tried}");
        let error = tried["error"].as_str().unwrap_or_default();
        assert!(error.contains(said) && !error.contains("hush"), "{path}: {error}");
        let shown = mouth.get(&format!("/api/webhooks/{hook}")).await;
        assert_eq!(shown["enabled"], path != "/410", "{shown}");
        if path == "/huge" {
            assert_eq!(text(&tried["answer"]).len(), 65_536);
        }
    }
    assert!(!mouth.server.log().contains("hush"), "{}", mouth.server.log());
}

#[tokio::test]
async fn the_first_retry_comes_within_ten_seconds_and_a_stop_leaves_what_waits() {
    let mut mouth = Mouth::new("").await;
    mouth.receiver.script("/hook", [Reply::Status(503), Reply::HangUp, Reply::Status(204)]);
    let (hook, secret) = mouth.hook(&mouth.receiver.url("/hook")).await;
    mouth.finish(json!({})).await;
    let received = mouth.receiver.wait_for("/hook", 2).await.unwrap();
    assert!(received[1].at - received[0].at < std::time::Duration::from_secs(10));
    let tried = mouth.tried(&hook, 2).await;
    assert!(mouth.server.terminate().await.unwrap().success());
    mouth.server.restart(baton_testkit::server::Port::Any).await.unwrap();
    let after = mouth.tried(&hook, 2).await;
    assert_eq!((&after["next_at"], &after["id"]), (&tried["next_at"], &tried["id"]), "its schedule goes on");
    let received = mouth.receiver.wait_for("/hook", 3).await.unwrap();
    for one in &received {
        assert_eq!(one.id(), text(&tried["id"]));
        one.verify(&secret).unwrap();
    }
    mouth.drained(&hook).await;
    let metrics = mouth.server.client().get(format!("{}/metrics", mouth.server.url())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("baton_webhook_attempts_total{outcome=\"delivered\"} 1"), "{metrics}");
}
