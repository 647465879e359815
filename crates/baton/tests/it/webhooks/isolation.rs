//! A thousand results to five endpoints, one of which is dead.

use std::collections::BTreeSet;

use baton_testkit::webhook_receiver::{Received, Receiver};

use super::mouth::Mouth;

const RESULTS: usize = 1_000;
const HEALTHY: [&str; 4] = ["/a", "/b", "/c", "/d"];

fn ids(received: &[Received]) -> BTreeSet<&str> {
    received.iter().map(Received::id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_delays_nobody_and_misses_nothing() {
    let mouth = Mouth::new("").await;
    let mut gone = Receiver::start().await.unwrap();
    let (dead, _) = mouth.hook(&gone.url("/hook")).await;
    let mut hooks = Vec::new();
    for path in HEALTHY {
        hooks.push((path, mouth.hook(&mouth.receiver.url(path)).await));
    }
    gone.down().await;
    mouth.finish_many(RESULTS).await;

    // The healthy ones have everything while the dead one has nothing.
    for (path, (hook, secret)) in &hooks {
        let received = mouth.receiver.wait_for(path, RESULTS).await.unwrap();
        assert_eq!((received.len(), ids(&received).len()), (RESULTS, RESULTS), "{path}: each once");
        received[RESULTS - 1].verify(secret).unwrap();
        mouth.drained(hook).await;
    }
    assert_eq!(mouth.counts(&dead).await, [RESULTS as i64, 0, 0]);
    let listed = mouth.get(&format!("/api/webhooks/{dead}/deliveries?limit=1000")).await;
    let tried: i64 = listed["items"].as_array().unwrap().iter().map(|one| one["attempts"].as_i64().unwrap()).sum();
    assert!((1..=20).contains(&tried), "a dead endpoint is called now and then, not {tried} times");

    gone.up().await.unwrap();
    let received = gone.wait_until("/hook", |received| ids(received).len() == RESULTS).await.unwrap();
    mouth.drained(&dead).await;
    assert_eq!(mouth.counts(&dead).await, [0, RESULTS as i64, 0]);
    println!(
        "{RESULTS} results to {} healthy endpoints while one was dead, which was called {tried} times; then it got all, {} \
         of them twice",
        HEALTHY.len(),
        received.len() - RESULTS
    );
}
