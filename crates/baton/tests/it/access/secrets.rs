//! Secrets stand nowhere but with those whose they are.

use std::os::unix::fs::MetadataExt;

use baton_testkit::webhook_receiver::Receiver;

use super::*;

#[tokio::test]
async fn no_token_and_no_signing_secret_is_in_the_database_its_log_or_the_servers() {
    let mut gated = Gated::with("telemetry = { log = \"debug\" }\noutbound = { allow = [\"127.0.0.0/8\"] }\n").await;
    let receiver = Receiver::start().await.unwrap();
    let given = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let made = gated.post("/api/webhooks", "alice", json!({"url": receiver.url("/a"), "secret": given})).await.body;
    let other = gated.post("/api/webhooks", "alice", json!({"url": receiver.url("/b")})).await.body;
    let rotated =
        gated.post(&format!("/api/webhooks/{}/rotate", other["id"].as_str().unwrap()), "alice", json!({})).await;
    let (id, _) = (gated.make("more", &json!({"principal": "more", "scopes": ["read"]})).await, ());
    gated.ask(Method::DELETE, &format!("/api/tokens/{id}"), Some(gated.token("boss")), None).await;
    gated.get("/api/queue", "more").await;
    gated.add("alice", json!({"directive": "one", "webhook": receiver.url("/own")})).await;
    let (id, lease) = gated.take("worker").await;
    let report = json!({"directive_id": id, "success": true, "result": "r", "lease_token": lease});
    gated.post("/api/directives/next", "worker", report).await;
    receiver.wait_for("", 3).await.unwrap();

    let mut secrets: Vec<String> = gated.tokens.values().cloned().collect();
    secrets.extend(gated.tokens.values().map(|token| token.trim_start_matches("baton_").to_owned()));
    for endpoint in [&made, &other, &rotated.body] {
        for secret in endpoint["secrets"].as_array().unwrap_or_else(|| panic!("{endpoint}")) {
            secrets.push(secret.as_str().unwrap().trim_start_matches("whsec_").to_owned());
        }
    }
    assert!(secrets.contains(&given["whsec_".len()..].to_owned()));
    let lock: Value = serde_json::from_slice(&fs::read(gated.server.data_dir().join("lock")).unwrap()).unwrap();
    let key = lock["key"].as_str().unwrap().to_owned();
    assert!(key.len() >= 32);

    // While it runs, with a write-ahead log, and after it has ended.
    for ended in [false, true] {
        if ended {
            gated.server.terminate().await.unwrap();
        }
        let mut looked = Vec::new();
        for entry in fs::read_dir(gated.server.data_dir()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let held = fs::read(&path).unwrap();
            let holds = |secret: &str| held.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!secrets.iter().any(|secret| holds(secret)), "{name} holds a secret");
            assert!(name.ends_with("lock") || !holds(&key), "{name} holds the local key");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{name} is for its owner alone");
            looked.push(name);
        }
        assert!(looked.iter().any(|name| name == "baton.db"), "{looked:?}");
        assert!(ended || looked.iter().any(|name| name == "baton.db-wal"), "{looked:?}");
        println!("{} secrets, {looked:?}", secrets.len());
    }
    let log = gated.server.log();
    assert!(log.contains("stopping: SIGTERM"), "{log}");
    assert!(!secrets.iter().chain([&key]).any(|secret| log.contains(secret.as_str())));
}

#[tokio::test]
async fn the_local_key_is_in_a_file_for_its_owner_and_changes_with_every_start() {
    let mut gated = Gated::new().await;
    let lock = gated.server.data_dir().join("lock");
    let key = || {
        let lock: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
        lock["key"].as_str().unwrap().to_owned()
    };
    assert_eq!(fs::metadata(&lock).unwrap().mode() & 0o777, 0o600);
    let first = key();
    let admitted = gated.ask(Method::GET, "/api/tokens", Some(&first), None).await;
    assert_eq!(admitted.status, 200, "it is the operator's");
    gated.server.kill9().await.unwrap();
    gated.server.restart(Port::Any).await.unwrap();
    assert_ne!(key(), first);
    assert_eq!(gated.ask(Method::GET, "/api/tokens", Some(&first), None).await.status, 401);
    assert_eq!(gated.ask(Method::GET, "/api/tokens", Some(&key()), None).await.status, 200);
}
