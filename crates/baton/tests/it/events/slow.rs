//! Readers that stop reading.

use std::{fs, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::*;

/// A connection that has asked for the stream, takes little in advance, and is read by the test alone.
pub async fn ask(address: SocketAddr, query: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET /api/events{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.windows(11).any(|window| window == b": connected") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "{}", String::from_utf8_lossy(&head));
    }
    stream
}

/// The places that follow, until the one that is last; 0 for a frame that holds `gap`.
pub async fn read_on(stream: &mut TcpStream, last: i64, gap: &str) -> Vec<i64> {
    let (mut text, mut seen) = (String::new(), Vec::new());
    let mut buffer = vec![0; 65_536];
    while seen.last() != Some(&last) {
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("more comes").unwrap();
        assert_ne!(read, 0, "it ended after {seen:?}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        // Sizes of chunks stand between frames, never inside one that was written whole.
        while let Some((block, rest)) = text.split_once("\n\n") {
            let id = block.lines().find_map(|line| line.strip_prefix("id: "));
            if block.contains(gap) {
                seen.push(0);
            } else if block.contains("\ndata: ") {
                seen.push(id.unwrap().parse().unwrap());
            }
            text = rest.to_owned();
        }
    }
    seen
}

fn memory(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn one_that_stops_reading_loses_nothing_and_holds_up_nobody() {
    const COUNT: usize = 20_000;
    let server = server().await;
    let address = server.address().unwrap();
    let mut slow = ask(address, "").await;
    // So many that what is kept for each would show: 40 times 20,000 events are some 200 MB.
    let mut others = Vec::new();
    for _ in 0..40 {
        others.push(ask(address, "").await);
    }
    let mut quick = listen(&server, "").await;
    add(&server, 500).await;
    let before = memory(&server);
    let (_, frames) = tokio::join!(add(&server, COUNT - 500), quick.frames(COUNT));
    let grown = memory(&server).saturating_sub(before);
    assert_eq!(frames.last().unwrap().id, i64::try_from(COUNT).unwrap());
    println!("41 listeners that do not read: the server has grown by {} KiB", grown / 1024);
    assert!(grown < 64 * 1024 * 1024, "what listeners do not read is held in memory: {grown} bytes more");
    let seen = read_on(&mut slow, i64::try_from(COUNT).unwrap(), "event: gap").await;
    assert_eq!(seen, (1..=i64::try_from(COUNT).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_byte_at_a_time_is_read_as_well() {
    let server = server().await;
    let mut slow = ask(server.address().unwrap(), "?kind=directive.queued").await;
    add(&server, 20).await;
    let mut text = Vec::new();
    while text.windows(5).filter(|window| window == b"\nid: ").count() < 21 {
        text.push(timeout(PATIENCE, slow.read_u8()).await.unwrap().unwrap());
    }
    assert_eq!(server.get("/health").await.unwrap().0, 200);
}
