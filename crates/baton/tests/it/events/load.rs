//! Many writers, many listeners: each hears all that fits, once and in order.

use futures_util::future::join_all;

use super::*;

/// Whether a kind of event fits.
type Fits = fn(&str) -> bool;

#[tokio::test]
async fn every_listener_hears_what_fits_in_order_and_nothing_twice() {
    const COUNT: usize = 300;
    let server = server().await;
    let marked = add(&server, 1).await;
    let (one, other) = (&marked[0], "01a1f906-0000-7000-8000-000000000000");
    let queries: [(String, Fits); 7] = [
        ("?after=0".to_owned(), |_| true),
        ("?after=0&kind=directive.*".to_owned(), |kind| kind.starts_with("directive.")),
        ("?after=0&kind=directive.completed".to_owned(), |kind| kind == "directive.completed"),
        ("?after=0&kind=directive.queued,directive.leased".to_owned(), |kind| {
            kind == "directive.queued" || kind == "directive.leased"
        }),
        ("?after=0&kind=directive.queued&kind=monitoring.*".to_owned(), |kind| {
            kind == "directive.queued" || kind.starts_with("monitoring.")
        }),
        (format!("?after=0&directive_id={one}"), |_| true),
        (format!("?after=0&directive_id={other}&kind=*"), |_| false),
    ];
    let mut early = Vec::new();
    for (query, _) in &queries {
        early.push(listen(&server, query).await);
    }
    let (mut ids, ()) = tokio::join!(add(&server, COUNT), async {
        let mut more = listen(&server, "?kind=directive.queued").await;
        assert!(more.frame().await.is_some(), "it hears what happens from now on");
    });
    work(&server, COUNT + 1).await;
    ids.extend(marked.clone());
    let truth = told_elsewhere(&server, &ids).await;
    assert_eq!(truth.len(), 3 * (COUNT + 1), "queued, leased, completed");

    let mut heard = 0;
    for ((query, fits), early) in queries.iter().zip(&mut early) {
        let own: BTreeMap<i64, String> = match query.contains("directive_id=") {
            true if query.contains(one.as_str()) => told_elsewhere(&server, &marked).await,
            true => BTreeMap::new(),
            false => truth.clone(),
        };
        let expected: Vec<(i64, String)> = own.into_iter().filter(|(_, kind)| fits(kind)).collect();
        // One that was there from the beginning, and one that reads it all from the table.
        let mut late = listen(&server, query).await;
        for listener in [early, &mut late] {
            let mut frames: Vec<Frame> = Vec::new();
            while frames.iter().filter(|frame| frame.event.starts_with("directive.")).count() < expected.len() {
                frames.extend(listener.frames(1).await);
            }
            assert!(frames.is_sorted_by(|a, b| a.id < b.id), "{query}");
            assert!(frames.iter().all(|frame| fits(&frame.event)), "{query}");
            let told = frames.into_iter().filter(|frame| frame.event.starts_with("directive."));
            let told: Vec<(i64, String)> = told.map(|frame| (frame.id, frame.event)).collect();
            assert_eq!(told, expected, "{query}");
            heard += told.len();
        }
    }
    println!("{} events, {heard} heard", truth.len());
}

#[tokio::test]
async fn two_hundred_listeners_lose_nothing() {
    const COUNT: usize = 500;
    let server = server().await;
    let mut listeners = join_all((0..200).map(|_| listen(&server, ""))).await;
    let (ids, heard) = tokio::join!(
        add(&server, COUNT),
        join_all(listeners.iter_mut().map(async |listener| listener.frames(COUNT).await))
    );
    let truth: Vec<i64> = told_elsewhere(&server, &ids).await.into_keys().collect();
    for frames in &heard {
        assert_eq!(frames.iter().map(|frame| frame.id).collect::<Vec<_>>(), truth);
    }
    println!("{} listeners, {} events each", heard.len(), truth.len());
}
