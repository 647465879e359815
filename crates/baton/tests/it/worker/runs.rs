//! One worker and what becomes of single directives.

use super::*;

#[tokio::test]
async fn a_directive_is_done_and_told_in_full() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let text = "echo out; echo err >&2; echo $BATON_DIRECTIVE_ID $BATON_ATTEMPT > marks; umask";
    let id = script(&server, text).await;
    let mut worker = place.worker(&server, &["--once", "--name", "w1"]);
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.stderr());

    let done = ended(&server, &id).await;
    assert_eq!((&done["state"], &done["attempts"][0]["agent"]), (&json!("completed"), &json!("w1")), "{done:#}");
    let result = &done["result"];
    assert!(result["result"].as_str().unwrap().starts_with("out\n"), "{done:#}");
    assert!(result["execution_time"].as_f64().is_some_and(|time| time > 0.0), "{done:#}");
    let metadata = &result["metadata"];
    let dir = place.at("data/work").join(&id).canonicalize().unwrap();
    for (key, value) in [
        ("worker", json!("w1")),
        ("agent", json!("bash")),
        ("working_directory", json!(dir)),
        ("exit_code", json!(0)),
        ("transcript", json!(true)),
    ] {
        assert_eq!(metadata[key], value, "{key}: {done:#}");
    }
    assert!(metadata["duration_ms"].is_u64(), "{done:#}");
    assert_eq!(fs::read_to_string(dir.join("marks")).unwrap(), format!("{id} 1\n"));
    let transcript = transcript(&server, &id).await;
    assert!(transcript.contains("out\n") && transcript.contains("err\n"), "{transcript}");
    let said: Vec<_> = worker.all().iter().map(|one| one["event"].as_str().unwrap().to_owned()).collect();
    for event in ["ready", "taken", "started", "finished", "ended"] {
        assert!(said.iter().any(|said| said == event), "{event}: {said:?}");
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_with_its_story() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let retried = json!({"directive": "mend it", "retry_on_failure": true, "max_retries": 1, "retry_delay": 0});
    let (retried, failed) =
        (submit(&server, retried).await, submit(&server, json!({"directive": "no second try"})).await);
    let worker = place.worker(&server, &["--agent", "picky"]);
    let done = ended(&server, &retried).await;
    let text = "mend it (Retry #1, previous error: the agent failed (exit 3): no disk)";
    assert_eq!((&done["state"], &done["result"]["result"]), (&json!("completed"), &json!(text)), "{done:#}");
    let done = ended(&server, &failed).await;
    assert_eq!(done["state"], "failed");
    assert_eq!(done["result"]["error"], "the agent failed (exit 3): no disk");
    assert_eq!(done["result"]["metadata"]["exit_code"], 3);
    let recorded: Vec<_> = worker.said("finished", 3).await.iter().map(|one| one["recorded"].clone()).collect();
    for words in ["retry scheduled", "completed", "failed"] {
        assert!(recorded.contains(&json!(words)), "{words}: {recorded:?}");
    }
}

#[tokio::test]
async fn time_is_limited_by_the_directive() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let id = submit(&server, json!({"directive": "echo begun; sleep 1000", "timeout_seconds": 2})).await;
    let _worker = place.worker(&server, &[]);
    let done = ended(&server, &id).await;
    assert_eq!(done["state"], "failed", "{done:#}");
    assert!(done["result"]["error"].as_str().unwrap().starts_with("timeout"), "{done:#}");
    assert_eq!(done["result"]["result"], "begun", "what there was of it is told");
    assert_eq!(place.agents(), Vec::<i32>::new());
}

#[tokio::test]
async fn the_work_is_proved_or_it_is_not_done() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let _worker = place.worker(&server, &[]);
    for (text, acceptance, state, passed, exit_code, error) in [
        ("touch proof", "proof", "completed", json!(true), json!(0), ""),
        ("echo I did it", "proof", "failed", json!(false), json!(1), "acceptance `proof` says no (exit 1)"),
        ("echo I did it", "gone", "failed", Value::Null, Value::Null, "`acceptance.gone.argv`"),
    ] {
        let id = submit(&server, json!({"directive": text, "acceptance": acceptance})).await;
        let done = ended(&server, &id).await;
        assert_eq!(done["state"], state, "{done:#}");
        let expected = json!({"name": acceptance, "passed": passed, "exit_code": exit_code});
        assert_eq!(done["result"]["metadata"]["acceptance"], expected, "{done:#}");
        assert!(done["result"]["error"].as_str().unwrap_or_default().contains(error), "{done:#}");
    }
    let id = submit(&server, json!({"directive": "touch ran", "acceptance": "unheard-of"})).await;
    let done = ended(&server, &id).await;
    assert!(done["result"]["error"].as_str().unwrap().contains("[acceptance.unheard-of]"), "{done:#}");
    assert!(!place.at("data/work").join(&id).join("ran").exists(), "nobody shall pay for it");
}

