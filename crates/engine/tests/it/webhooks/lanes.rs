//! Who waits for whom, and who does not.

use std::collections::BTreeSet;

use baton_model::{DirectiveRequest, webhook::DeliveryState};
use baton_testkit::webhook_receiver::{Receiver, Reply};

use super::yard::{SECOND, Yard};
use crate::house::directive;

/// Calls to an endpoint that answers none before it is taken to be down.
const AT_MOST: usize = 3;

#[tokio::test]
async fn a_dead_endpoint_holds_nobody_up_and_gets_everything_when_it_is_back() {
    const MESSAGES: usize = 600;
    let yard = Yard::new().await;
    let mut gone = Receiver::start().await.unwrap();
    // Made first: its rows stand before the others' in every order.
    let dead = yard.hook_at(&gone.url("/hook")).await;
    let (healthy, too) = (yard.hook("/healthy").await, yard.hook("/too").await);
    gone.down().await;
    for n in 0..MESSAGES {
        yard.finish(&format!("{n}")).await;
    }
    let attempts = yard.deliver().await;
    assert_eq!((yard.came("/healthy"), yard.came("/too")), (MESSAGES, MESSAGES));
    assert!(attempts - 2 * MESSAGES <= AT_MOST, "the dead one was called {} times", attempts - 2 * MESSAGES);
    assert_eq!(yard.endpoint(&dead.id).await.pending, MESSAGES as i64);

    // An hour later it has been probed now and then, one at a time, and what is new still reaches the others at once.
    let mut probes = 0;
    for _ in 0..3600 {
        probes += yard.after(SECOND).await;
    }
    assert!((8..=15).contains(&probes), "{probes} probes in an hour");
    yard.finish("late").await;
    assert_eq!(yard.deliver().await, 2);

    gone.up().await.unwrap();
    let (mut waited, mut made) = (0, 0);
    while made == 0 {
        made = yard.after(SECOND).await;
        waited += 1;
    }
    assert!(waited <= 660, "it was back for {waited} s before anybody looked");
    assert_eq!(made, MESSAGES + 1, "all of it comes at once");
    let ids: BTreeSet<String> = gone.received("/hook").iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids.len(), MESSAGES + 1);
    for hook in [dead, healthy, too] {
        let shown = yard.endpoint(&hook.id).await;
        assert_eq!((shown.pending, shown.delivered), (0, MESSAGES as i64 + 1), "{}", hook.url);
    }
}

#[tokio::test]
async fn more_dead_hosts_than_calls_at_a_time_hold_nobody_up() {
    let yard = Yard::new().await;
    const HOSTS: usize = 1_200;
    for n in 0..HOSTS {
        // Port 1 of as many addresses of this machine: nobody listens there.
        let webhook = Some(format!("http://127.1.{}.{}:1/hook", n / 250, n % 250 + 1));
        yard.finish_this(DirectiveRequest { webhook, ..directive("tell") }).await;
    }
    yard.hook("/healthy").await;
    yard.finish("tell").await;
    assert_eq!(yard.deliver().await, HOSTS + 1, "each lane is seen");
    assert_eq!(yard.came("/healthy"), 1);
    assert_eq!(yard.deliver().await, 0);
    assert_eq!(yard.after(6 * SECOND).await, HOSTS);
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_called_by_few_at_a_time() {
    let yard = Yard::new().await;
    let silent = yard.hook("/silent").await;
    yard.hook("/healthy").await;
    yard.receiver.script("/silent", [Reply::Silence]);
    for n in 0..50 {
        yard.finish(&format!("{n}")).await;
    }
    yard.deliver().await;
    assert_eq!(yard.came("/healthy"), 50);
    assert!(yard.came("/silent") <= AT_MOST, "{}", yard.came("/silent"));
    assert_eq!(yard.endpoint(&silent.id).await.pending, 50);
}

#[tokio::test]
async fn a_poisoned_message_follows_its_own_schedule_and_holds_nobody_up() {
    let yard = Yard::new().await;
    yard.receiver.script("/poison", [Reply::Status(500)]);
    // One lane: the URLs in a principal's directives at one host.
    let poison = [yard.finish_with("/poison").await, yard.finish_with("/poison").await];
    yard.deliver().await;
    for n in 1..=150 {
        yard.house.clock.advance(SECOND);
        yard.finish_with("/good").await;
        yard.deliver().await;
        assert_eq!(yard.came("/good"), n, "each at once");
    }
    for id in &poison {
        let failed = &yard.of(id).await[0];
        assert_eq!((failed.state, failed.attempts), (DeliveryState::Pending, 4), "after 0, 5, 20 and 65 s");
    }
}

#[tokio::test]
async fn a_probe_takes_what_has_failed_least_often() {
    let yard = Yard::new().await;
    yard.receiver.script("/poison", [Reply::Status(500)]);
    yard.finish_with("/good").await;
    yard.deliver().await;
    for _ in 0..4 {
        yard.finish_with("/poison").await;
    }
    yard.deliver().await;
    yard.finish_with("/good").await;
    assert_eq!(yard.deliver().await, 0, "four failed in a row: the lane is down");
    assert!(yard.after(6 * SECOND).await >= 1);
    assert_eq!(yard.came("/good"), 2);
    // And up again, although the poisoned ones go on failing.
    yard.finish_with("/good").await;
    yard.deliver().await;
    assert_eq!(yard.came("/good"), 3);
}

#[tokio::test]
async fn somebody_who_tries_an_endpoint_out_need_not_wait_for_the_next_probe() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Status(500)]);
    for n in 0..5 {
        yard.finish(&format!("{n}")).await;
    }
    yard.deliver().await;
    for _ in 0..600 {
        yard.after(SECOND).await;
    }
    yard.receiver.script("/hook", [Reply::Status(204)]);
    assert_eq!(yard.deliver().await, 0);
    yard.house.engine.test_webhook(&yard.house.who, &hook.id).await.unwrap();
    assert_eq!(yard.deliver().await, 6, "the test, and all that waited");
    assert_eq!(yard.endpoint(&hook.id).await.pending, 0);
}

#[tokio::test]
async fn principals_do_not_share_a_lane() {
    let yard = Yard::new().await;
    let mine = yard.finish_with("/mine").await;
    yard.deliver().await;
    let lanes: BTreeSet<String> = yard.of(&mine).await.iter().map(|one| one.webhook_id.clone()).collect();
    let signer = yard.endpoint(lanes.first().unwrap()).await;
    assert_eq!((signer.url.as_str(), signer.owner.as_str()), ("", "local"));
    let refused = yard.house.engine.remove_webhook(&yard.house.who, &signer.id).await.unwrap_err().to_string();
    assert!(refused.contains("signs"), "{refused}");
}
