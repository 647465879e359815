//! Delivery to webhooks: real sockets, and a clock that the tests move.

mod answers;
mod lanes;
mod outbox;
mod running;
mod schedule;
mod yard;
