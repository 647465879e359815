//! The HTTP side of the door: what is done around the protocol library for every request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, request},
    response::{IntoResponse, Response},
};
use baton_gate::BODY_LIMIT;
use baton_model::Clock;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    early,
    message::Message,
    sessions::{Running, Sessions},
    tools,
};

/// The header that names the session of a client of 2025-11-25 or older.
const SESSION_ID: &str = "mcp-session-id";
/// An id that no session has: the library's are UUIDs.
const NO_SESSION: HeaderValue = HeaderValue::from_static("none");

/// Cancelled when nobody can hear the answer to this request any more: its stream was closed, by whichever side.
#[derive(Clone)]
pub struct Gone(pub CancellationToken);

/// What every request needs. `H` is what the protocol library asks for answers.
#[derive(Clone)]
pub struct Door<H: ServerHandler> {
    library: StreamableHttpService<H, LocalSessionManager>,
    sessions: Sessions,
    stopping: CancellationToken,
}

impl<H: ServerHandler + Clone> Door<H> {
    /// Both eras, served by one service of the library.
    pub fn new(handler: H, clock: Arc<dyn Clock>, stopping: CancellationToken) -> Self {
        let sessions = Sessions::new(clock);
        // Host and Origin are checked by the gate, for all doors alike. The library's own list knows no public name.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_json_response(true)
            .with_max_request_body_bytes(BODY_LIMIT);
        let library = StreamableHttpService::new(move || Ok(handler.clone()), sessions.manager(), config);
        Door { library, sessions, stopping }
    }

    /// The library's answer.
    async fn answer(self, parts: request::Parts, body: Body) -> Response {
        let method = parts.method.clone();
        let session = session_id(&parts.headers);
        let who = tools::caller(&parts.extensions).name;
        let mut response = self.library.handle(Request::from_parts(parts, body)).await.map(Body::new);
        if let Some(begun) = session_id(response.headers()) {
            self.sessions.begin(&who, &begun).await;
        }
        if method == Method::DELETE && response.status() == StatusCode::ACCEPTED {
            // The library accepts the end of what never was.
            if !session.is_some_and(|ended| self.sessions.end(&ended)) {
                return (StatusCode::NOT_FOUND, "Not Found: Session not found").into_response();
            }
            // It has ended and there is no more to say; common clients complain of any other success.
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }

    /// Enters the session that a request names. One that is not the caller's is named to nobody from here on, so that
    /// the library answers as it does to an id that it never gave.
    fn enter(&self, parts: &mut request::Parts) -> Option<Running> {
        let id = session_id(&parts.headers)?;
        let running = self.sessions.enter(&tools::caller(&parts.extensions).name, &id);
        if running.is_none() {
            parts.headers.insert(SESSION_ID, NO_SESSION);
        }
        running
    }
}

/// Any request to `/mcp`.
pub async fn serve<H: ServerHandler + Clone>(State(door): State<Door<H>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let gone = CancellationToken::new();
    parts.extensions.insert(Gone(gone.clone()));
    // Lives as long as this function or, then, the answer's body.
    let held = Held { _running: door.enter(&mut parts), _gone: gone.drop_guard() };
    let response = if parts.method == Method::POST {
        post(door, parts, body).await
    } else {
        let stopping = door.stopping.clone();
        let response = early::told(door.answer(parts, body).await, None).await;
        response.map(|body| until(stopping, body))
    };
    response.map(|body| Body::new(HeldBody { body, _held: held }))
}

async fn post<H: ServerHandler + Clone>(door: Door<H>, parts: request::Parts, body: Body) -> Response {
    let message = match Message::read(body).await {
        Ok(message) => message,
        Err(refusal) => return refusal,
    };
    let streams = parts
        .headers
        .get_all("accept")
        .iter()
        .any(|kinds| String::from_utf8_lossy(kinds.as_bytes()).to_ascii_lowercase().contains("text/event-stream"));
    let answer = door.answer(parts, Body::from(message.bytes));
    match message.request_id {
        // Nothing but a tool waits; and the answer to `initialize` has a header that must not be overtaken.
        Some(id) if message.is_tool_call && streams => early::or_stream(answer, id).await,
        id => early::told(answer.await, id.as_ref()).await,
    }
}

fn session_id(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION_ID)?.to_str().ok().map(str::to_owned)
}

/// The standing stream of an older client would otherwise hold up the end of the server.
fn until(stopping: CancellationToken, body: Body) -> Body {
    Body::from_stream(body.into_data_stream().take_until(stopping.cancelled_owned()))
}

/// What ends with an answer.
struct Held {
    _running: Option<Running>,
    _gone: DropGuard,
}

/// A body that keeps something until it is dropped.
struct HeldBody {
    body: Body,
    _held: Held,
}

impl http_body::Body for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
