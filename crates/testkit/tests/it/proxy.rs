//! The proxy in front of a server that sends a known number of bytes.

use std::{net::SocketAddr, time::Duration};

use baton_testkit::{
    http,
    proxy::{Cut, Proxy, random_cuts},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Answers every request with 1,000 bytes; with nothing at all to one that holds `silent`.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let read = socket.read(&mut request).await.unwrap();
                if !request[..read].windows(6).any(|window| window == b"silent") {
                    socket.write_all(&[b'x'; 1000]).await.unwrap();
                }
                // Until the other side goes.
                let _ = socket.read(&mut request).await;
            });
        }
    });
    address
}

/// Sends a request and reads to the end: what came, and whether the connection was reset.
async fn exchange(proxy: &Proxy, request: &str) -> (usize, bool) {
    let address = proxy.url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut came = 0;
    let mut buffer = [0; 256];
    loop {
        match tokio::time::timeout(Duration::from_secs(10), socket.read(&mut buffer)).await.unwrap() {
            Ok(0) => return (came, false),
            Ok(read) => came += read,
            Err(_) => return (came, true),
        }
    }
}

#[tokio::test]
async fn a_connection_is_cut_at_its_byte() {
    let proxy = Proxy::start(server().await, || Cut::AfterBytes(700)).await.unwrap();
    let (came, _) = exchange(&proxy, "hello").await;
    assert!(came <= 700, "{came} bytes came through");
    assert_eq!(proxy.cuts(), 1);
}

#[tokio::test]
async fn a_cut_at_byte_0_waits_for_the_answer() {
    let proxy = Proxy::start(server().await, || Cut::AfterBytes(0)).await.unwrap();
    assert_eq!(exchange(&proxy, "hello").await, (0, true));
    assert_eq!(proxy.cuts(), 1);
}

#[tokio::test]
async fn a_connection_is_cut_after_its_delay() {
    let proxy = Proxy::start(server().await, || Cut::AfterDelay(Duration::from_millis(50))).await.unwrap();
    assert_eq!(exchange(&proxy, "silent").await, (0, true));
    assert_eq!(proxy.cuts(), 1);
}

#[tokio::test]
async fn without_a_cut_everything_passes() {
    let upstream = axum::Router::new().route("/", axum::routing::get(|| async { "whole" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let running = tokio::spawn(async move { axum::serve(listener, upstream).await.unwrap() });
    let proxy = Proxy::start(address, || Cut::Never).await.unwrap();
    let answer = http::read(http::client().get(proxy.url()).send().await.unwrap()).await.unwrap();
    assert_eq!(answer, (200, "whole".into()));
    assert_eq!(proxy.cuts(), 0);
    running.abort();
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let plan = |seed| {
        let cuts = random_cuts(seed, 0..=5000, Duration::ZERO..=Duration::from_millis(20));
        std::iter::repeat_with(cuts).take(100).collect::<Vec<_>>()
    };
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
    assert!(plan(7).iter().any(|cut| matches!(cut, Cut::AfterBytes(_))));
    assert!(plan(7).iter().any(|cut| matches!(cut, Cut::AfterDelay(_))));
}
