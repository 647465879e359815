//! The tables of `baton.toml`, one file for each room of it. Each finds its own values that have the right type and
//! still make no sense; what must fit together is looked at once all layers have been read.

pub mod access;
pub mod agents;
pub mod queue;
pub mod server;
pub mod store;
pub mod webhooks;
