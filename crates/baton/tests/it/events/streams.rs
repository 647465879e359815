//! Streams that end: by the listener or by the server.

use std::fs;

use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn listeners_that_vanish_leave_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("few.toml");
    fs::write(&config, "limits = { event_streams = 8 }\n").unwrap();
    let server = Server::start(BATON, &["--config", &config.display().to_string()]).await.unwrap();
    let files = || fs::read_dir(format!("/proc/{}/fd", server.pid().unwrap())).unwrap().count();
    let status = async || server.client().get(url(&server, "")).send().await.unwrap().status().as_u16();
    let mut before = None;
    for round in 0..20 {
        let listeners = join_all((0..8).map(|_| listen(&server, ""))).await;
        assert_eq!(status().await, 429, "round {round}");
        add(&server, 3).await;
        drop(listeners);
        let freed = async {
            while status().await != 200 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, freed).await.expect("the places are given back");
        before.get_or_insert_with(&files);
    }
    let settled = async {
        while files() > before.unwrap() + 8 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, settled).await.expect("connections do not pile up");
}

#[tokio::test]
async fn a_server_that_stops_ends_every_stream_in_time() {
    let mut server = server().await;
    let mut listeners = join_all((0..50).map(|_| listen(&server, ""))).await;
    let ids = add(&server, 20).await;
    let ending = async {
        let status = server.terminate().await.unwrap();
        assert!(status.success());
    };
    let (heard, ()) = tokio::join!(join_all(listeners.iter_mut().map(async |listener| listener.rest().await)), ending);
    assert!(!server.log().contains("they are cut"), "{}", server.log());
    server.restart(Port::Same).await.unwrap();
    // What the end kept from them they hear afterwards.
    for (listener, mut heard) in listeners.iter().zip(heard) {
        let mut again = Listener::open(&url(&server, ""), None, listener.place.as_deref()).await;
        heard.extend(again.frames(ids.len() - heard.len()).await);
        assert_eq!(heard.iter().map(|frame| frame.id).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    }
}
