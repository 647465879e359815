//! One HTTP/1.1 connection that is kept open: as little as possible between the measurement and the wire.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An open connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    /// Opens it.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors reach whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Client { sender, host: address.to_string() })
    }

    /// Sends a request with a JSON body (none if it is empty) and reads the whole answer: status and body.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn send(&mut self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<(u16, Bytes)> {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Result<(u16, Bytes)> {
        self.send(Method::POST, path, body).await
    }
}

/// `GET` over a connection of its own.
///
/// # Errors
/// If the connection is refused or breaks.
pub async fn get(address: SocketAddr, path: &str) -> Result<(u16, Bytes)> {
    Client::connect(address).await?.send(Method::GET, path, Bytes::new()).await
}
