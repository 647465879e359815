//! When a message is tried again, and when it is given up.

use baton_engine::webhooks::{Replay, Which};
use baton_model::{
    Millis, clock,
    webhook::{DeliveryState, EndpointChange},
};
use baton_testkit::webhook_receiver::Reply;

use super::yard::{DAY, SECOND, Yard};

/// Tries the one delivery of an endpoint until it ends; answers when each attempt was, from the first.
async fn attempts(yard: &Yard, webhook: &str) -> Vec<Millis> {
    let start = yard.house.engine.now();
    let mut at = Vec::new();
    loop {
        assert_eq!(yard.deliver().await, 1);
        at.push(yard.house.engine.now() - start);
        if yard.only(webhook).await.state != DeliveryState::Pending {
            return at;
        }
        let wait = yard.wait_of(webhook).await;
        assert_eq!(yard.after(wait - 1).await, 0, "nothing before its time");
        yard.house.clock.advance(1);
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_for_three_days_and_then_it_is_a_dead_letter_that_can_be_replayed() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Status(500)]);
    let directive = yard.finish("tell").await;
    let at = attempts(&yard, &hook.id).await;
    assert!((4 * SECOND..=10 * SECOND).contains(&at[1]), "the first retry: {at:?}");
    assert!(
        at.windows(2)
            .skip(1)
            .zip(at.windows(2).skip(2))
            .all(|(a, b)| b[1] - b[0] > a[1] - a[0] || b[1] - b[0] > DAY / 4)
    );
    assert!((12..=20).contains(&at.len()), "{at:?}");
    assert_eq!(*at.last().unwrap(), 3 * DAY, "the last attempt is made when the time is up");

    let dead = yard.only(&hook.id).await;
    assert_eq!((dead.state, dead.attempts, dead.status), (DeliveryState::Dead, at.len() as i64, Some(500)));
    assert_eq!(dead.error.as_deref(), Some("it answered 500 Internal Server Error"));
    let told = yard.house.show(&directive).await.events;
    let told = told.iter().find(|event| event.kind == "webhook.dead").expect("its owner is told");
    assert_eq!(
        (&told.data["delivery_id"], &told.data["webhook_id"]),
        (&dead.id.clone().into(), &hook.id.clone().into())
    );
    assert_eq!(yard.after(3 * DAY).await, 0);

    // Replayed, it has the whole schedule before it again, under the same id.
    let replay = Replay::Range { since: None, until: None, which: Which::Dead };
    assert_eq!(yard.house.engine.replay(&yard.house.who, &hook.id, replay).await.unwrap(), 1);
    let again = attempts(&yard, &hook.id).await;
    assert_eq!(again.len(), at.len());
    yard.receiver.script("/hook", [Reply::Status(204)]);
    let one = Replay::One(dead.id.clone());
    assert_eq!(yard.house.engine.replay(&yard.house.who, &hook.id, one.clone()).await.unwrap(), 1);
    assert_eq!(
        yard.house.engine.replay(&yard.house.who, &hook.id, one).await.unwrap_err().to_string(),
        format!("delivery `{}` is still pending: it is tried again by itself", dead.id)
    );
    assert_eq!(yard.deliver().await, 1);
    let delivered = yard.only(&hook.id).await;
    assert_eq!(
        (delivered.state, delivered.error, delivered.created_at),
        (DeliveryState::Delivered, None, dead.created_at)
    );
    let received = yard.receiver.received("/hook");
    assert_eq!(received.len(), 2 * at.len() + 1);
    assert!(received.iter().all(|one| one.id() == dead.id && one.body == received[0].body));
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let date = "Fri, 20 Nov 2026 11:00:00 GMT"; // two hours after the clock's beginning
    yard.receiver.script(
        "/hook",
        [Reply::RetryAfter(429, "120".into()), Reply::RetryAfter(503, date.into()), Reply::Status(204)],
    );
    yard.finish("tell").await;
    assert_eq!(yard.deliver().await, 1);
    assert_eq!(yard.wait_of(&hook.id).await, 120 * SECOND);
    assert_eq!(yard.after(119 * SECOND).await, 0);
    // The whole endpoint is left alone, not only that message.
    let second = yard.finish("tell more").await;
    assert_eq!(yard.deliver().await, 0);
    assert_eq!(yard.after(SECOND).await, 1, "one tries whether it has rested enough");
    // It asks for two hours; nobody but that message waits for more than one.
    assert_eq!(yard.after(3_600 * SECOND - SECOND).await, 0);
    assert_eq!(yard.after(SECOND).await, 2, "it has, and the other follows at once");
    assert_eq!(yard.of(&second).await[0].state, DeliveryState::Delivered);
    assert_eq!(yard.deliveries(&hook.id, Some(DeliveryState::Pending)).await.len(), 0);
}

