//! A database from before there were principals.

use rusqlite::Connection;

use super::*;

/// Completed at the first attempt, at the second, failed, cancelled, and at work when the old server stopped.
const FIRST: &str = "01a1f90d-56ec-7000-ab0b-6009627b46e1";
const SECOND: &str = "01a1f90d-56ed-7000-b400-e66a0038a047";
const FAILED: &str = "01a1f90d-56ef-7000-afc9-a827fabf86bb";
const CANCELLED: &str = "01a1f90d-56f0-7000-9294-39f2633f3643";
const LEASED: &str = "01a1f90d-56f1-7000-ade7-6e232f81cee9";
const WAITING: &str = "01a1f90d-5700-7000-b503-9c9444c1e30f";

#[tokio::test]
async fn a_database_of_the_first_schema_keeps_everything_and_goes_on() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("old.db");
    Connection::open(&file).unwrap().execute_batch(include_str!("schema_1.sql")).unwrap();
    let config = home.path().join("old.toml");
    fs::write(
        &config,
        format!("store = {{ url = \"sqlite://{}\", retention = {{ events = \"forever\" }} }}\n", file.display()),
    )
    .unwrap();
    let server = Server::start(BATON, &["--config", &config.display().to_string()]).await.unwrap();
    let get = async |path: &str| {
        let (status, body) = server.get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    };

    let list = get("/api/directives").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 8);
    for (id, state, attempts) in
        [(FIRST, "completed", 1), (SECOND, "completed", 2), (FAILED, "failed", 1), (CANCELLED, "cancelled", 0)]
    {
        let detail = get(&format!("/api/directives/{id}")).await;
        assert_eq!((&detail["state"], &detail["owner"]), (&json!(state), &json!("local")), "{detail}");
        assert_eq!(detail["attempts"].as_array().unwrap().len(), attempts, "{detail}");
        assert!(!detail["events"].as_array().unwrap().is_empty());
    }
    let second = get(&format!("/api/directives/{SECOND}")).await;
    let before = &second["attempts"][0];
    assert_eq!(
        (&before["outcome"], &before["error"], &before["agent"], &before["attempt"]),
        (&json!("failed"), &json!("flaky"), &json!("claude"), &json!(1))
    );
    assert_eq!(second["result"]["result"], "second time");
    let first = get(&format!("/api/directives/{FIRST}")).await;
    assert_eq!(
        (&first["tags"], &first["metadata"], &first["result"]["metadata"]),
        (&json!(["old"]), &json!({"n": 1}), &json!({"who": "me"}))
    );
    let results = get("/api/results").await;
    let results: Vec<&str> =
        results.as_array().unwrap().iter().map(|one| one["directive_id"].as_str().unwrap()).collect();
    assert_eq!(results, [SECOND, FIRST, FAILED]);
    let mut analytics = get("/mcp/analytics").await;
    analytics["success_rate"] = json!((analytics["success_rate"].as_f64().unwrap() * 1000.0).round());
    for (figure, value) in [
        ("total_completed", json!(3)),
        ("success_rate", json!(667.0)),
        ("average_execution_time", json!(2.0)),
        ("daily_volume", json!({"2026-11-20": 3})),
        ("success_by_priority", json!({"high": 1.0, "medium": 1.0, "urgent": 0.0})),
        ("common_failure_patterns", json!(["timeout: 1"])),
    ] {
        assert_eq!(analytics[figure], value, "{figure}");
    }
    let queue = get("/api/queue").await;
    assert_eq!((&queue["is_monitoring"], &queue["completed_directives"]), (&json!(true), &json!(3)), "{queue}");

    // What was at work is reported by whoever has it, and releases what waits for it.
    let report = json!({"directive_id": LEASED, "success": true, "result": "late", "execution_time": 4.5,
                        "lease_token": "1fb9a877d4e6ed3d0be391a730174a1f"});
    let (status, told) = server.post("/mcp/get_next_directive", &report).await.unwrap();
    assert_eq!((status, &told["previous_result"]["outcome"]), (200, &json!("completed")), "{told}");
    let waiting = get(&format!("/api/directives/{WAITING}")).await;
    assert!(["queued", "leased"].contains(&waiting["state"].as_str().unwrap()), "{waiting}");
    let analytics = get("/mcp/analytics").await;
    assert_eq!(
        (&analytics["total_completed"], &analytics["average_execution_time"]),
        (&json!(4), &json!((1.5 + 2.5 + 4.5) / 3.0))
    );

    // The log of events goes on where it ended.
    let mut events = crate::events::Listener::open(&format!("{}/api/events?after=0", server.url()), None, None).await;
    let heard: Vec<i64> = events.frames(20).await.iter().map(|frame| frame.id).collect();
    assert_eq!(heard, (1..=20).collect::<Vec<_>>());
}
