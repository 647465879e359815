//! What is asked for.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How much of an answer is read unless a call says otherwise, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Whose URL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It came in a request: public addresses only, and those in `outbound.allow`.
    Guarded,
    /// It stands in the operator's file, flags or environment: it may point anywhere.
    Free,
}

/// One call. It has no `Debug`: headers, URL and body may hold secrets.
#[derive(Clone)]
pub struct Call {
    /// What is done there.
    pub method: Method,
    /// An absolute http or https URL.
    pub url: String,
    /// Headers besides `host`, `content-length` and `user-agent` (which is Baton's unless it is given here).
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// How long everything may take: look-up, connection, TLS, request, answer.
    pub timeout: Duration,
    /// How much of the answer's body is read, in bytes.
    pub max_answer: usize,
    /// Whose URL it is.
    pub reach: Reach,
}

impl Call {
    /// A guarded call without headers and body that may take ten seconds.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Call {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(10),
            max_answer: MAX_ANSWER,
            reach: Reach::Guarded,
        }
    }

    /// A guarded `POST` of a JSON document that may take ten seconds.
    pub fn post_json(url: impl Into<String>, document: impl Into<Bytes>) -> Self {
        let mut call = Call { body: document.into(), ..Call::new(Method::POST, url) };
        call.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets how long everything may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
