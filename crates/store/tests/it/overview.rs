//! What pages show of the whole queue.

use baton_model::{Priority, State, view::DirectiveFilter};
use baton_store::{
    Tx,
    directive::{self, DirectiveRow, Ending, FinalResult, MinuteCount},
};

use crate::{House, row};

/// A directive that ended so at that moment.
async fn ended(house: &House, row: DirectiveRow, state: State, now: i64) {
    house.insert(row.clone()).await;
    let result = FinalResult {
        success: state == State::Completed,
        result: "r".to_owned(),
        error: None,
        execution_time: None,
        metadata: serde_json::Map::new(),
    };
    let ending = Ending { state, result: Some(result), now, note: serde_json::Map::new() };
    house.store.write(async move |tx: &mut Tx<'_>| directive::end(tx, &row, &ending).await).await.unwrap();
}

fn ids(rows: &[DirectiveRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test]
async fn the_queue_is_shown_in_the_order_in_which_it_is_handed_out() {
    let house = House::new();
    for (id, priority, ready_at, agent) in [
        ("a", Priority::Low, 1, ""),
        ("b", Priority::High, 3, ""),
        ("c", Priority::High, 2, "bot"),
        ("d", Priority::Urgent, 9, "other"),
        ("e", Priority::Medium, 1, ""),
    ] {
        let agent = agent.to_owned();
        house.insert(DirectiveRow { agent, ..row(id, priority, ready_at) }).await;
    }
    let scheduled = |id, at| DirectiveRow { state: State::Scheduled, ..row(id, Priority::Medium, at) };
    house.insert(scheduled("f", 90)).await;
    house.insert(scheduled("g", 80)).await;
    let mine = DirectiveRow { owner: "ci".to_owned(), ..row("h", Priority::Low, 5) };
    house.insert(mine).await;
    let open = house.store.read(async |tx: &mut Tx<'_>| directive::open(tx, None, 4).await).await.unwrap();
    assert_eq!(ids(&open.queued), ["d", "c", "b", "e"]);
    assert_eq!(ids(&open.scheduled), ["g", "f"]);
    let open = house.store.read(async |tx: &mut Tx<'_>| directive::open(tx, Some("ci"), 4).await).await.unwrap();
    assert_eq!((ids(&open.queued), open.scheduled.len()), (vec!["h"], 0), "others' rows are not its business");
}

#[tokio::test]
async fn only_failures_that_nothing_came_of_are_in_need() {
    let house = House::new();
    let plain = |id| row(id, Priority::Medium, 1);
    ended(&house, plain("a"), State::Completed, 100).await;
    ended(&house, plain("b"), State::Failed, 100).await;
    ended(&house, plain("c"), State::Failed, 300).await;
    ended(&house, plain("d"), State::Dead, 200).await;
    ended(&house, plain("e"), State::Failed, 50).await;
    house.insert(DirectiveRow { parent: Some("b".to_owned()), ..plain("f") }).await;
    let read = async |owner: Option<&'static str>, limit| {
        let found = house.store.read(async move |tx: &mut Tx<'_>| directive::in_need(tx, owner, 60, limit).await);
        ids(&found.await.unwrap()).join(" ")
    };
    assert_eq!(read(None, 9).await, "c d");
    assert_eq!(read(None, 1).await, "c");
    assert_eq!(read(Some("ci"), 9).await, "");
}

#[tokio::test]
async fn results_are_counted_by_the_minute_settled_ones_apart() {
    let house = House::new();
    for (id, state, now) in [
        ("a", State::Completed, 59_999),
        ("b", State::Completed, 60_000),
        ("c", State::Failed, 60_001),
        ("d", State::Dead, 119_000),
        ("e", State::Completed, 120_000),
    ] {
        ended(&house, row(id, Priority::Medium, 1), state, now).await;
    }
    let count = async |owner: Option<&'static str>| {
        let counted =
            house.store.read(async move |tx: &mut Tx<'_>| directive::by_minute(tx, owner, 60_000, 100_000).await);
        counted.await.unwrap()
    };
    let minute = |minute, settled, succeeded, failed| MinuteCount { minute, settled, succeeded, failed };
    assert_eq!(count(None).await, [minute(1, false, 0, 1), minute(1, true, 1, 1), minute(2, false, 1, 0)]);
    assert_eq!(count(Some("ci")).await, []);
}

#[tokio::test]
async fn a_text_is_found_as_it_stands() {
    let house = House::new();
    for (id, body) in [("a1", "100% sure"), ("a2", "Under_score"), ("b1", "nothing of the kind")] {
        house.insert(DirectiveRow { body: body.to_owned(), ..row(id, Priority::Medium, 1) }).await;
    }
    let search = async |text: &'static str, before: Option<&'static str>| {
        let filter = DirectiveFilter::default();
        let found =
            house.store.read(async move |tx: &mut Tx<'_>| directive::search(tx, None, &filter, text, before, 9).await);
        ids(&found.await.unwrap()).join(" ")
    };
    for (text, before, found) in [
        ("%", None, "a1"),
        ("under_SCORE", None, "a2"),
        ("d", None, "b1 a2"),
        ("d", Some("b1"), "a2"),
        ("A", None, "a2 a1"),
        ("'", None, ""),
    ] {
        assert_eq!(search(text, before).await, found, "{text} {before:?}");
    }
}
