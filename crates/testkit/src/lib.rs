//! What tests need around Baton: the real binary as a child, the real Claude Code with its model played by a script,
//! a raw MCP client, a browser, a proxy that cuts connections, and a receiver of webhooks. For development only; nothing
//! of it is in the product.
//!
//! Everything listens on 127.0.0.1 and on a free port, and everything that was started ends when its handle is dropped.

pub mod browser;
pub mod claude;
pub mod http;
pub mod mcp_client;
pub mod messages_api;
pub mod packages;
pub mod process;
pub mod proxy;
pub mod server;
pub mod webhook_receiver;
