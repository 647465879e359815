//! A listener: as little as possible between the wire and the figure.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// What a listener heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// From each event's `at` to its arrival, in milliseconds.
    pub lags: Vec<f64>,
    /// Events whose place was not behind the one before.
    pub disorder: usize,
    last: u64,
}

/// An open stream.
pub struct Listener {
    stream: TcpStream,
    rest: Vec<u8>,
    /// What it heard so far.
    pub heard: Heard,
}

impl Listener {
    /// Opens it and waits until it is said to be connected.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut rest = Vec::new();
        while !rest.windows(11).any(|window| window == b": connected") {
            let read = stream.read_buf(&mut rest).await?;
            ensure!(read > 0, "no stream: {}", String::from_utf8_lossy(&rest));
        }
        let end = rest.windows(11).position(|window| window == b": connected").unwrap_or_default();
        rest.drain(..end);
        Ok(Listener { stream, rest, heard: Heard::default() })
    }

    /// Listens until it has heard so many events.
    ///
    /// # Errors
    /// If the stream ends before.
    pub async fn hear(&mut self, expected: usize) -> Result<Heard> {
        self.heard.lags.reserve(expected);
        while self.heard.lags.len() < expected {
            let read = self.stream.read_buf(&mut self.rest).await?;
            ensure!(read > 0, "the stream ended after {} events", self.heard.lags.len());
            let now = time_of_day();
            while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let heard = &mut self.heard;
                if let Some((place, at)) = event(self.rest.get(..end).unwrap_or_default()) {
                    heard.disorder += usize::from(place <= heard.last);
                    heard.last = place;
                    heard.lags.push(((now + DAY - at) % DAY) as f64);
                }
                self.rest.drain(..end + 2);
            }
        }
        Ok(std::mem::take(&mut self.heard))
    }
}

/// Place and time of day of an event; none for a comment.
fn event(block: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(block).ok()?;
    let (_, at) = text.split_once("\"at\":\"")?;
    let place = text.split_once("id: ")?.1.lines().next()?.parse().ok()?;
    let (_, time) = at.split_once('T')?;
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<u64>().ok();
    let seconds = number(0, 2)? * 3600 + number(3, 5)? * 60 + number(6, 8)?;
    Some((place, seconds * 1000 + number(9, 12)?))
}

/// Milliseconds since midnight (UTC), by the clock that the server stamps events with.
#[expect(clippy::disallowed_methods, reason = "the server's stamps are compared with the machine's clock")]
pub fn time_of_day() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970");
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0) % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_both_servers_are_read() {
        let at = 13 * 3_600_000 + 61_007;
        let bare = format!("id: 7\n{}", super::super::bare::frame(3, at));
        assert_eq!(event(bare.as_bytes()), Some((7, at)));
        assert_eq!(event(b"1f\r\n: keep-alive\nid: 9"), None);
    }
}
