//! How workers end.

use super::*;

#[tokio::test]
async fn the_first_signal_waits_for_what_runs() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let go = place.at("go");
    let running = script(&server, &format!("echo up; until [ -e {} ]; do sleep 0.05; done", go.display())).await;
    let mut worker = place.worker(&server, &["--concurrency", "2"]);
    worker.shows("up", 1).await;
    worker.signal(Signal::SIGTERM);
    worker.said("stopping", 1).await;
    let left = script(&server, "echo").await;
    fs::write(&go, "").unwrap();
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.stderr());
    assert_eq!(directive(&server, &running).await["state"], "completed");
    assert_eq!(directive(&server, &left).await["state"], "queued", "nothing more is taken");
}

#[tokio::test]
async fn the_second_signal_ends_what_runs_and_gives_it_back() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let ids =
        [script(&server, "echo up; sleep 1000").await, script(&server, "trap '' INT TERM; sleep 1000; sleep 1").await];
    let mut worker = place.worker(&server, &["--concurrency", "2"]);
    worker.said("started", 2).await;
    worker.shows("up", 1).await;
    worker.signal(Signal::SIGINT);
    worker.said("stopping", 1).await;
    worker.signal(Signal::SIGINT);
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.stderr());
    assert_eq!(worker.said("released", 2).await.len(), 2);
    assert_eq!(place.agents(), Vec::<i32>::new());
    for id in ids {
        let shown = directive(&server, &id).await;
        assert_eq!(shown["state"], "queued", "{shown:#}");
        assert!(shown["events"].as_array().unwrap().iter().any(|event| event["type"] == "directive.released"));
    }
}

/// Its agent kills the process that watches over it, and has a child in a session of its own.
const UNGRATEFUL: &str = "setsid sh -c 'echo $$ >> up; sleep 779' & until [ -s up ]; do sleep 0.01; done; \
                          kill -9 $PPID; sleep 780";

#[tokio::test]
async fn nothing_is_left_of_an_agent_that_kills_its_shepherd_and_the_next_directive_is_done() {
    let place = Place::new();
    let settings = place.settings();
    let inside = Server::start(BATON, &["--config", &settings, "--workers", "1", "--agent", "bash"]).await.unwrap();
    let outside = Server::start(BATON, &[]).await.unwrap();
    let _worker = place.worker(&outside, &[]);
    for server in [&inside, &outside] {
        let id = script(server, UNGRATEFUL).await;
        let failed = ended(server, &id).await;
        assert_eq!(failed["state"], "failed", "{failed:#}");
        assert_eq!(place.agents(), Vec::<i32>::new());
        let id = script(server, "echo next").await;
        assert_eq!(ended(server, &id).await["result"]["result"], "next");
    }
}

#[tokio::test]
async fn it_ends_when_the_server_does_not_know_its_token() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let id = script(&server, "echo").await;
    let args = ["--json", "--url", server.url(), "--agent", "bash"];
    let mut worker = Worker::start(place.command(&args).env("BATON_TOKEN", "baton_unknown"));
    assert_eq!(worker.ended().await.code(), Some(1), "{:#?}", worker.all());
    until(|| worker.stderr().contains("BATON_TOKEN"), "advice").await;
    assert_eq!(directive(&server, &id).await["state"], "queued");
}

#[tokio::test]
async fn it_ends_when_it_is_stopped_by_name_or_has_nothing_to_do() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let mut idle = place.worker(&server, &["--idle-exit", "0.2"]);
    assert_eq!(idle.ended().await.code(), Some(0), "{}", idle.stderr());
    let mut stopped = place.worker(&server, &["--name", "ann"]);
    stopped.said("ready", 1).await;
    assert_eq!(server.post("/mcp/stop_monitoring", &json!({"agent": "ann"})).await.unwrap().0, 200);
    // Its poll may be parked already, and then is not told; the next one is.
    let id = submit(&server, json!({"directive": "echo", "agent": "ann"})).await;
    assert_eq!(stopped.ended().await.code(), Some(0), "{}", stopped.stderr());
    assert_ne!(directive(&server, &id).await["state"], "leased");
    assert_eq!(stopped.said("told_to_stop", 1).await[0]["worker"], "ann");
}
