//! The real binary, killed where it stands.

use std::time::Duration;

use baton_testkit::server::{Port, Server};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{
    check, config,
    crew::{Broken, Crew, Place, all_ended, meanwhile},
};

const KILLS: u64 = 50;
const SUBMITTERS: usize = 3;
const AGENTS: usize = 5;
/// Too few would mean that the server was dead most of the time, and that nothing was shown.
const LEAST: usize = 300;

/// Fifty times `kill -9` at random moments, while directives flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_nothing_and_doubles_nothing() {
    let (_file, args) = config();
    let args = args.each_ref().map(String::as_str);
    let mut server = Server::start(env!("CARGO_BIN_EXE_baton"), &args).await.unwrap();
    server.post("/mcp/start_monitoring", &Value::Null).await.unwrap();

    let (place, places) = watch::channel(Place { life: 0, url: server.url().to_owned() });
    let (submitting, submit_on) = watch::channel(true);
    let (working, work_on) = watch::channel(true);
    let agents = Crew::new(places, work_on, Broken::AwaitNextLife);
    let submitters = Crew { on: submit_on, ..agents.clone() };
    let (mut submitting_now, mut working_now) = (JoinSet::new(), JoinSet::new());
    for number in 0..SUBMITTERS {
        submitting_now.spawn(submitters.clone().submit_all(format!("submitter-{number}")));
    }
    for number in 0..AGENTS {
        working_now.spawn(agents.clone().work(format!("agent-{number}")));
    }

    let mut random = StdRng::seed_from_u64(20_261_120);
    let mut fruitful = 0;
    for life in 1..=KILLS {
        let before = agents.log().directives.len();
        sleep(Duration::from_millis(random.random_range(20..=150))).await;
        server.kill9().await.unwrap();
        fruitful += usize::from(agents.log().directives.len() > before);
        // On another port: a client that connects to the old one while nobody listens there may be given that very
        // port as its own.
        server.restart(Port::Any).await.unwrap();
        place.send(Place { life, url: server.url().to_owned() }).unwrap();
    }

    submitting.send(false).unwrap();
    all_ended(submitting_now).await;
    meanwhile(&mut working_now, check::drained(&server)).await;
    working.send(false).unwrap();
    all_ended(working_now).await;

    let log = std::mem::take(&mut *agents.log());
    let stored = check::nothing_lost_nothing_twice(&server, &log).await;
    println!(
        "{KILLS} kills, {fruitful} of the lives between them fruitful: {} directives acknowledged, {} stored, {} results \
         acknowledged; 0 lost, 0 recorded twice; {} requests broken off, {} directives handed out again, {} stale \
         results refused",
        log.directives.len(),
        stored.directives,
        log.results.len(),
        log.broken,
        stored.redelivered,
        log.refused,
    );
    assert!(log.directives.len() >= LEAST && log.results.len() >= LEAST, "too little was done to show anything");
    assert!(fruitful as u64 >= KILLS * 8 / 10, "only {fruitful} lives of {KILLS} did anything");
}
