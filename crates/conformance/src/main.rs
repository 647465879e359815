//! The fixtures of the official MCP conformance suite on the transport stack of Baton.

fn main() {}
