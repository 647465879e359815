//! Delivery as it runs by itself, with wakes and an end.

use baton_model::webhook::DeliveryState;
use baton_testkit::webhook_receiver::Reply;
use tokio_util::sync::CancellationToken;

use super::yard::{SECOND, Yard};

struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(yard: &Yard) -> Self {
        let (stop, engine) = (CancellationToken::new(), yard.house.engine.clone());
        let until = stop.clone();
        Running { stop, task: tokio::spawn(async move { engine.run_background(until).await }) }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_new_goes_out_and_what_failed_when_its_time_comes() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Status(500), Reply::Status(204)]);
    let running = Running::start(&yard);
    yard.finish("tell").await;
    yard.receiver.wait_for("/hook", 1).await.unwrap();
    while yard.only(&hook.id).await.attempts == 0 {
        tokio::task::yield_now().await; // its time counts from when it failed
    }
    yard.house.clock.advance(10 * SECOND);
    yard.receiver.wait_for("/hook", 2).await.unwrap();
    running.end().await;
    assert_eq!(yard.only(&hook.id).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_stop_lets_calls_end_and_begins_none() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Silence]);
    let running = Running::start(&yard);
    yard.finish("tell").await;
    yard.receiver.wait_for("/hook", 1).await.unwrap();
    running.end().await;
    let failed = yard.only(&hook.id).await;
    assert_eq!((failed.state, failed.attempts), (DeliveryState::Pending, 1), "what came of it is in the table");
    assert!(failed.error.unwrap().contains("no answer"));
    yard.finish("tell more").await;
    assert_eq!(yard.came(""), 1);
    // Whoever comes next takes over.
    yard.receiver.script("/hook", [Reply::Status(204)]);
    assert_eq!(yard.after(10 * SECOND).await, 2);
}

#[tokio::test]
async fn many_messages_arrive_once_each() {
    let yard = Yard::new().await;
    let hooks = [yard.hook("/a").await, yard.hook("/b").await];
    let running = Running::start(&yard);
    for n in 0..300 {
        yard.finish(&format!("{n}")).await;
    }
    for path in ["/a", "/b"] {
        let received = yard.receiver.wait_for(path, 300).await.unwrap();
        let ids: std::collections::BTreeSet<&str> = received.iter().map(|one| one.id()).collect();
        assert_eq!((ids.len(), received.len()), (300, 300), "{path}");
    }
    running.end().await;
    for hook in hooks {
        let shown = yard.endpoint(&hook.id).await;
        assert_eq!((shown.pending, shown.delivered), (0, 300));
    }
}
