//! Who gets in, and what may be said: Host and Origin, the caller, the limits of a body, and one shape for every
//! refusal.
//!
//! Architecture invariant: every door answers errors as [`Problem`] and reads bodies and queries through [`Body`] and
//! [`Query`], so that all of them refuse alike. No door skips [`Access`]: it lies over the whole server.

mod access;
mod body;
mod caller;
mod connection;
mod guard;
pub mod json;
mod problem;
mod query;

pub use access::{Access, AccessError};
pub use body::{BODY_LIMIT, Body, read_body};
pub use caller::{COOKIE, Caller, identify};
pub use connection::{HEADER_LIMIT, IDLE_SECONDS, http1};
pub use guard::{Guard, Guarded};
pub use json::{DEPTH_LIMIT, Input, nearest};
pub use problem::{Problem, ProblemBody};
pub use query::{Id, Query};
