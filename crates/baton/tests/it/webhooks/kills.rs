//! `kill -9` while messages are on their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use baton_testkit::{server::Port, webhook_receiver::Reply};

use super::mouth::Mouth;

const LIVES: usize = 6;
const RESULTS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_during_deliveries_loses_nothing() {
    let mut mouth = Mouth::new("").await;
    let mut hooks = Vec::new();
    for path in ["/quick", "/shaky"] {
        hooks.push((path, mouth.hook(&mouth.receiver.url(path)).await));
    }
    // One in four fails: seldom the same message twice, so that nothing waits for long.
    let well = || std::iter::repeat_n(Reply::Status(204), 3);
    let shaky = [Reply::HangUp].into_iter().chain(well()).chain([Reply::Status(500)]).chain(well());
    mouth.receiver.script("/shaky", shaky.collect::<Vec<_>>().into_iter().cycle().take(200));
    let mut interrupted = 0;
    for life in 1..=LIVES {
        mouth.finish_many(RESULTS).await;
        // In the middle: something has arrived, something has not.
        let enough = (life - 1) * RESULTS + 20;
        mouth.receiver.wait_for("/quick", enough).await.unwrap();
        let pending: i64 = mouth.counts(&hooks[0].1.0).await[0] + mouth.counts(&hooks[1].1.0).await[0];
        interrupted += usize::from(pending > 0);
        mouth.server.kill9().await.unwrap();
        mouth.server.restart(Port::Any).await.unwrap();
    }
    let all = LIVES * RESULTS;
    let (mut arrived, mut twice) = (0, 0);
    for (path, (hook, secret)) in &hooks {
        if tokio::time::timeout(Duration::from_secs(120), mouth.drained(hook)).await.is_err() {
            panic!("{path}: {}", mouth.get(&format!("/api/webhooks/{hook}/deliveries?state=pending")).await);
        }
        assert_eq!(mouth.counts(hook).await, [0, all as i64, 0], "{path}");
        let received = mouth.receiver.received(path);
        let mut bodies: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
        for one in &received {
            one.verify(secret).unwrap();
            bodies.entry(one.id()).or_default().insert(&one.body);
        }
        assert_eq!(bodies.len(), all, "{path}: one id for each result");
        assert!(bodies.values().all(|bodies| bodies.len() == 1), "{path}: the same id is the same message");
        (arrived, twice) = (arrived + bodies.len(), twice + received.len() - bodies.len());
    }
    println!(
        "{LIVES} kills, {interrupted} amid deliveries: {arrived} messages arrived, 0 lost; {twice} calls were repeats"
    );
    assert!(interrupted > 0, "nothing was ever under way");
}
