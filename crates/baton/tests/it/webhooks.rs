//! Webhooks of the real binary: what endpoints get, whatever they and the server go through.

mod contract;
mod isolation;
mod kills;
mod mouth;
