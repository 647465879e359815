//! The outbox: what its statements cost, and what they leave alone.

use baton_model::{Millis, webhook::DeliveryState};
use baton_store::{
    Tx,
    delivery::{self, NewDelivery, Outcome},
    retention,
    webhook::{self, Endpoint},
};

use crate::House;

fn endpoint(id: &str) -> Endpoint {
    Endpoint {
        id: id.to_owned(),
        owner: "local".to_owned(),
        url: format!("https://hooks.example/{id}"),
        events: vec!["directive_completed".to_owned()],
        everybody: true,
        description: None,
        secrets: "sealed".to_owned(),
        enabled: true,
        reason: None,
        created_at: 1,
        changed_at: 1,
    }
}

async fn fill(house: &House, lane: &'static str, count: usize, at: Millis) {
    let filled = house.store.write(async move |tx: &mut Tx<'_>| {
        if webhook::get(tx, lane).await?.is_none() {
            webhook::insert(tx, &endpoint(lane)).await?;
        }
        for n in 0..count {
            let new = NewDelivery {
                id: format!("{lane}-{n:05}"),
                owner: "local",
                webhook_id: lane,
                lane,
                url: "https://hooks.example/",
                kind: "directive_completed",
                directive_id: None,
                body: "{}",
                at,
            };
            delivery::insert(tx, &new).await?;
        }
        Ok::<_, baton_store::Error>(())
    });
    filled.await.unwrap();
}

