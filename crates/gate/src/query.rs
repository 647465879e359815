//! The query string and the id in a path as extractors.

use axum::extract::{FromRequestParts, Path};
use http::{StatusCode, request::Parts};
use serde_json::{Map, Value};

use crate::{
    Problem,
    json::{self, Input},
};

/// The parameters of a query string. They are read as JSON texts, a parameter that comes several times as a list of
/// them, so that the types of the fields decide what they accept and every fault is told at once.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: Input, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut fields = Map::new();
        for (name, text) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let text = Value::String(text.into_owned());
            match fields.get_mut(name.as_ref()) {
                None => {
                    fields.insert(name.into_owned(), text);
                }
                Some(Value::Array(several)) => several.push(text),
                Some(one) => {
                    let first = one.take();
                    *one = Value::Array(vec![first, text]);
                }
            }
        }
        json::from_value(Value::Object(fields)).map(Query).map_err(|mut faults| {
            for fault in faults.0.iter_mut().filter(|fault| fault.detail.ends_with("not a list")) {
                fault.detail = "is given several times; once is enough".to_owned();
            }
            faults.into()
        })
    }
}

/// The id in a path: an opaque text. What is no text is unknown like any other id.
#[derive(Clone, Debug)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Id(id)),
            Err(_) => {
                let detail = format!("no such id: `{}` is no UTF-8", parts.uri.path());
                Err(Problem::new(StatusCode::NOT_FOUND, "not_found", detail))
            }
        }
    }
}
