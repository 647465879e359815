//! What a run is asked to do, and what its caller holds while it runs.

use std::{path::PathBuf, time::Duration};

use baton_model::Priority;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One attempt at a directive.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The directive's id; the agent finds it in `BATON_DIRECTIVE_ID`.
    pub directive_id: String,
    /// The number of the attempt, from 1; the agent finds it in `BATON_ATTEMPT`.
    pub attempt: i64,
    /// What is to be done, in plain language.
    pub text: String,
    /// The directory to work in; it must exist.
    pub dir: PathBuf,
    /// How urgent it is.
    pub priority: Priority,
    /// How long the run may take; none: the agent's own timeout.
    pub timeout: Option<Duration>,
    /// What the run may cost, in US dollars. Only agents that count their cost keep to it, and they look after each
    /// call of their model, so that one call may go over it.
    pub budget_usd: Option<f64>,
    /// The id of the agent's own session, new for every run: a session id is refused the second time.
    pub session_id: Uuid,
}

/// What the caller of a run holds.
#[derive(Clone, Debug)]
pub struct Controls {
    /// Cancelled: the run is ended and its outcome is [`crate::Ending::Cancelled`].
    pub cancel: CancellationToken,
    /// Where the transcript goes, in order. A full channel holds the agent up for
    /// [`crate::Limits::transcript_wait`] at most, then chunks are dropped and counted. A closed one is no fault.
    pub transcript: mpsc::Sender<Chunk>,
    /// The latest of what the agent says or does, shortened to one line.
    pub progress: watch::Sender<String>,
}

/// Which of the agent's streams something came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Its stdout: for Claude Code, JSON lines.
    Stdout,
    /// Its stderr.
    Stderr,
}

/// A piece of a transcript as the agent wrote it, at most 64 KiB, cut between characters but not at line ends. Bytes
/// that are no UTF-8 have become U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it came from.
    pub stream: Stream,
    /// What it says.
    pub text: String,
}
