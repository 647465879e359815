//! A stand-in of the Anthropic Messages API (`POST /v1/messages`), so that a real agent CLI runs without a model.
//!
//! A scenario is a script under a name; the CLI picks it by its base URL, `http://127.0.0.1:PORT/s/<scenario>`. A script
//! is a pure function of the request: what the model says next follows from the messages so far.
//!
//! ```no_run
//! # use baton_testkit::messages_api::{MessagesApi, Reply};
//! # async fn example() -> std::io::Result<()> {
//! let api = MessagesApi::start().await?;
//! let base_url = api.play("hello", |_| Reply::says("pong"));
//! # Ok(()) }
//! ```

pub mod queue_worker;
mod request;
mod sse;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub use request::Request;
use sse::Message;

/// Largest request that is read; a conversation of Claude Code is well under a megabyte.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// One piece of what the model says.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Words.
    Text(String),
    /// A call of a tool; the CLI runs it and sends its result with the next request.
    ToolUse {
        /// As the CLI knows it: `Bash`, `Write`, `mcp__<server>__<tool>`.
        name: String,
        /// The arguments, an object.
        input: Value,
    },
}

impl Block {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Block::Text(text.into())
    }

    /// A call of a tool.
    pub fn tool(name: impl Into<String>, input: Value) -> Self {
        Block::ToolUse { name: name.into(), input }
    }
}

/// How the stand-in answers one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole message; its stop reason is `tool_use` if it calls a tool, else `end_turn`.
    Message(Vec<Block>),
    /// An error of the API: status, `error.type`, `error.message`.
    Error(u16, &'static str, String),
    /// The beginning of a message, then the connection is cut.
    CutAfter(String),
    /// No answer at all, until the client goes.
    Silence,
}

impl Reply {
    /// A message of words only.
    pub fn says(text: impl Into<String>) -> Self {
        Reply::Message(vec![Block::text(text)])
    }
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

#[derive(Default)]
struct Shared {
    scripts: Mutex<BTreeMap<String, Script>>,
    requests: Mutex<Vec<Request>>,
    messages: AtomicU64,
}

/// The running stand-in; ends when dropped.
pub struct MessagesApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<io::Result<()>>,
}

impl MessagesApi {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(MessagesApi { address, shared, server })
    }

    /// Plays a script under a name and gives the base URL that selects it (`ANTHROPIC_BASE_URL`).
    pub fn play(&self, scenario: &str, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
        locked(&self.shared.scripts).insert(scenario.to_owned(), Arc::new(script));
        format!("http://{}/s/{scenario}", self.address)
    }

    /// Every request so far, in the order of arrival, without credentials.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).clone()
    }
}

impl Drop for MessagesApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A script that panicked has poisoned nothing that matters here: both maps are whole after every step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Shared>>, incoming: axum::extract::Request) -> Response {
    let (parts, body) = incoming.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return error(413, "request_too_large", "the request was cut or too large");
    };
    let request = Request::read(&parts, &body);
    locked(&shared.requests).push(request.clone());

    let endpoint = request.path.split('?').next().unwrap_or_default();
    match (&parts.method, endpoint) {
        (&Method::HEAD, _) => StatusCode::OK.into_response(),
        (&Method::POST, "/v1/messages/count_tokens") => Json(json!({"input_tokens": 1234})).into_response(),
        (&Method::POST, "/v1/messages") => reply(&shared, &request).await,
        (method, _) => error(404, "not_found_error", &format!("the stand-in has no {method} {endpoint}")),
    }
}

async fn reply(shared: &Shared, request: &Request) -> Response {
    let script = locked(&shared.scripts).get(&request.scenario).cloned();
    let reply = match script {
        None => Reply::Error(404, "not_found_error", format!("no scenario `{}` is played", request.scenario)),
        // The CLI asks for titles and summaries beside the conversation; these calls offer no tools.
        Some(_) if request.tools().is_empty() => Reply::says(r#"{"title": "stand-in"}"#),
        Some(script) => script(request),
    };
    let number = shared.messages.fetch_add(1, Ordering::Relaxed);
    match reply {
        Reply::Message(blocks) if request.wants_stream() => {
            stream(Message::new(number, request, blocks).events().into_iter().map(Ok))
        }
        Reply::Message(blocks) => Json(Message::new(number, request, blocks).whole()).into_response(),
        Reply::CutAfter(text) => {
            let events = Message::new(number, request, vec![Block::Text(text)]).events();
            let head = events.into_iter().take_while(|event| !event.starts_with("event: content_block_stop"));
            let cut = Err(io::Error::from(io::ErrorKind::ConnectionReset));
            stream(head.map(Ok).chain([cut]).collect::<Vec<_>>().into_iter())
        }
        Reply::Error(status, kind, message) => error(status, kind, &message),
        Reply::Silence => std::future::pending().await,
    }
}

fn stream(events: impl Iterator<Item = io::Result<String>> + Send + 'static) -> Response {
    let headers = [(header::CONTENT_TYPE.as_str(), "text/event-stream"), ("request-id", "req_standin")];
    let one_by_one = futures_util::stream::iter(events).then(async |event| {
        // The step aside lets the server send what it has: an event is seen before what follows it.
        tokio::task::yield_now().await;
        event
    });
    (headers, Body::from_stream(one_by_one)).into_response()
}

fn error(status: u16, kind: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"type": "error", "error": {"type": kind, "message": message}}))).into_response()
}
