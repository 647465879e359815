//! Polls whose connection is cut: while they wait, between the claim and the answer, in the midst of the answer.

use std::time::Duration;

use baton_testkit::{
    proxy::{Proxy, random_cuts},
    server::Server,
};
use serde_json::Value;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, timeout},
};

use super::{
    check, config,
    crew::{Broken, Crew, Place, all_ended, meanwhile},
};

const CUTS: u64 = 1000;
const AGENTS: usize = 16;
/// A whole answer with a directive is longer than this, so that every cut by bytes hits.
const BYTES: u64 = 700;

/// A thousand cut polls: every directive is carried out all the same, none twice, and no poll waits on for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_polls_lose_nothing_and_leave_nobody_waiting() {
    let (_file, args) = config();
    let args = args.each_ref().map(String::as_str);
    let server = Server::start(env!("CARGO_BIN_EXE_baton"), &args).await.unwrap();
    server.post("/mcp/start_monitoring", &Value::Null).await.unwrap();
    let upstream = server.url().trim_start_matches("http://").parse().unwrap();
    let delays = Duration::from_millis(1)..=Duration::from_millis(40);
    let proxy = Proxy::start(upstream, random_cuts(20_261_121, 0..=BYTES, delays)).await.unwrap();

    let place = |url: String| watch::channel(Place { life: 0, url }).1;
    let (working, on) = watch::channel(true);
    let direct = Crew::new(place(server.url().to_owned()), on, Broken::TryAgain);
    // A connection for every poll, and polls that wait far longer than this test: only a cut ends them.
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let cut = Crew { place: place(proxy.url()), client, wait_seconds: 200, ..direct.clone() };
    let mut agents = JoinSet::new();
    for number in 0..AGENTS {
        agents.spawn(cut.clone().work(format!("cut-{number}")));
    }

    // Slowly, so that polls wait in between.
    let mut submitter = direct.clone();
    let mut ticks = interval(Duration::from_millis(10));
    let storm = async {
        for number in 0.. {
            if proxy.cuts() >= CUTS {
                break;
            }
            ticks.tick().await;
            submitter.submit(format!("directive-{number}")).await;
        }
    };
    let storm = timeout(Duration::from_secs(60), storm);
    meanwhile(&mut agents, storm).await.unwrap();
    let cuts = proxy.cuts();
    agents.shutdown().await;
    drop(proxy);
    check::queue(&server, "without waiting polls", |told| told["waiting_polls"] == 0).await;

    for number in 0..AGENTS {
        agents.spawn(direct.clone().work(format!("direct-{number}")));
    }
    meanwhile(&mut agents, check::drained(&server)).await;
    working.send(false).unwrap();
    all_ended(agents).await;

    let log = std::mem::take(&mut *direct.log());
    let stored = check::nothing_lost_nothing_twice(&server, &log).await;
    println!(
        "{cuts} connections cut: {} directives, all completed, none twice; {} requests broken off, {} directives handed \
         out again, {} stale results refused; 0 polls left waiting",
        stored.directives, log.broken, stored.redelivered, log.refused,
    );
    assert!(stored.directives >= 100, "only {} directives: too few to show anything", stored.directives);
    assert!(stored.redelivered > 0, "no cut hit between the claim and the end of the answer");
    assert!(log.broken >= CUTS * 8 / 10, "only {} requests were broken off", log.broken);
}
