//! The messages in an HTTP answer: one JSON document, or a stream of events.

use std::{collections::VecDeque, time::Duration};

use reqwest::{
    Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::value::RawValue;

use super::{message::Reply, sse::Reader};
use crate::cli::client::{Problem, Trouble, broken};

/// How long to wait before a broken stream is taken up again, unless the server says.
const RETRY: Duration = Duration::from_secs(1);
/// The longest that a server may ask to wait.
const LONGEST_RETRY: u64 = 30_000;

/// Messages, as they come.
pub struct Answers {
    response: Response,
    events: Option<Reader>,
    ready: VecDeque<Reply>,
    ended: bool,
}

impl Answers {
    /// Reads an answer of any status.
    ///
    /// # Errors
    /// When it is an error without a JSON-RPC message, or breaks off.
    pub async fn of(response: Response) -> Result<Self, Trouble> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if response.status().is_success() && kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream") {
            return Ok(Answers { response, events: Some(Reader::default()), ready: VecDeque::new(), ended: false });
        }
        whole(response).await
    }

    /// The next message; none at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Reply>, Trouble> {
        loop {
            if let Some(reply) = self.ready.pop_front() {
                return Ok(Some(reply));
            }
            let Some(events) = self.events.as_mut().filter(|_| !self.ended) else { return Ok(None) };
            match self.response.chunk().await.map_err(|error| broken(self.response.url().as_str(), &error))? {
                Some(chunk) => {
                    for text in events.feed(&chunk) {
                        match Reply::read(&text) {
                            Some(reply) => self.ready.push_back(reply),
                            None => eprintln!("baton mcp: left out an event that is no JSON-RPC message"),
                        }
                    }
                }
                None => self.ended = true,
            }
        }
    }

    /// Where the stream can be taken up again, if the server offers that, and how long to wait before.
    pub fn resume_at(&self) -> Option<(String, Duration)> {
        let events = self.events.as_ref()?;
        let wait = events.retry().map_or(RETRY, |millis| Duration::from_millis(millis.min(LONGEST_RETRY)));
        Some((events.last_id()?.to_owned(), wait))
    }
}

async fn whole(mut response: Response) -> Result<Answers, Trouble> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(response.url().as_str(), &error))? {
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&body);
    let ready: VecDeque<Reply> = match serde_json::from_str::<Vec<Box<RawValue>>>(&text) {
        Ok(several) => several.iter().filter_map(|one| Reply::read(one.get())).collect(),
        Err(_) => Reply::read(&text).into_iter().collect(),
    };
    if ready.is_empty() && !status.is_success() {
        return Err(Trouble::Refused(Box::new(Problem::read(status, &text, retry_after))));
    }
    if ready.is_empty() && !text.trim().is_empty() {
        return Err(Trouble::Garbled { why: "it is no JSON-RPC message".to_owned() });
    }
    Ok(Answers { response, events: None, ready, ended: true })
}