#[tokio::test]
async fn a_long_rest_holds_for_its_message_and_others_are_tried_after_an_hour() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::RetryAfter(429, "172800".into()), Reply::Status(204)]);
    yard.finish("tell").await;
    yard.deliver().await;
    assert_eq!(yard.after(2 * 3_600 * SECOND).await, 0, "it alone waits, and two days are two days");
    assert_eq!(yard.wait_of(&hook.id).await, 2 * DAY - 2 * 3_600 * SECOND);
    let second = yard.finish("tell more").await;
    assert_eq!(yard.deliver().await, 2, "what is new shows that the endpoint is back, and the first follows");
    assert_eq!(yard.of(&second).await[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_test_a_replay_and_a_switch_end_a_rest() {
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    for way in ["test", "replay", "switch"] {
        let hook = yard.hook(&format!("/{way}")).await;
        let (status, rest) = (Reply::Status(204), Reply::RetryAfter(503, "172800".into()));
        yard.receiver.script(&format!("/{way}"), [status, rest, Reply::Status(204)]);
        let sent = engine.test_webhook(who, &hook.id).await.unwrap();
        yard.deliver().await;
        let held = engine.test_webhook(who, &hook.id).await.unwrap();
        assert_eq!(yard.deliver().await, 1);
        assert_eq!(yard.after(60 * SECOND).await, 0, "{way}: it rests");
        match way {
            "test" => _ = engine.test_webhook(who, &hook.id).await.unwrap(),
            "replay" => _ = engine.replay(who, &hook.id, Replay::One(sent)).await.unwrap(),
            _ => {
                let on = EndpointChange { enabled: Some(true), ..EndpointChange::default() };
                engine.change_webhook(who, &hook.id, on).await.unwrap();
            }
        }
        assert_eq!(yard.deliver().await, if way == "switch" { 1 } else { 2 }, "{way}");
        assert_eq!(engine.delivery(who, &held).await.unwrap().state, DeliveryState::Delivered, "{way}");
    }
}

#[tokio::test]
async fn however_long_an_endpoint_wants_to_rest_it_is_three_days_at_most() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::RetryAfter(429, "99999999999".into()), Reply::Status(204)]);
    yard.finish("tell").await;
    yard.deliver().await;
    assert_eq!(yard.wait_of(&hook.id).await, 3 * DAY);
    assert_eq!(yard.after(3 * DAY).await, 0, "what nobody was let try in time is given up");
    let dead = yard.only(&hook.id).await;
    assert_eq!((dead.state, dead.attempts), (DeliveryState::Dead, 1));
}

#[tokio::test]
async fn what_waits_goes_on_after_a_restart() {
    let mut yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::HangUp, Reply::Status(204)]);
    yard.finish("tell").await;
    assert_eq!(yard.deliver().await, 1);
    yard.finish("tell more").await;
    yard.house.restart();
    yard.allow(&["127.0.0.0/8"]);
    assert_eq!(yard.deliver().await, 1, "what had not been tried");
    assert_eq!(yard.after(6 * SECOND).await, 1, "what had failed, when its time has come");
    let ids: Vec<String> = yard.receiver.received("/hook").iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(yard.deliveries(&hook.id, Some(DeliveryState::Delivered)).await.len(), 2);
}

#[tokio::test]
async fn a_range_is_replayed_by_when_its_messages_were_made() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let mut made = Vec::new();
    for n in 0..3 {
        yard.finish(&format!("tell {n}")).await;
        made.push(yard.house.engine.now());
        assert_eq!(yard.deliver().await, 1);
        yard.house.clock.advance(60 * SECOND);
    }
    let range =
        |since: usize, until: usize, which| Replay::Range { since: Some(made[since]), until: Some(made[until]), which };
    let replay = async |replay| yard.house.engine.replay(&yard.house.who, &hook.id, replay).await.unwrap();
    assert_eq!(replay(range(0, 2, Which::Dead)).await, 0);
    for _ in 0..2 {
        assert_eq!(replay(range(0, 2, Which::All)).await, 2, "once and once more");
        assert_eq!(yard.deliver().await, 2);
    }
    assert_eq!(yard.came("/hook"), 7);
    let first = &yard.deliveries(&hook.id, None).await;
    assert!(first.iter().any(|one| one.created_at == clock::iso(made[0])));
}
