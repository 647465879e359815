//! The official conformance suite of MCP against Baton's transport stack.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod conformance;
