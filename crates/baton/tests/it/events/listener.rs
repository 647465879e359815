//! A listener that reads frames as they come.

use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// One event, or a gap.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its place in the log; 0 for a gap.
    pub id: i64,
    /// Its kind.
    pub event: String,
    /// Its document.
    pub data: Value,
}

/// An open stream.
pub struct Listener {
    response: reqwest::Response,
    rest: Vec<u8>,
    /// The place that was told last, by an event or by a comment.
    pub place: Option<String>,
}

impl Listener {
    /// Opens it and waits until the server says that it is connected.
    pub async fn open(url: &str, token: Option<&str>, last: Option<&str>) -> Self {
        let mut request = baton_testkit::http::client().get(url);
        request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        let response = timeout(PATIENCE, request.send()).await.expect("it is answered").unwrap();
        assert_eq!(response.status(), 200, "{url}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut listener = Listener { response, rest: Vec::new(), place: None };
        let first = listener.block().await.expect("the first frame");
        assert!(first.starts_with(": connected\nid: "), "{first}");
        listener.place = first.lines().find_map(|line| line.strip_prefix("id: ")).map(str::to_owned);
        listener
    }

    /// The next event or gap; none when the stream has ended.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            if let Some(id) = field("id") {
                self.place = Some(id.to_owned());
            }
            if let Some(data) = field("data") {
                let id = field("id").map_or(0, |id| id.parse().unwrap());
                let data: Value = serde_json::from_str(data).unwrap();
                let event = field("event").unwrap().to_owned();
                if event != "gap" {
                    assert_eq!((&data["id"], &data["type"]), (&id.to_string().into(), &event.as_str().into()));
                }
                return Some(Frame { id, event, data });
            }
        }
    }

    /// So many events; they must come, and in order.
    pub async fn frames(&mut self, count: usize) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::with_capacity(count);
        while frames.len() < count {
            let next = timeout(PATIENCE, self.frame()).await;
            let next = next.unwrap_or_else(|_| panic!("only {} of {count} events came", frames.len()));
            let next = next.unwrap_or_else(|| panic!("the stream ended after {} of {count} events", frames.len()));
            assert!(frames.last().is_none_or(|last| last.id < next.id), "{next:?} came after {:?}", frames.last());
            frames.push(next);
        }
        frames
    }

    /// Everything up to its end; a connection that is cut is an end, too.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = timeout(PATIENCE, self.frame()).await.expect("the stream ends") {
            frames.push(frame);
        }
        frames
    }

    /// The text up to the next empty line.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block = self.rest.drain(..end + 2).collect();
                return Some(String::from_utf8(block).unwrap());
            }
            self.rest.extend_from_slice(&self.response.chunk().await.ok().flatten()?);
        }
    }
}