/// Forgets until there is nothing more to forget; answers in how many batches.
async fn sweep(house: &House) -> usize {
    let mut batches = 0;
    while house
        .store
        .write_in_background(async move |tx: &mut Tx<'_>| retention::forget(tx, &retention::Before::default()).await)
        .await
        .unwrap()
    {
        batches += 1;
    }
    batches
}

#[tokio::test]
async fn a_removed_endpoint_is_gone_at_once_and_its_rows_a_batch_at_a_time() {
    let house = House::new();
    for lane in ["a", "b"] {
        fill(&house, lane, 1_000, 10).await;
    }
    house.store.write(async move |tx: &mut Tx<'_>| webhook::remove(tx, "a").await).await.unwrap();
    let read = house.store.read(async move |tx: &mut Tx<'_>| {
        let (found, at) = (webhook::get(tx, "a").await?, webhook::find(tx, "local", &endpoint("a").url).await?);
        let (all, delivery) = (webhook::list(tx, None, "", 9).await?.len(), delivery::get(tx, "a-00001").await?);
        Ok::<_, baton_store::Error>((found.is_some(), at.is_some(), all, delivery.is_some()))
    });
    assert_eq!(read.await.unwrap(), (false, false, 1, false));
    let twice = house.store.write(async move |tx: &mut Tx<'_>| webhook::remove(tx, "a").await).await;
    assert!(twice.is_err(), "it is not there any more");

    // Its URL is free again while its rows still go.
    let again = Endpoint { id: "c".to_owned(), ..endpoint("a") };
    house.store.write(async move |tx: &mut Tx<'_>| webhook::insert(tx, &again).await).await.unwrap();
    assert_eq!(house.count("select count(*) from delivery where webhook_id = 'a'").await, 1_000);
    assert_eq!(sweep(&house).await, 6, "five batches of 200, then the row");
    assert_eq!(house.count("select count(*) from delivery").await, 1_000);
    assert_eq!(house.count("select count(*) from webhook").await, 2);
}

#[tokio::test]
async fn due_lanes_and_rows_are_found_in_their_indexes() {
    let house = House::new();
    let plans = [
        ("select min(lane) from delivery where state = 'pending' and lane > 'x'", "INDEX delivery_"),
        ("select min(next_at) from delivery where state = 'pending' and lane = 'x'", "delivery_lane"),
        (
            "select id, webhook_id, attempts, next_at from delivery where state = 'pending' and lane = 'x' order by next_at limit 9",
            "delivery_lane",
        ),
        ("select 1 from delivery where state = 'pending' and lane = 'x' and opened_at <= 5 limit 1", "delivery_open"),
        ("select id from delivery where state = 'pending' and lane = 'x' and next_at > 5 limit 9", "delivery_lane"),
        ("select id from delivery where webhook_id = 'x' limit 200", "delivery_webhook"),
        ("select id from webhook where owner = '' limit 1", "INDEX"),
        (
            "select id from delivery where webhook_id = 'x' and id > 'y' and state in ('dead') order by id limit 9",
            "delivery_webhook",
        ),
    ];
    for (sql, index) in plans {
        let explained = format!("explain query plan {sql}");
        let plan =
            house.store.read(async move |tx: &mut Tx<'_>| tx.rows(&explained, &[], |row| row.get::<String>(3)).await);
        let plan = plan.await.unwrap().join("; ");
        assert!(plan.contains(index) && plan.starts_with("SEARCH") && !plan.contains("B-TREE"), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn a_start_looks_at_unfinished_directives_alone() {
    let house = House::new();
    for (state, index) in [
        ("queued", "directive_claim"),
        ("leased", "directive_lease"),
        ("scheduled", "directive_due"),
        ("waiting", "directive_waiting"),
    ] {
        let sql = format!(
            "explain query plan select 1 from directive where state = '{state}' and owner = 'x' \
             and request like '%\"webhook\":\"%' limit 1"
        );
        let plan = house.store.read(async move |tx: &mut Tx<'_>| tx.rows(&sql, &[], |row| row.get::<String>(3)).await);
        let plan = plan.await.unwrap().join("; ");
        assert!(plan.contains(index), "{state}: {plan}");
    }
}

#[tokio::test]
async fn lanes_are_paged_by_name_whatever_waits_in_them() {
    let house = House::new();
    for (lane, count, at) in [("b", 3, 20), ("a", 5_000, 10), ("c", 1, 30)] {
        fill(&house, lane, count, at).await;
    }
    let lanes = async |after: &'static str, limit| {
        house.store.read(async move |tx: &mut Tx<'_>| delivery::lanes(tx, after, limit).await).await.unwrap()
    };
    let named = |lanes: &[(String, Millis)]| lanes.iter().map(|(name, at)| format!("{name}{at}")).collect::<String>();
    assert_eq!(named(&lanes("", 2).await), "a10b20");
    assert_eq!(named(&lanes("b", 2).await), "c30");
    assert_eq!(lanes("c", 2).await, []);
}

#[tokio::test]
async fn an_outcome_changes_a_pending_delivery_alone_and_a_removed_endpoint_takes_all_with_it() {
    let house = House::new();
    fill(&house, "a", 2, 10).await;
    let outcome = |state, next_at| Outcome {
        id: "a-00000".to_owned(),
        at: 20,
        millis: 5,
        status: Some(204),
        error: None,
        answer: None,
        state,
        next_at,
    };
    for outcome in
        [outcome(DeliveryState::Pending, 90), outcome(DeliveryState::Delivered, 20), outcome(DeliveryState::Dead, 20)]
    {
        house.store.write(async move |tx: &mut Tx<'_>| delivery::record(tx, &outcome).await).await.unwrap();
    }
    let read = house.store.read(async move |tx: &mut Tx<'_>| {
        Ok::<_, baton_store::Error>((delivery::get(tx, "a-00000").await?, delivery::attempts(tx, "a-00000").await?))
    });
    let (stored, attempts) = read.await.unwrap();
    let stored = stored.unwrap().0;
    assert_eq!((stored.state, stored.attempts, stored.ended_at), (DeliveryState::Delivered, 2, Some(25)));
    assert_eq!(attempts.iter().map(|tried| tried.number).collect::<Vec<_>>(), [1, 2]);
    house.store.write(async move |tx: &mut Tx<'_>| webhook::remove(tx, "a").await).await.unwrap();
    sweep(&house).await;
    assert_eq!(house.count("select count(*) from delivery").await, 0);
    assert_eq!(house.count("select count(*) from delivery_attempt").await, 0);
}

#[tokio::test]
async fn what_is_remembered_of_endpoints_is_what_is_committed() {
    let house = House::new();
    let told = async |number: i64| {
        let append = house.store.write(async move |tx: &mut Tx<'_>| {
            baton_store::event::append_public(tx, "directive_completed", number, serde_json::json!({})).await
        });
        append.await.unwrap();
        house.count("select count(*) from delivery").await
    };
    assert_eq!(told(1).await, 0);
    // Read after the change and inside the transaction that is taken back: it must not be remembered.
    let broken = house.store.write(async move |tx: &mut Tx<'_>| {
        webhook::insert(tx, &endpoint("a")).await?;
        baton_store::event::append_public(tx, "directive_completed", 2, serde_json::json!({})).await?;
        Err::<(), _>(baton_store::Error::Unreadable("as if something went wrong".to_owned()))
    });
    assert!(broken.await.is_err());
    assert_eq!(told(3).await, 0);
    house.store.write(async move |tx: &mut Tx<'_>| webhook::insert(tx, &endpoint("a")).await).await.unwrap();
    assert_eq!(told(4).await, 1);
    let off = Endpoint { enabled: false, ..endpoint("a") };
    house.store.write(async move |tx: &mut Tx<'_>| webhook::update(tx, &off).await).await.unwrap();
    assert_eq!(told(5).await, 1);
    house.store.write(async move |tx: &mut Tx<'_>| webhook::update(tx, &endpoint("a")).await).await.unwrap();
    assert_eq!(told(6).await, 2);
    house.store.write(async move |tx: &mut Tx<'_>| webhook::remove(tx, "a").await).await.unwrap();
    sweep(&house).await;
    assert_eq!(told(7).await, 0, "with the endpoint goes what was for it");
}
