//! Statements that the use cases do not reach, or whose cost is promised.

use baton_model::{Priority, State};
use baton_store::{Tx, directive, event, retention};
use serde_json::json;

use crate::{House, row};

#[tokio::test]
async fn lists_and_claims_find_their_indexes() {
    let house = House::new();
    let plans = [
        (
            "select priority, ready_at, id from directive where state = 'queued' and agent = '' order by priority, ready_at, id limit 1",
            "directive_claim",
        ),
        (
            "select id from directive where state = 'scheduled' and ready_at <= 5 order by ready_at limit 9",
            "directive_due",
        ),
        (
            "select id from directive where state = 'leased' and lease_ends_at <= 5 order by lease_ends_at limit 9",
            "directive_lease",
        ),
        (
            "select id from directive where success is not null and (ended_at, id) < (5, 'x') order by ended_at desc, id desc limit 9",
            "directive_result",
        ),
        (
            "select id from directive where id < 'x' and state = 'failed' and state in ('failed', 'dead', 'cancelled') order by id desc limit 9",
            "directive_faulty",
        ),
        ("select id from directive where parent = 'x' order by id limit 9", "directive_parent"),
        (
            "select t.directive_id from directive_tag t where t.tag = 'x' and t.queued and t.agent = '' order by t.priority, t.ready_at, t.directive_id limit 1",
            "directive_tag_claim",
        ),
    ];
    for (sql, index) in plans {
        let sql = format!("explain query plan {sql}");
        let plan = house.store.read(async move |tx: &mut Tx<'_>| tx.rows(&sql, &[], |row| row.get::<String>(3)).await);
        let plan = plan.await.unwrap().join("; ");
        assert!(plan.contains(index) && !plan.contains("B-TREE"), "{index}: {plan}");
    }
}

#[tokio::test]
async fn old_rows_are_forgotten_in_batches_and_young_ones_stay() {
    let house = House::new();
    let filled = house.store.write(async move |tx: &mut Tx<'_>| {
        for n in 0..450 {
            event::append(tx, "k", "o", "d", n, json!({})).await?;
        }
        Ok::<_, baton_store::Error>(())
    });
    filled.await.unwrap();
    for n in 0..3 {
        let mut ended = row(&format!("d{n}"), Priority::Medium, 1);
        ended.request.tags = vec!["t".to_owned()];
        house.insert(ended.clone()).await;
        let end = house.store.write(async move |tx: &mut Tx<'_>| {
            let state = State::Cancelled;
            let ending = directive::Ending { state, result: None, now: n * 100, note: serde_json::Map::new() };
            directive::end(tx, &ended, &ending).await
        });
        end.await.unwrap();
    }
    let before = retention::Before { events: Some(400), results: Some(150), transcripts: None, now: 1_000 };
    let forget = async || {
        house
            .store
            .write_in_background(async move |tx: &mut Tx<'_>| retention::forget(tx, &before).await)
            .await
            .unwrap()
    };
    let mut batches = 0;
    while forget().await {
        batches += 1;
    }
    assert_eq!(batches, 3, "200 events, 200 more, and the rest");
    assert_eq!(house.count("select count(*) from event where directive_id = 'd'").await, 50);
    assert_eq!(house.count("select count(*) from directive").await, 1);
    assert_eq!(house.count("select count(*) from directive_tag").await, 1);
}

#[tokio::test]
async fn a_write_to_a_row_that_has_moved_on_is_an_error() {
    let house = House::new();
    let a = row("a", Priority::Medium, 1);
    house.insert(a.clone()).await;
    let stale = directive::DirectiveRow { attempt: 7, ..a };
    let expired = house.store.write(async move |tx: &mut Tx<'_>| directive::expire(tx, &stale, 2).await).await;
    assert!(matches!(expired, Err(baton_store::Error::Rows { rows: 0, expected: 1, .. })));
}
