//! An MCP server that says what a test tells it to and notes what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::AbortHandle,
};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub verb: Method,
    /// What its URL asks for.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null if it has none.
    pub body: Value,
}

impl Seen {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The JSON-RPC method, or the HTTP method where there is none.
    pub fn what(&self) -> &str {
        self.body["method"].as_str().unwrap_or(self.verb.as_str())
    }
}

type Script = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

/// The server; it ends when it is dropped.
pub struct Fake {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    news: mpsc::UnboundedReceiver<Seen>,
    task: AbortHandle,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Answers each request with what `script` makes of it.
    pub async fn start(script: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (tell, news) = mpsc::unbounded_channel();
        let script: Script = Arc::new(script);
        let app = Router::new().fallback(answer).with_state((script, Arc::clone(&seen), tell));
        let task = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Fake { url, seen, news, task }
    }

    /// Waits for a request of this kind, as [`Seen::what`] names it.
    pub async fn wait_for(&mut self, what: &str) -> Seen {
        let wait = async {
            loop {
                let seen = self.news.recv().await.unwrap();
                if seen.what() == what {
                    return seen;
                }
            }
        };
        tokio::time::timeout(super::forwarder::PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {what} came"))
    }

    /// Everything that was asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.what().to_owned()).collect()
    }
}

type Shared = (Script, Arc<Mutex<Vec<Seen>>>, mpsc::UnboundedSender<Seen>);

async fn answer(
    State((script, all, tell)): State<Shared>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = uri.query().unwrap_or_default().to_owned();
    let seen = Seen { verb, query, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    let response = script(&seen);
    all.lock().unwrap().push(seen.clone());
    // The test may have seen enough.
    let _ = tell.send(seen);
    response
}

/// A JSON answer.
pub fn json(status: u16, body: &Value) -> Response {
    raw(status, "application/json", body.to_string())
}

/// Any answer.
pub fn raw(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap()
}

/// Nothing but a status.
pub fn empty(status: u16) -> Response {
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Body::empty()).unwrap()
}

/// A stream of these chunks that ends properly.
pub fn events(chunks: &[&[u8]]) -> Response {
    raw(200, "text/event-stream", Body::from_stream(chunked(chunks)))
}

/// A stream of these chunks that stays open.
pub fn open_events(chunks: &[&[u8]]) -> Response {
    raw(200, "text/event-stream", Body::from_stream(chunked(chunks).chain(stream::pending())))
}

/// A stream of these chunks that breaks off when it is told to.
pub fn broken_events(chunks: &[&[u8]], told: Arc<Notify>) -> Response {
    let end = stream::once(async move {
        told.notified().await;
        Err(std::io::Error::other("cut"))
    });
    raw(200, "text/event-stream; charset=utf-8", Body::from_stream(chunked(chunks).chain(end)))
}

fn chunked(chunks: &[&[u8]]) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    // Each chunk a moment after the one before, so that they are not sent as one.
    let chunks: Vec<_> = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
    stream::iter(chunks).then(|chunk| async move {
        tokio::task::yield_now().await;
        Ok(chunk)
    })
}
