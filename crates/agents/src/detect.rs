//! Whether an agent can be used on this machine, for `baton doctor`.

use std::path::PathBuf;

/// Whether an agent's program is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is there and runs.
    Found {
        /// Where.
        program: PathBuf,
        /// What it says of its version, on one line; none for programs of the kind `command`, which are not run.
        version: Option<String>,
    },
    /// It is not there, or does not run.
    Missing {
        /// Why, and what to do.
        why: String,
    },
}
