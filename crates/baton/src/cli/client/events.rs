//! The server's stream of events, as frames.

use std::time::Duration;

use reqwest::{Method, Response};

use super::{Client, Trouble, broken};

/// How long a stream may be silent: the server says every 15 s that it is alive.
const SILENCE: Duration = Duration::from_secs(50);

/// One frame of a stream (HTML, section 9.2.6). One that only tells the place has neither kind nor data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The place in the log that has been reached, if it is told.
    pub id: Option<String>,
    /// `directive.queued`, `gap`, …
    pub event: String,
    /// A JSON document.
    pub data: String,
}

/// A stream that is open. Dropping it ends it.
pub struct EventStream {
    response: Response,
    cutter: Cutter,
    url: String,
}

impl Client {
    /// Opens the stream of events, after the place `last` if one is known.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn events(&self, query: &[(&str, String)], last: Option<&str>) -> Result<EventStream, Trouble> {
        let mut request = self.unlimited(Method::GET, "/api/events").query(query);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let silent = |_| Trouble::Broken { url: self.url.clone(), why: "it is silent".to_owned() };
        let response = tokio::time::timeout(SILENCE, self.begin(request)).await.map_err(silent)??;
        if !response.status().is_success() {
            self.read(response).await?;
            return Err(Trouble::Garbled { why: "a refusal that is none".to_owned() });
        }
        Ok(EventStream { response, cutter: Cutter::default(), url: self.url.clone() })
    }
}

impl EventStream {
    /// Waits for the next frames; none when the server ends the stream. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection breaks or the server is silent for too long.
    pub async fn next(&mut self) -> Result<Option<Vec<Frame>>, Trouble> {
        loop {
            let silent = |_| Trouble::Broken { url: self.url.clone(), why: "it is silent".to_owned() };
            let read = tokio::time::timeout(SILENCE, self.response.chunk()).await.map_err(silent)?;
            let Some(bytes) = read.map_err(|error| broken(&self.url, &error))? else { return Ok(None) };
            let frames = self.cutter.feed(&bytes);
            if !frames.is_empty() {
                return Ok(Some(frames));
            }
        }
    }
}

/// Cuts a stream into its frames.
#[derive(Default)]
struct Cutter {
    line: Vec<u8>,
    frame: Frame,
}

impl Cutter {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                frames.extend(self.take(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        frames
    }

    /// Takes a line; the empty one that ends a frame gives it.
    fn take(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            return Some(std::mem::take(&mut self.frame)).filter(|frame| *frame != Frame::default());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.frame.event),
            "data" => self.frame.data.push_str(value),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let stream = ": connected\nid: 6\n\n: nothing\n\nid: 7\r\nevent: directive.queued\r\ndata: {\"é\":\r\n\
                      data: 1}\r\n\r\nretry\nevent:gap\ndata:{}\n\nid: 8\n";
        let frame = |id: Option<&str>, event: &str, data: &str| Frame {
            id: id.map(str::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
        };
        for size in [1, 5, stream.len()] {
            let mut cutter = Cutter::default();
            let frames: Vec<Frame> = stream.as_bytes().chunks(size).flat_map(|bytes| cutter.feed(bytes)).collect();
            let expected =
                [frame(Some("6"), "", ""), frame(Some("7"), "directive.queued", "{\"é\":1}"), frame(None, "gap", "{}")];
            assert_eq!(frames, expected, "cut into {size}");
        }
    }
}
