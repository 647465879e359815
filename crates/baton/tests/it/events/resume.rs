//! Taking a stream up again where it broke off.

use super::*;

#[tokio::test]
async fn nothing_is_lost_or_told_twice_over_a_kill_of_the_server() {
    let mut server = server().await;
    let mut heard: Vec<i64> = Vec::new();
    let mut ids = Vec::new();
    let mut place = None;
    for round in 0..3 {
        let mut listener = Listener::open(&url(&server, "?kind=directive.*"), None, place.as_deref()).await;
        // The server is killed while events are on their way.
        ids.extend(add(&server, 200).await);
        let part = listener.frames(30 + round * 50).await;
        server.kill9().await.unwrap();
        let rest = listener.rest().await;
        heard.extend(part.iter().chain(&rest).map(|frame| frame.id));
        place = listener.place;
        server.restart(if round == 0 { Port::Same } else { Port::Any }).await.unwrap();
    }
    let mut listener = Listener::open(&url(&server, "?kind=directive.*"), None, place.as_deref()).await;
    let truth: Vec<i64> = told_elsewhere(&server, &ids).await.into_keys().collect();
    heard.extend(listener.frames(truth.len() - heard.len()).await.iter().map(|frame| frame.id));
    assert_eq!(heard, truth, "every acknowledged directive was heard of once");
}

#[tokio::test]
async fn the_place_is_told_before_the_first_event_and_the_header_wins() {
    let server = server().await;
    add(&server, 5).await;
    let first = listen(&server, "").await;
    assert_eq!(first.place.as_deref(), Some("5"), "where it begins");
    drop(first);
    add(&server, 2).await;
    let mut again = Listener::open(&url(&server, "?after=1"), None, Some("5")).await;
    assert_eq!(again.frames(2).await.iter().map(|frame| frame.id).collect::<Vec<_>>(), [6, 7]);
    let mut all = listen(&server, "?after=0").await;
    assert_eq!(all.frames(7).await[0].id, 1);
    let mut end = listen(&server, "?after=7").await;
    let added = add(&server, 1).await;
    assert_eq!(end.frames(1).await[0].data["data"]["directive_id"], json!(added[0]));
}

#[tokio::test]
async fn one_that_is_far_behind_catches_up_from_the_table_while_more_is_written() {
    const BEFORE: usize = 6_000; // more than memory keeps
    let server = server().await;
    let mut present = listen(&server, "").await;
    add(&server, BEFORE).await;
    let mut late = listen(&server, "?after=0").await;
    let (_, late, present) = tokio::join!(add(&server, 500), late.frames(BEFORE + 500), present.frames(BEFORE + 500));
    let ids = |frames: &[Frame]| frames.iter().map(|frame| frame.id).collect::<Vec<_>>();
    assert_eq!(ids(&late), (1..=6_500).collect::<Vec<_>>());
    assert_eq!(ids(&present), ids(&late));
}
