//! The room `agents` with real processes: scripts that misbehave as agents, a shepherd, a parent that is killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acceptance;
mod claude_cli;
mod ending;
mod flood;
mod shepherd;
mod stream;
mod support;
mod template;
