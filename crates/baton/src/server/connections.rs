//! Accepts connections and answers what comes over them.

use std::{io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use baton_gate::Guarded;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{machine, tls::Tls};
use crate::{
    failure::{Failure, Result},
    lifecycle::{Activity, Counted},
};

/// Connections that may wait to be accepted: agents come in herds after a restart.
const BACKLOG: u32 = 4096;
/// How long to wait when the system has no file left for another connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a new connection may be silent.
const FIRST_BYTE: Duration = Duration::from_secs(15);

/// Listens on an address.
///
/// # Errors
/// When the port is taken or the address is not this machine's.
pub fn listen(at: SocketAddr) -> Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let listening = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        socket.listen(BACKLOG)
    });
    listening.map_err(|error| {
        let failure = Failure::failed(format!("cannot listen on {at}"));
        match error.kind() {
            ErrorKind::AddrInUse => {
                let other = SocketAddr::new(at.ip(), at.port().checked_add(1).unwrap_or(0));
                failure
                    .because("another program listens there")
                    .next(format!("choose another port: `baton serve --bind {other}`"))
            }
            _ => failure.because(error).next("choose an address of this machine: `baton serve --bind 127.0.0.1:8000`"),
        }
    })
}

/// What every connection is answered with.
#[derive(Clone)]
pub struct Answering {
    /// All doors, behind their guard.
    pub app: Guarded<Router>,
    /// Shakes hands first, where TLS is spoken.
    pub tls: Option<Arc<Tls>>,
    /// Counts what is asked.
    pub activity: Arc<Activity>,
    /// Ends connections after the request that runs on them.
    pub closing: CancellationToken,
}

/// Accepts until `closing` is cancelled, then waits until every connection has ended. Dropping it cuts them.
pub async fn serve(listener: TcpListener, answering: Answering) {
    let tracker = TaskTracker::new();
    let room = Arc::new(Semaphore::new(machine::room_for_connections()));
    let mut is_full = false;
    let cut = CancellationToken::new();
    let _cut_on_drop = cut.clone().drop_guard();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = answering.closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                // One more than there is room for is closed at once: the files that are left are for the store.
                let Ok(place) = room.clone().try_acquire_owned() else {
                    if !std::mem::replace(&mut is_full, true) {
                        tracing::warn!("there is no room for more connections; raise the limit of open files");
                    }
                    continue;
                };
                is_full = false;
                let answering = answering.clone();
                let answered = async move {
                    greet(stream, answering).await;
                    drop(place);
                };
                tracker.spawn(cut.clone().run_until_cancelled_owned(answered));
            }
            // The caller has gone before we came to it; the next may still be there.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                if !std::mem::replace(&mut is_full, true) {
                    tracing::warn!(%error, "cannot accept connections");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tracker.close();
    tracker.wait().await;
}

/// Shakes hands where TLS is spoken: in the connection's own task, so that a slow or strange client holds up nobody.
async fn greet(stream: TcpStream, answering: Answering) {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    // A connection that is only opened costs a file; whoever wants something says so soon.
    let first_byte = tokio::select! {
        first_byte = tokio::time::timeout(FIRST_BYTE, stream.readable()) => first_byte,
        () = answering.closing.cancelled() => return,
    };
    if !matches!(first_byte, Ok(Ok(()))) {
        return;
    }
    let Some(tls) = answering.tls.clone() else { return answer(stream, answering).await };
    // Boxed, so that connections without TLS do not carry the room for it.
    Box::pin(shake(tls, stream, answering)).await;
}

async fn shake(tls: Arc<Tls>, stream: TcpStream, answering: Answering) {
    let shaken = tokio::select! {
        shaken = tls.accept(stream) => shaken,
        () = answering.closing.cancelled() => return,
    };
    match shaken {
        Ok(stream) => answer(stream, answering).await,
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, answering: Answering) {
    let Answering { app, activity, closing, .. } = answering;
    let service = service_fn(move |request: Request<Incoming>| {
        let entered = activity.enter();
        let answer = app.clone().call(request);
        async move { answer.await.map(|response| response.map(|body| Counted::new(body, entered))) }
    });
    let connection = baton_gate::http1().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
