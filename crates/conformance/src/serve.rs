//! Connections, within the same limits as the product's.

use anyhow::Result;
use axum::Router;
use baton_gate::Guarded;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

/// Answers every connection until the program ends.
///
/// # Errors
/// If no further connection can be accepted.
pub async fn serve(listener: TcpListener, app: Guarded<Router>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream, app.clone()));
    }
}

async fn answer(stream: TcpStream, app: Guarded<Router>) {
    let service = service_fn(move |request: Request<Incoming>| app.clone().call(request));
    // A client that goes away in the middle is what some scenarios are about.
    let _ended = baton_gate::http1().serve_connection(TokioIo::new(stream), service).await;
}
