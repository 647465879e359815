//! Baton from outside: the real binary, over HTTP and on its standard streams.

mod backup;
mod claude_code;
mod cli_serve;
mod config;
mod durability;
mod house;
mod stdio;
mod mcp;
