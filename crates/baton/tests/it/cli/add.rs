//! `baton directive add`.

use std::process::Stdio;

use insta::assert_json_snapshot;
use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test]
async fn every_option_reaches_the_server() {
    let house = House::new().await;
    let first = house.add(&["first"]).await;
    let id = house
        .add(&[
            "Do it",
            "--priority=low",
            "--tag=a",
            "--tag=b",
            "--follow-up=result.contains('=>') => Then this",
            r#"--follow-up={"condition":"error","next_directive":"Tell ops","priority":"urgent","delay_seconds":60}"#,
            "--webhook=https://example.com/hook",
            "--retry=4",
            "--retry-delay=1min 30s",
            "--retry-backoff=2",
            "--timeout=2h",
            "--delay=1.5",
            "--depends-on",
            &first,
            "--idempotency-key=key-1",
            "--agent=claude",
            "--budget=2.50",
            "--metadata=version=1.10",
            "--metadata=count=3",
            "--repository=octo/cat",
        ])
        .await;
    let (_, detail) = house.server.get(&format!("/api/directives/{id}")).await.unwrap();
    assert_json_snapshot!("every-option", detail, {
        ".directive_id" => "[id]", ".depends_on[]" => "[first]", ".created_at" => "[moment]", ".due_at" => "[moment]",
        ".events" => "[events]",
    });
    let again = house.add(&["first", "--idempotency-key=key-2", "--run-at=2126-01-01T00:00:00+01:00"]).await;
    let same = house.add(&["first", "--idempotency-key=key-2", "--run-at=2126-01-01T00:00:00+01:00"]).await;
    assert_eq!(again, same);
    let (_, detail) = house.server.get(&format!("/api/directives/{again}")).await.unwrap();
    assert_eq!((&detail["due_at"], &detail["state"]), (&json!("2125-12-31T23:00:00.000+00:00"), &json!("scheduled")));
    let json = house.print(&["directive", "add", "x", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["success"], true);
}

#[tokio::test]
async fn the_text_may_come_from_a_file_or_from_stdin() {
    let house = House::new().await;
    let file = house.home.path().join("task.md");
    std::fs::write(&file, "From a file\nwith lines\n\n").unwrap();
    let from_file = house.add(&["--file", &file.display().to_string()]).await;
    let mut command = clean_command(BATON, house.home.path());
    command.args(["--url", house.server.url(), "directive", "add", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"From stdin\n").await.unwrap();
    let from_stdin = out(&timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap());
    for (id, text) in [(from_file.as_str(), "From a file\nwith lines"), (from_stdin.trim_end(), "From stdin")] {
        let (_, detail) = house.server.get(&format!("/api/directives/{id}")).await.unwrap();
        assert_eq!(detail["directive"], text);
    }
}

#[tokio::test]
async fn waiting_prints_the_result_and_ends_as_the_directive_did() {
    let house = House::new().await;
    house.print(&["queue", "start"]).await;
    for (success, code) in [(true, 0), (false, 1)] {
        let waiting = house.run(&["directive", "add", "Do it", "--wait"]);
        let working = work(&house, success);
        let (waited, ()) = tokio::join!(waiting, working);
        assert_eq!(waited.status.code(), Some(code), "{}", err(&waited));
        assert_eq!(out(&waited), "what came of it\n");
        let talk = err(&waited);
        assert!(talk.contains(if success { "completed" } else { "why:  it broke" }), "{talk}");
    }
    let (waited, ()) = tokio::join!(house.run(&["directive", "add", "Do it", "--wait", "--json"]), work(&house, true));
    let detail: Value = serde_json::from_str(&out(&waited)).unwrap();
    assert_eq!(detail["result"]["result"], "what came of it", "one document: the directive as it ended");
}

/// An agent that takes one directive as soon as it comes.
async fn work(house: &House, success: bool) {
    let taken = house.server.post("/mcp/get_next_directive?wait_seconds=60", &json!({})).await.unwrap().1;
    let report = json!({"directive_id": taken["directive_id"], "lease_token": taken["metadata"]["lease_token"],
                        "success": success, "result": "what came of it", "error": (!success).then_some("it broke")});
    let (status, told) = house.server.post("/mcp/get_next_directive", &report).await.unwrap();
    assert_eq!(status, 200, "{told}");
}
