//! The kit's own tests: what other tests rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic; what helps it may do so as well")]

mod claude;
mod fake_queue;
mod mcp_client;
mod messages_api;
mod process;
mod proxy;
mod webhook_receiver;
