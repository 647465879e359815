//! Events that are no longer kept.

use std::fs;

use rusqlite::Connection;

use super::*;

/// What retention does, at once.
fn forget(server: &Server, up_to: i64) {
    let database = Connection::open(server.data_dir().join("baton.db")).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    let gone = database.execute("delete from event where seq <= ?1", [up_to]).unwrap();
    assert!(gone > 0);
}

#[tokio::test]
async fn what_is_asked_for_and_no_longer_kept_is_told_as_a_gap() {
    let server = server().await;
    add(&server, 10).await;
    forget(&server, 6);
    let mut early = listen(&server, "?after=2").await;
    let gap = early.frame().await.unwrap();
    assert_eq!((gap.event.as_str(), &gap.data), ("gap", &json!({"after": "2", "oldest": "7"})));
    assert_eq!(early.frames(4).await[0].id, 7);
    let mut fitting = listen(&server, "?after=6").await;
    assert_eq!(fitting.frames(1).await[0].id, 7, "nothing is missing here");
}

#[tokio::test]
async fn where_nothing_is_kept_the_stream_waits_for_what_comes() {
    let server = server().await;
    add(&server, 10).await;
    forget(&server, 10);
    let mut early = listen(&server, "?after=2").await;
    let gap = early.frame().await.unwrap();
    assert_eq!((gap.event.as_str(), &gap.data), ("gap", &json!({"after": "2", "oldest": "11"})));
    let mut now = listen(&server, "").await;
    assert_eq!(now.place.as_deref(), Some("10"));
    // It waits and does not look again and again: that would be all the time there is.
    let before = cpu(&server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = cpu(&server) - before;
    assert!(spent < 50, "{spent} ticks of 10 ms in a second in which nothing happened");
    add(&server, 1).await;
    assert_eq!((early.frames(1).await[0].id, now.frames(1).await[0].id), (11, 11));
}

#[tokio::test]
async fn what_is_forgotten_before_a_slow_reader_comes_to_it_is_a_gap_too() {
    const COUNT: i64 = 20_000;
    let server = server().await;
    let mut slow = slow::ask(server.address().unwrap(), "").await;
    // Far more than what fits into the buffers on the way, and into memory.
    add(&server, usize::try_from(COUNT).unwrap()).await;
    forget(&server, COUNT - 10);
    let seen = slow::read_on(&mut slow, COUNT, "event: gap").await;
    let places: Vec<i64> = seen.iter().copied().filter(|place| *place > 0).collect();
    let told: Vec<usize> = (0..seen.len()).filter(|at| seen[*at] == 0).collect();
    assert_eq!(told.len(), 1, "one gap, not {told:?}");
    assert!(places.is_sorted() && places.ends_with(&((COUNT - 9)..=COUNT).collect::<Vec<_>>()));
    let before = &places[..told[0]];
    assert_eq!(before, (1..=i64::try_from(before.len()).unwrap()).collect::<Vec<_>>(), "nothing is missing before it");
    assert_eq!(seen[told[0] + 1], COUNT - 9);
}

/// Ticks of 10 ms on the processors so far.
fn cpu(server: &Server) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid().unwrap())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
