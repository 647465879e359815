//! Baton from outside: the real binary, over HTTP and on its standard streams.

mod access;
mod api;
mod backup;
mod baseline;
mod claude_code;
mod cli;
mod cli_serve;
mod clients;
mod config;
mod durability;
mod events;
mod examples;
mod gate;
mod house;
mod mcp;
mod pages;
mod rest;
mod stdio;
mod tls;
mod webhooks;
mod worker;
