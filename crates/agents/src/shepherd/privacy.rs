//! What an agent may see of the processes above it.

use std::io;

use nix::sys::prctl;

/// Closes this process to others of its user, its agents among them: they can neither read its memory or environment
/// (`/proc/PID/environ`, which may hold a token) nor trace it, and it leaves no core. A program that it becomes by exec
/// begins open again.
///
/// # Errors
/// What the system said; the process then stays open.
pub fn keep_private() -> io::Result<()> {
    Ok(prctl::set_dumpable(false)?)
}
