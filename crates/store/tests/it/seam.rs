//! Transactions, groups, closures that misbehave, callers that go away.

use std::{
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
};

use baton_store::{Error, Json, Result, Signal, Store, Synchronous, Tx};

use crate::House;

const ADD: &str = "insert into agent (name, active, changed_at) values ($1, true, $2)";
const COUNT: &str = "select count(*) from agent";

async fn add(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    tx.execute_one("add", ADD, &[&name, &1_i64]).await
}

#[tokio::test]
async fn arguments_are_bound_by_number_not_by_first_appearance() {
    let house = House::new();
    let read = house.store.read(async move |tx: &mut Tx<'_>| {
        let sql = "select $2 || '-' || $1 || '-' || $2, $3";
        tx.one(sql, &[&"a", &"b", &7_i64], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?))).await
    });
    assert_eq!(read.await.unwrap(), ("b-a-b".to_owned(), 7));
    let missing =
        house.store.read(async move |tx: &mut Tx<'_>| tx.one("select $2", &[&1_i64], |row| row.get::<i64>(0)).await);
    assert!(matches!(missing.await, Err(Error::Sqlite(_))));
}

#[tokio::test]
async fn returning_nulls_and_json_pass_through() {
    let house = House::new();
    let written = house.store.write(async move |tx: &mut Tx<'_>| {
        let sql = "insert into event (kind, owner, directive_id, at, data) values ($1, 'o', $2, 3, $3) returning seq, directive_id, data";
        let json = Json(serde_json::json!({"a": [1, "ü"]}));
        tx.one(sql, &[&"k", &None::<String>, &json], |row| {
            Ok((row.get::<i64>(0)?, row.get::<Option<String>>(1)?, row.get::<Json<serde_json::Value>>(2)?.0))
        })
        .await
    });
    assert_eq!(written.await.unwrap(), (1, None, serde_json::json!({"a": [1, "ü"]})));
    let ran = house
        .store
        .write(async move |tx: &mut Tx<'_>| tx.execute("delete from event where seq = 1 returning seq", &[]).await);
    assert_eq!(ran.await.unwrap(), 1, "a statement with RETURNING can be executed");
}

#[tokio::test]
async fn one_failing_closure_of_a_group_takes_nobody_elses_work() {
    let house = House::new();
    let held = hold(&house.store);
    let mut writes = Vec::new();
    for n in 0..20 {
        let store = house.store.clone();
        writes.push(tokio::spawn(async move {
            let work = async move |tx: &mut Tx<'_>| {
                add(tx, &format!("agent {n}")).await?;
                match n % 4 {
                    1 => add(tx, &format!("agent {n}")).await, // breaks a constraint
                    2 => panic!("closure {n}"),
                    3 => Err(Error::Unreadable("refused".to_owned())),
                    _ => Ok(()),
                }
            };
            store.write(work).await
        }));
    }
    tokio::task::yield_now().await;
    held.send(()).unwrap();
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(write.await.unwrap());
    }
    for (n, outcome) in outcomes.iter().enumerate() {
        match n % 4 {
            0 => assert!(outcome.is_ok()),
            1 => assert!(matches!(outcome, Err(Error::Sqlite(_)))),
            2 => assert!(matches!(outcome, Err(Error::Panicked(text)) if *text == format!("closure {n}"))),
            _ => assert!(matches!(outcome, Err(Error::Unreadable(_)))),
        }
    }
    assert_eq!(house.count(COUNT).await, 5);
}

/// Keeps the writer busy until the sender is used, so that what comes meanwhile forms one group.
fn hold(store: &Store) -> mpsc::Sender<()> {
    let (release, wait) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel::<()>();
    let mut held = false;
    store.write_unattended(async move |_: &mut Tx<'_>| {
        if !std::mem::replace(&mut held, true) {
            let _ = began.send(());
            let _ = wait.recv();
        }
        Ok(())
    });
    begun.recv().unwrap();
    release
}

#[tokio::test]
async fn a_closure_that_waits_for_anything_else_is_refused() {
    let house = House::new();
    let pended = house.store.write(async move |tx: &mut Tx<'_>| {
        add(tx, "half").await?;
        tokio::task::yield_now().await;
        add(tx, "whole").await
    });
    assert!(matches!(pended.await, Err(Error::Pended)));
    assert_eq!(house.count(COUNT).await, 0);
}

