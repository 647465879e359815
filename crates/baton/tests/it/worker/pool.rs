//! The worker inside a server.

use baton_testkit::server::Port;

use super::*;

async fn serve(place: &Place) -> Server {
    let settings = place.settings();
    Server::start(BATON, &["--config", &settings, "--workers", "2", "--agent", "bash"]).await.unwrap()
}

#[tokio::test]
async fn a_server_with_workers_does_what_it_is_given_and_gives_back_what_it_cannot_end() {
    let place = Place::new();
    let mut server = serve(&place).await;
    let id = script(&server, "echo hello").await;
    let done = ended(&server, &id).await;
    assert_eq!((&done["result"]["result"], &done["attempts"][0]["agent"]), (&json!("hello"), &json!("local")));

    let (go, up) = (place.at("go"), place.at("up"));
    let text = format!("echo up > {}; until [ -e {} ]; do sleep 0.05; done", up.display(), go.display());
    let id = script(&server, &text).await;
    until(|| up.exists(), "the agent to be up").await;
    assert_eq!(server.terminate().await.unwrap().code(), Some(0), "{}", server.log());
    assert_eq!(place.agents(), Vec::<i32>::new());
    assert!(server.log().contains("given back"), "{}", server.log());

    fs::write(&go, "").unwrap();
    server.restart(Port::Same).await.unwrap();
    let done = ended(&server, &id).await;
    assert_eq!(done["state"], "completed", "at once: it was given back: {done:#}");
}

#[tokio::test]
async fn nothing_of_its_agents_outlives_a_server_that_was_killed() {
    let place = Place::new();
    let mut server = serve(&place).await;
    let up = place.at("up");
    script(&server, &format!("trap '' INT TERM; setsid sleep 1000 & echo up > {}; wait; sleep 1000", up.display()))
        .await;
    until(|| up.exists(), "the agent to be up").await;
    assert!(place.agents().len() >= 2, "{:?}", place.agents());
    server.kill9().await.unwrap();
    place.is_quiet().await;
    server.restart(Port::Same).await.unwrap();
    let id = script(&server, "echo back").await;
    assert_eq!(ended(&server, &id).await["result"]["result"], "back");
}

#[tokio::test]
async fn a_server_whose_agent_is_missing_says_so_and_serves() {
    let place = Place::new();
    let settings = place.settings();
    let server = Server::start(BATON, &["--config", &settings, "--workers", "1", "--agent", "gone"]).await.unwrap();
    until(|| server.log().contains("ERROR") && server.log().contains("agents.gone.command"), "the log").await;
    let id = script(&server, "echo").await;
    assert_eq!(directive(&server, &id).await["state"], "queued");
}
