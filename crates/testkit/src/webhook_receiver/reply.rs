//! How the receiver answers one request.

use std::{future::pending, io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Response, StatusCode, header},
};
use futures_util::{StreamExt, stream};

/// How one request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With a status and no body.
    Status(u16),
    /// With a status and a body.
    Says(u16, String),
    /// With a status and `Retry-After`: seconds or a date.
    RetryAfter(u16, String),
    /// With 302 to another place.
    Redirect(String),
    /// With 200 and a body of so many bytes.
    Huge(u64),
    /// With 200 and a body that comes a byte at a time and never ends.
    Drip,
    /// With 200 and the beginning of a body; then the connection breaks.
    CutHalfway,
    /// Not at all: the connection is closed.
    HangUp,
    /// Not at all: the connection stays open.
    Silence,
}

/// How long a body that drips waits between its bytes.
const BETWEEN: Duration = Duration::from_millis(50);
/// A piece of a huge body.
const PIECE: Bytes = Bytes::from_static(&[b'x'; 16 * 1024]);

impl Reply {
    pub(super) async fn play(self) -> io::Result<Response<Body>> {
        let respond = |status: u16, body: Body| {
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
            Ok(response)
        };
        let with = |status, name, value: String| {
            let mut response = respond(status, Body::empty())?;
            response.headers_mut().insert(name, value.parse().map_err(io::Error::other)?);
            Ok(response)
        };
        match self {
            Reply::Status(status) => respond(status, Body::empty()),
            Reply::Says(status, text) => respond(status, Body::from(text)),
            Reply::RetryAfter(status, when) => with(status, header::RETRY_AFTER, when),
            Reply::Redirect(to) => with(302, header::LOCATION, to),
            Reply::Huge(bytes) => respond(200, huge(bytes)),
            Reply::Drip => respond(200, drip()),
            Reply::CutHalfway => respond(200, half()),
            Reply::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
            Reply::Silence => pending().await,
        }
    }
}

fn huge(bytes: u64) -> Body {
    let piece = |left: u64| async move {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE.len());
        (length > 0).then(|| (io::Result::Ok(PIECE.slice(..length)), left - length as u64))
    };
    Body::from_stream(stream::unfold(bytes, piece))
}

fn half() -> Body {
    let pieces = [io::Result::Ok(Bytes::from_static(b"half")), Err(io::ErrorKind::ConnectionReset.into())];
    let one_by_one = stream::iter(pieces).then(async |piece| {
        // The step aside lets the server send what it has before the break.
        tokio::task::yield_now().await;
        piece
    });
    Body::from_stream(one_by_one)
}

fn drip() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(BETWEEN).await;
        Some((io::Result::Ok(Bytes::from_static(b".")), ()))
    }))
}
