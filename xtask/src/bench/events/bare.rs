//! The bare server's stream: what it costs at least to send the same frames to as many listeners.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::{self, Sender, error::RecvError};

/// Frames that a listener may be behind.
const BEHIND: usize = 65_536;

/// `/events` streams what `/event` is given. Places are counted as they come.
pub fn routes() -> Router {
    let frames: Sender<Bytes> = broadcast::channel(BEHIND).0;
    Router::new().route("/events", get(follow)).route("/event", post(tell)).with_state(frames)
}

async fn tell(State(frames): State<Sender<Bytes>>, frame: Bytes) {
    static LAST: Mutex<u64> = Mutex::new(0);
    // Held until it is sent, so that places rise in the order of frames.
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last += 1;
    let text = format!("id: {last}\n{}", String::from_utf8_lossy(&frame));
    // Nobody may listen yet.
    let _ = frames.send(text.into());
}

async fn follow(State(frames): State<Sender<Bytes>>) -> Response {
    let frames = stream::unfold(frames.subscribe(), async |mut frames| {
        loop {
            match frames.recv().await {
                Ok(frame) => return Some((Ok::<_, Infallible>(frame), frames)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let connected = stream::once(async { Ok(Bytes::from_static(b": connected\n\n")) });
    let body = Body::from_stream(stream::StreamExt::chain(connected, frames));
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// A frame without its place, as long as Baton's: `at` is the time of day in milliseconds.
pub fn frame(number: u32, at: u64) -> String {
    let (seconds, millis) = (at / 1000, at % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "event: directive.queued\ndata: {{\"id\":\"{number}\",\"type\":\"directive.queued\",\"at\":\"2026-01-01T\
         {hours:02}:{minutes:02}:{seconds:02}.{millis:03}+00:00\",\"data\":{{\"directive_id\":\
         \"01a1f906-0000-7000-8000-000000000000\",\"priority\":\"medium\"}}}}\n\n"
    )
}