#[tokio::test]
async fn what_is_cancelled_ends_with_all_its_processes() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let stubborn = "trap '' INT TERM; setsid bash -c \"trap '' INT TERM; while :; do sleep 1; done\" & \
                    (setsid sleep 1000 &) ; echo up; while :; do sleep 1; done";
    let (doomed, next) = (script(&server, stubborn).await, script(&server, "echo next").await);
    let worker = place.worker(&server, &[]);
    worker.shows("up", 1).await;
    assert!(place.agents().len() >= 3, "{:?}", place.agents());
    assert_eq!(server.post(&format!("/api/directives/{doomed}/cancel"), &json!({})).await.unwrap().0, 200);
    let lost = worker.said("lost", 1).await;
    assert_eq!(lost[0]["directive_id"], json!(doomed));
    assert_eq!(place.agents(), Vec::<i32>::new());
    assert_eq!(directive(&server, &doomed).await["state"], "cancelled");
    assert_eq!(ended(&server, &next).await["state"], "completed", "its slot is free again");
}

#[tokio::test]
async fn a_flood_is_kept_by_its_beginning_and_its_end() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let id = script(&server, "echo the beginning; yes 0123456789abcde | head -c 40000000; echo the end").await;
    let _worker = place.worker(&server, &[]);
    let done = ended(&server, &id).await;
    assert_eq!(done["state"], "completed", "{done:#}");
    assert!(done["result"]["result"].as_str().unwrap().ends_with("the end"));
    let transcript = transcript(&server, &id).await;
    assert!(transcript.starts_with("the beginning\n") && transcript.ends_with("\nthe end\n"));
    assert!(transcript.len() < 9 * 1024 * 1024, "{}", transcript.len());
    let (_, marker) = transcript.split_once("\n[baton: ").unwrap();
    let (left_out, _) = marker.split_once(" bytes are left out here]\n").unwrap();
    let kept = transcript.len() - format!("\n[baton: {left_out} bytes are left out here]\n").len();
    assert_eq!(kept + left_out.parse::<usize>().unwrap(), 40_000_000 + "the beginning\nthe end\n".len());
    assert_eq!(done["result"]["metadata"].get("transcript_dropped_bytes"), None, "nothing is lost on the way");
}

#[tokio::test]
async fn an_agent_that_is_missing_takes_nothing() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let id = script(&server, "echo").await;
    let mut worker = place.worker(&server, &["--agent", "gone"]);
    assert_eq!(worker.ended().await.code(), Some(1));
    until(|| worker.stderr().contains("`agents.gone.command`"), "the setting's name").await;
    let shown = directive(&server, &id).await;
    assert_eq!((&shown["state"], shown["attempts"].as_array().map(Vec::len)), (&json!("queued"), Some(0)));
}

#[tokio::test]
async fn what_cannot_be_is_said_before_anything_is_taken() {
    let place = Place::new();
    for (args, code, words) in [
        (&["--agent", "codex"][..], 2, "cannot run `codex` yet"),
        (&["--agent", "nobody"][..], 2, "there is no agent `nobody`"),
        (&["--agent", "bash", "--name", " "][..], 2, "no name of a worker"),
        (&["--agent", "bash", "--root", "/no/such/root"][..], 2, "/no/such/root"),
        (&["--agent", "bash", "--concurrency", "0"][..], 2, "--concurrency"),
        (&["--agent", "bash", "--lease", "0.1"][..], 2, "--lease"),
        (&["--agent", "bash", "--data-dir", "/no/such/data"][..], 1, "baton serve"),
        (&["--agent", "bash", "--url", "ftp://127.0.0.1"][..], 1, "no URL of a server"),
    ] {
        let mut worker = Worker::start(&mut place.command(args));
        assert_eq!(worker.ended().await.code(), Some(code), "{args:?}: {}", worker.stderr());
        until(|| worker.stderr().contains(words), words).await;
    }
}
