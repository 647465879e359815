//! The layer over the whole server: REST, MCP and pages. Neither it nor its future allocates for a request that is let
//! in.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{Access, Problem};

/// Checks Host and Origin, says `nosniff` on every answer, and turns the router's bare 405 into a problem that names
/// the methods there are. Lay it over the finished router.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Access>);

impl Guard {
    /// Lets in what `access` lets in.
    pub fn new(access: Access) -> Self {
        Guard(Arc::new(access))
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { access: self.0.clone(), inner }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    access: Arc<Access>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Passage<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.access.check(request.uri(), request.headers()) {
            Ok(()) => Passage::Open { inner: self.inner.call(request) },
            Err(refusal) => Passage::Shut { refusal: Some(refusal) },
        }
    }
}

pin_project! {
    /// The answer of a [`Guarded`] service.
    #[project = PassageNow]
    pub enum Passage<F> {
        /// The request was let in.
        Open {
            #[pin]
            inner: F
        },
        /// It was not.
        Shut { refusal: Option<Box<Response>> },
    }
}

impl<F, E> Future for Passage<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match self.project() {
            PassageNow::Open { inner } => ready!(inner.poll(cx))?,
            PassageNow::Shut { refusal } => *refusal.take().expect("a future is not polled after its end"),
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.body().size_hint().exact() == Some(0) {
            response = other_method(&response);
        }
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Poll::Ready(Ok(response))
    }
}

fn other_method(bare: &Response) -> Response {
    let allowed = bare.headers().get(header::ALLOW);
    let there_are = allowed.and_then(|allowed| allowed.to_str().ok()).unwrap_or("none").replace(',', ", ");
    let detail = format!("nothing here takes this method; use one of: {there_are}");
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    if let Some(allowed) = allowed {
        response.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    response
}

#[cfg(test)]
mod tests;
