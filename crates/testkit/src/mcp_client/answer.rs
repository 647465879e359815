//! The answer to one message: a JSON body, or a stream of events that ends with the response.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use reqwest::RequestBuilder;
use serde_json::Value;

/// What came back for one message.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The JSON-RPC response, error responses included; none for a notification or where the body is no JSON.
    pub response: Option<Value>,
    /// The other messages of the stream, in order: progress, log messages, requests of the server.
    pub notifications: Vec<Value>,
    /// The body as it came.
    pub body: String,
    /// From the sending to the first byte of the body, comments of a stream included; none for an empty body.
    pub first_byte: Option<Duration>,
    /// From the sending to the response.
    pub took: Duration,
}

impl Answer {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The `result` of the response.
    pub fn result(&self) -> Option<&Value> {
        self.response.as_ref()?.get("result")
    }

    /// The `error` of the response.
    pub fn error(&self) -> Option<&Value> {
        self.response.as_ref()?.get("error")
    }

    /// The one text block of a tool's result, as JSON.
    ///
    /// # Errors
    /// If there is no such block or it holds no JSON; the message holds the body.
    pub fn tool_json(&self) -> Result<Value> {
        let text = self.result().and_then(|result| result["content"][0]["text"].as_str());
        let text = text.with_context(|| format!("no text in {}", self.body))?;
        serde_json::from_str(text).with_context(|| format!("no JSON in {text}"))
    }
}

pub(super) async fn read(request: RequestBuilder, id: &Value) -> Result<Answer> {
    let start = now();
    let response = request.send().await?;
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        response: None,
        notifications: Vec::new(),
        body: String::new(),
        first_byte: None,
        took: Duration::ZERO,
    };
    let is_stream = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    let mut seen = 0;
    while let Some(chunk) = chunks.next().await {
        answer.first_byte.get_or_insert_with(|| start.elapsed());
        bytes.extend_from_slice(&chunk.with_context(|| format!("cut after {} bytes", bytes.len()))?);
        if is_stream && answer.take_events(&bytes, &mut seen, id) {
            break;
        }
    }
    answer.took = start.elapsed();
    answer.body = String::from_utf8_lossy(&bytes).into_owned();
    if !is_stream {
        answer.response = serde_json::from_slice(&bytes).ok();
    } else if answer.response.is_none() && !id.is_null() {
        bail!("the stream ended without a response: {}", answer.body);
    }
    Ok(answer)
}

impl Answer {
    /// Takes the events that are whole, from byte `seen` on; whether the response was among them.
    fn take_events(&mut self, bytes: &[u8], seen: &mut usize, id: &Value) -> bool {
        while let Some(length) = end_of_event(&bytes[*seen..]) {
            let event = String::from_utf8_lossy(&bytes[*seen..*seen + length]).into_owned();
            *seen += length;
            let data: Vec<_> =
                event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
            let Ok(message) = serde_json::from_str::<Value>(&data.join("\n")) else { continue };
            if message.get("method").is_none() && message["id"] == *id {
                self.response = Some(message);
                return true;
            }
            self.notifications.push(message);
        }
        false
    }
}

/// The length of the first event with the empty line that ends it, in either form of line ends.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let find = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end).map(|at| at + end.len());
    find(b"\n\n").into_iter().chain(find(b"\r\n\r\n")).min()
}

#[expect(clippy::disallowed_methods, reason = "measures real time on the wire; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}
