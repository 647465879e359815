//! The limits of a connection, before there is a request to look at.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;

/// Most bytes of a request's first line and headers together; more is 431.
pub const HEADER_LIMIT: usize = 32 * 1024;
/// How long a connection may be open without a complete request head, in seconds. hyper counts the idle time between
/// two requests as well, so this is longer than the 90 s that common clients keep an idle connection: the client, not
/// the server, closes it, and no request is sent into a connection that is just being closed.
pub const IDLE_SECONDS: u64 = 100;

/// Serves HTTP/1.1 connections within the limits above.
pub fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(IDLE_SECONDS))
        .max_header_size(HEADER_LIMIT);
    builder
}
