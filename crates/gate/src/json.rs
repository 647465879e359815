//! JSON from outside: read fast when it is right, explained field by field when it is not.

mod explain;
mod scan;

use baton_model::{
    DirectiveRequest, Faults, NewDirective, Report,
    principal::TokenRequest,
    webhook::{EndpointChange, EndpointRequest},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use explain::nearest;

use crate::Problem;

/// Deepest nesting of arrays and objects that is accepted.
pub const DEPTH_LIMIT: usize = 64;

/// What a body or a query is read into.
pub trait Input: DeserializeOwned {
    /// What an empty body, `null` and `{}` mean, where they mean something.
    fn absent() -> Option<Self> {
        None
    }

    /// The faults that the types of the fields cannot tell. Asked for only when something else is wrong already, so
    /// that one answer names everything; whoever uses the input still checks it.
    fn faults(&self) -> Faults {
        Faults::default()
    }
}

impl<T: Input> Input for Option<T> {
    fn absent() -> Option<Self> {
        Some(None)
    }

    fn faults(&self) -> Faults {
        self.as_ref().map(T::faults).unwrap_or_default()
    }
}

impl Input for TokenRequest {
    fn faults(&self) -> Faults {
        self.check().err().unwrap_or_default()
    }
}

impl Input for EndpointRequest {
    fn faults(&self) -> Faults {
        self.check().err().unwrap_or_default()
    }
}

impl Input for EndpointChange {
    fn faults(&self) -> Faults {
        self.check().err().unwrap_or_default()
    }
}

impl Input for DirectiveRequest {
    fn faults(&self) -> Faults {
        NewDirective::check(self.clone()).err().unwrap_or_default()
    }
}

impl Input for Report {
    fn faults(&self) -> Faults {
        self.check().err().unwrap_or_default()
    }
}

/// Reads a whole body.
///
/// # Errors
/// 400: `too_deep`, `duplicate_key`, `invalid_json` with line and column, or `invalid` naming every field.
pub fn read<T: Input>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = bytes.trim_ascii();
    if let Some(absent) = T::absent()
        && says_nothing(bytes)
    {
        return Ok(absent);
    }
    scan::check(bytes)?;
    // Only an object, because serde would also take an array for a struct, field by field.
    if bytes.first() == Some(&b'{')
        && let Ok(input) = serde_json::from_slice(bytes)
    {
        return Ok(input);
    }
    Err(explain::body::<T>(bytes))
}

/// Reads JSON that has been parsed already, as the arguments of a tool call.
///
/// # Errors
/// Every fault that was found, each naming its field.
pub fn from_value<T: Input>(value: Value) -> Result<T, Faults> {
    match (T::absent(), &value) {
        (Some(absent), Value::Null) => return Ok(absent),
        (Some(absent), Value::Object(map)) if map.is_empty() => return Ok(absent),
        _ => {}
    }
    match T::deserialize(&value) {
        Ok(input) if value.is_object() => Ok(input),
        _ => Err(explain::value::<T>(value)),
    }
}

/// Whether the body is empty, `null` or `{}`.
fn says_nothing(bytes: &[u8]) -> bool {
    let inside = bytes.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    bytes.is_empty() || bytes == b"null" || inside.is_some_and(|inside| inside.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests;
