//! The use cases on a real store, with a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

mod holders;
mod house;
mod leases;
mod machine;
mod queue;
mod waiting;
mod webhooks;
