//! What a committed transaction tells whoever waits.

use baton_model::Millis;

/// One thing to wake up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A directive is due: one poll that may take it shall look.
    Queued {
        /// Its id.
        id: String,
        /// Who alone may take it; empty for anybody.
        agent: String,
        /// Its tags.
        tags: Vec<String>,
    },
    /// Something becomes due, or a lease ends, at that time of the given clock.
    Alarm(Millis),
    /// Something can be settled at once: a directive whose dependency failed.
    Settle,
    /// Facts were added to the log of events.
    Events,
    /// Something is to be delivered to a webhook endpoint.
    Outbox {
        /// Its lane.
        lane: String,
    },
    /// A token was made or revoked: who is let in must be read again.
    Tokens,
    /// The monitoring switch was turned, or an agent was stopped: every parked poll shall look.
    Switched,
}

/// Who is told. Called on the writer's thread after the commit and before the answers: it must not block.
pub type Listener = Box<dyn Fn(Signal) + Send + Sync>;
