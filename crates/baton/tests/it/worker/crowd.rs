//! Several workers, servers that go away, workers that die.

use std::collections::BTreeSet;

use baton_model::{Clock, SystemClock, clock};
use baton_testkit::server::Port;

use super::*;

/// A script that waits for a file and then notes that it came to its end.
fn waiting(place: &Place) -> String {
    let (go, done) = (place.at("go"), place.at("done"));
    format!(
        "echo up; until [ -e {} ]; do sleep 0.05; done; echo $BATON_DIRECTIVE_ID >> {}; echo fine",
        go.display(),
        done.display()
    )
}

async fn scripts(server: &Server, script: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(super::script(server, script).await);
    }
    ids
}

/// All are completed, and each came to its end once.
async fn each_once(server: &Server, place: &Place, ids: &[String]) {
    for id in ids {
        let done = ended(server, id).await;
        assert_eq!((&done["state"], &done["result"]["result"]), (&json!("completed"), &json!("up\nfine")), "{done:#}");
    }
    let ids: BTreeSet<_> = ids.iter().cloned().collect();
    let done = lines(&place.at("done"));
    assert_eq!((done.len(), done.into_iter().collect::<BTreeSet<_>>()), (ids.len(), ids));
}

#[tokio::test]
async fn two_workers_do_each_directive_once() {
    let (server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let script = format!("echo up; echo $BATON_DIRECTIVE_ID >> {}; echo fine", place.at("done").display());
    let ids = scripts(&server, &script, 20).await;
    let workers =
        ["one", "two"].map(|name| place.worker(&server, &["--concurrency", "4", "--name", name, "--idle-exit", "2"]));
    let ids = [ids, scripts(&server, &script, 20).await].concat();
    each_once(&server, &place, &ids).await;
    for id in &ids {
        assert_eq!(directive(&server, id).await["attempts"].as_array().map(Vec::len), Some(1));
    }
    for mut worker in workers {
        assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.stderr());
    }
}

#[tokio::test]
async fn results_wait_for_a_server_that_is_started_again() {
    let (mut server, place) = (Server::start(BATON, &[]).await.unwrap(), Place::new());
    let ids = scripts(&server, &waiting(&place), 3).await;
    // Found by the data directory: the server comes back elsewhere and with another key.
    let data_dir = server.data_dir().display().to_string();
    let worker = Worker::start(&mut place.command(&[
        "--json",
        "--agent",
        "bash",
        "--concurrency",
        "4",
        "--data-dir",
        &data_dir,
    ]));
    worker.said("started", 3).await;
    server.kill9().await.unwrap();
    fs::write(place.at("go"), "").unwrap();
    until(|| lines(&place.at("done")).len() == 3, "the agents to be done").await;
    worker.said("server_away", 1).await;
    server.restart(Port::Any).await.unwrap();
    each_once(&server, &place, &ids).await;
    for id in &ids {
        assert_eq!(directive(&server, id).await["attempts"].as_array().map(Vec::len), Some(1));
        assert_eq!(transcript(&server, id).await, "up\nfine\n");
    }
    worker.said("server_back", 1).await;
}

#[tokio::test]
async fn a_worker_that_was_frozen_wakes_up_to_a_lease_that_moved_on() {
    let (server, place, other) = (Server::start(BATON, &[]).await.unwrap(), Place::new(), Place::new());
    let ids = scripts(&server, &waiting(&place), 1).await;
    let frozen = place.worker(&server, &["--lease", "1", "--name", "frozen"]);
    frozen.shows("up", 1).await;
    frozen.signal(Signal::SIGSTOP);
    let heir = other.worker(&server, &["--lease", "60", "--name", "heir"]);
    heir.shows("up", 1).await;
    frozen.signal(Signal::SIGCONT);
    let lost = frozen.said("lost", 1).await;
    assert_eq!(lost[0]["directive_id"], json!(ids[0]));
    assert_eq!(place.agents(), Vec::<i32>::new());
    fs::write(place.at("go"), "").unwrap();
    each_once(&server, &place, &ids).await;
    assert_eq!(directive(&server, &ids[0]).await["attempts"][1]["agent"], "heir");
}

#[tokio::test]
async fn another_worker_takes_over_from_one_that_was_killed() {
    let (server, place, other) = (Server::start(BATON, &[]).await.unwrap(), Place::new(), Place::new());
    let ids = scripts(&server, &waiting(&place), 4).await;
    let usual = ["--lease", "2", "--concurrency", "4"];
    let mut doomed = place.worker(&server, &[&usual[..], &["--name", "doomed"]].concat());
    doomed.shows("up", 4).await;
    let heir = other.worker(&server, &[&usual[..], &["--name", "heir"]].concat());
    heir.said("ready", 1).await;
    assert!(place.agents().len() >= 4 && other.agents().is_empty());

    doomed.signal(Signal::SIGKILL);
    doomed.ended().await;
    place.is_quiet().await;
    heir.said("started", 4).await;
    fs::write(place.at("go"), "").unwrap();
    each_once(&server, &place, &ids).await;
    for id in &ids {
        let shown = directive(&server, id).await;
        let agents: Vec<_> = shown["attempts"].as_array().unwrap().iter().map(|one| &one["agent"]).collect();
        assert_eq!(agents, ["doomed", "heir"], "{shown:#}");
    }
    other.is_quiet().await;
}

#[tokio::test]
async fn a_lease_is_as_short_as_its_worker_asks_from_the_first_moment() {
    let server = Server::start(BATON, &[]).await.unwrap();
    submit(&server, json!({"directive": "echo", "timeout_seconds": 7200})).await;
    let take = async |lease: &str| {
        server.post(&format!("/api/directives/next?lease_seconds={lease}"), &json!({})).await.unwrap()
    };
    for wrong in ["-1", "1e12", "0.0001", "soon"] {
        let (status, answer) = take(wrong).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("lease_seconds")), "{wrong}: {answer}");
    }
    let (_, answer) = take("5").await;
    let ends = clock::parse_iso(answer["metadata"]["lease_expires_at"].as_str().unwrap()).unwrap();
    assert!(ends <= SystemClock::start().now() + 5000, "{answer}");
}