/// Starts a write and polls it once, so that its closure is on its way.
fn start<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test]
async fn a_caller_that_goes_away_early_is_skipped() {
    let house = House::new();
    let held = hold(&house.store);
    {
        let mut write = pin!(house.store.write(async move |tx: &mut Tx<'_>| add(tx, "gone").await));
        start(&mut write);
    }
    held.send(()).unwrap();
    house.store.write(async move |tx: &mut Tx<'_>| add(tx, "here").await).await.unwrap();
    assert_eq!(house.count(COUNT).await, 1);
}

#[tokio::test]
async fn what_nobody_heard_of_is_undone() {
    let house = House::new();
    let undo = |name: &'static str| {
        Some(async move |tx: &mut Tx<'_>| tx.execute("delete from agent where name = $1", &[&name]).await.map(drop))
    };
    {
        // The closure itself tells that it ran, while its caller is still there; then the caller goes away unanswered.
        let (ran, running) = mpsc::channel::<()>();
        let work = async move |tx: &mut Tx<'_>| {
            add(tx, "unheard").await?;
            let _ = ran.send(());
            Ok::<_, Error>("unheard")
        };
        let held = hold(&house.store);
        let mut write = pin!(house.store.write_or_undo(work, undo));
        start(&mut write);
        held.send(()).unwrap();
        running.recv().unwrap();
        // Whether the answer has been sent or not when the caller goes, it is not read.
    }
    // Two more turns of the writer: the undoing stands in line before the second.
    for name in ["a", "b"] {
        house.store.write(async move |tx: &mut Tx<'_>| add(tx, name).await).await.unwrap();
    }
    house
        .store
        .write_or_undo(async move |tx: &mut Tx<'_>| add(tx, "heard").await.map(|()| "heard"), undo)
        .await
        .unwrap();
    house.store.write(async move |tx: &mut Tx<'_>| add(tx, "c").await).await.unwrap();
    let names = house.store.read(async move |tx: &mut Tx<'_>| {
        tx.rows("select name from agent order by 1", &[], |row| row.get::<String>(0)).await
    });
    assert_eq!(names.await.unwrap(), ["a", "b", "c", "heard"]);
}

#[tokio::test]
async fn signals_are_told_after_the_commit_and_only_then() {
    let house = House::new();
    let write = house.store.write(async move |tx: &mut Tx<'_>| {
        tx.signal(Signal::Alarm(5));
        Ok::<_, Error>(())
    });
    write.await.unwrap();
    let refused = house.store.write(async move |tx: &mut Tx<'_>| {
        tx.signal(Signal::Alarm(6));
        Err::<(), _>(Error::Unreadable("no".to_owned()))
    });
    refused.await.unwrap_err();
    assert_eq!(*house.signals.lock().unwrap(), [Signal::Alarm(5)]);
}

#[tokio::test]
async fn interactive_work_goes_before_background_work() {
    let house = House::new();
    let (order, seen) = mpsc::channel();
    let held = hold(&house.store);
    let note = |name: &'static str| {
        let order = order.clone();
        async move |_: &mut Tx<'_>| {
            let _ = order.send(name);
            Ok::<_, Error>(())
        }
    };
    let mut background = pin!(house.store.write_in_background(note("background")));
    start(&mut background);
    let mut interactive = pin!(house.store.write(note("interactive")));
    start(&mut interactive);
    held.send(()).unwrap();
    interactive.await.unwrap();
    background.await.unwrap();
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["interactive", "background"]);
}

#[tokio::test]
async fn readers_cannot_write() {
    let house = House::new();
    let written = house.store.read(async move |tx: &mut Tx<'_>| add(tx, "x").await).await;
    assert!(matches!(written, Err(Error::Sqlite(_))));
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_was_acknowledged() {
    let house = House::new();
    let limit = house.store.write(async move |tx: &mut Tx<'_>| {
        let pages: i64 = tx.one("pragma page_count", &[], |row| row.get(0)).await?;
        assert!(pages > 0);
        // SQLite answers SQLITE_FULL past this, as on a full disk.
        tx.rows(if pages < 150 { "pragma max_page_count = 150" } else { "select 1" }, &[], |_| Ok(())).await.map(drop)
    });
    limit.await.unwrap();
    let mut acknowledged = 0;
    let refused = loop {
        let work = async move |tx: &mut Tx<'_>| add(tx, &format!("{acknowledged}{}", "x".repeat(2000))).await;
        match house.store.write(work).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(refused.to_string().contains("full"), "{refused}");
    assert!(acknowledged > 50, "{acknowledged}");
    assert_eq!(house.count(COUNT).await, acknowledged);
    let room = house
        .store
        .write(async move |tx: &mut Tx<'_>| tx.rows("pragma max_page_count = 100000", &[], |_| Ok(())).await);
    room.await.unwrap();
    house.store.write(async move |tx: &mut Tx<'_>| add(tx, "room again").await).await.unwrap();
}

#[tokio::test]
async fn closing_does_what_is_in_line_and_then_refuses() {
    let house = House::new();
    let held = hold(&house.store);
    let store = house.store.clone();
    let last = tokio::spawn(async move { store.write(async move |tx: &mut Tx<'_>| add(tx, "last").await).await });
    tokio::task::yield_now().await;
    let store = house.store.clone();
    let closing = std::thread::spawn(move || store.close());
    held.send(()).unwrap();
    last.await.unwrap().unwrap();
    closing.join().unwrap();
    let late = house.store.write(async move |tx: &mut Tx<'_>| add(tx, "late").await).await;
    assert!(matches!(late, Err(Error::Closed)));
    let again = Store::open(&house.path, Synchronous::Full, Box::new(|_| ())).unwrap();
    let count = again.read(async move |tx: &mut Tx<'_>| tx.one(COUNT, &[], |row| row.get::<i64>(0)).await);
    assert_eq!(count.await.unwrap(), 1);
}
