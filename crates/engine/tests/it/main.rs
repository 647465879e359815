//! The use cases on a real store, with a clock that the tests move.

mod house;
mod leases;
mod machine;
mod queue;
mod waiting;
