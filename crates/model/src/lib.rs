//! Plain types and pure rules: what a directive is, when it is retried, what follows from its result.
//!
//! Architecture invariant: this room knows no runtime, no database and no wire protocol; time and randomness come in
//! as [`Clock`] and [`Rng`].

pub mod address;
pub mod analytics;
pub mod bounds;
pub mod clock;
pub mod condition;
pub mod directive;
pub mod event;
pub mod fault;
pub mod ids;
pub mod lifecycle;
pub mod poll;
pub mod principal;
pub mod secret;
pub mod text;
pub mod view;
pub mod webhook;

pub use clock::{Clock, Millis, SystemClock};
pub use directive::{DirectiveRequest, NewDirective, Priority, State};
pub use fault::{Fault, Faults};
pub use ids::{Ids, Rng, SystemRng};
pub use poll::{PollAnswer, Report};
pub use secret::Secret;
