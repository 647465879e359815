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
async fn it_reaches_its_own_server_over_tls() {
    let place = Place::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["elsewhere".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (cert_pem, key_pem, done) = (place.at("cert.pem"), place.at("key.pem"), place.at("done"));
    fs::write(&cert_pem, certificate.pem()).unwrap();
    fs::write(&key_pem, key.serialize_pem()).unwrap();
    let tls = format!("[server]\ntls_cert = \"{}\"\ntls_key = \"{}\"\n", cert_pem.display(), key_pem.display());
    fs::write(place.at("baton.toml"), tls + &fs::read_to_string(place.at("baton.toml")).unwrap()).unwrap();

    let data_dir = place.at("data").display().to_string();
    let serve = ["serve", "--bind", "127.0.0.1:0", "--workers", "1", "--agent", "bash"];
    let mut server = clean_command(BATON, &place.at("home"));
    server.args(serve).args(["--config", &place.settings(), "--data-dir", &data_dir, "--json"]);
    let mut server = Worker::start(&mut server);
    server.tells(|one| one["url"].is_string(), 1, "its URL").await;
    let mut add = clean_command(BATON, &place.at("home"));
    add.env("BATON_CA_CERT", &cert_pem).args(["--data-dir", &data_dir, "directive", "add"]);
    let added = add.arg(format!("echo yes > {}", done.display())).output().await.unwrap();
    assert!(added.status.success(), "{added:?}\n{}", server.stderr());
    until(|| lines(&done) == ["yes"], "the directive to be done").await;
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.stderr());
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
