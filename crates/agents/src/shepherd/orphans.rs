//! What is left when a shepherd is killed: processes that become children of Baton itself, its *subreaper*.
//!
//! They are told from Baton's own children by two marks. A living shepherd is in [`LIVING`]. And everybody else whom
//! Baton starts itself stays in Baton's session, where no agent can come: a shepherd makes a session of its own before
//! it starts an agent, and nobody joins another's session.

use std::{
    collections::BTreeSet,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{getpid, getsid},
};
use tokio::process::Child;

use super::tree::Tree;

/// How often those who are to die are looked for.
const LOOK: Duration = Duration::from_millis(20);

/// How often, until those who did not die of SIGKILL are left alone: they belong to another user, or hang in a system
/// call.
const LOOKS: usize = 250;

/// The shepherds of this process that are not yet buried, by process id.
static LIVING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Makes this process, whose shepherds may be killed, heir to what they leave behind, for `end` to end.
///
/// # Errors
/// What the system said; an agent that kills its shepherd can then leave processes behind.
pub fn inherit_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Starts a shepherd; nobody sees it who does not know it for one.
pub(super) fn enlist(start: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
    let mut living = living();
    let child = start()?;
    living.extend(child.id().and_then(|pid| i32::try_from(pid).ok()));
    Ok(child)
}

/// A shepherd is dead and buried: its number may be another's now.
pub(super) fn strike_off(shepherd: Option<u32>) {
    if let Some(pid) = shepherd.and_then(|pid| i32::try_from(pid).ok()) {
        living().remove(&pid);
    }
}

/// Ends all that shepherds have left behind which were killed, and answers how many would not die.
pub(super) async fn end() -> usize {
    for _ in 1..LOOKS {
        if kill_all() == 0 {
            return 0;
        }
        tokio::time::sleep(LOOK).await;
    }
    kill_all()
}

/// Kills all orphans with their descendants, buries those that are dead, and answers how many there were.
fn kill_all() -> usize {
    // Held to the end: who is started meanwhile would be a stranger in the tree.
    let mut living = living();
    let (own, tree) = (getpid(), Tree::now());
    let Ok(session) = getsid(None) else { return 0 };
    let children = tree.children(own);
    // Those that nobody waited for are buried by the runtime, at some time.
    living.retain(|pid| children.iter().any(|child| child.pid.as_raw() == *pid));
    let orphans = children.iter().filter(|child| child.session != session && !living.contains(&child.pid.as_raw()));
    let mut found = 0;
    for orphan in orphans {
        found += 1;
        for process in std::iter::once(orphan).chain(tree.below(orphan.pid)) {
            // Who is dead already needs no signal, and who may not be signalled stays.
            let _ = kill(process.pid, Signal::SIGKILL);
        }
        // Whoever is not dead yet is buried the next time.
        let _ = waitpid(orphan.pid, Some(WaitPidFlag::WNOHANG));
    }
    found
}

fn living() -> MutexGuard<'static, BTreeSet<i32>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}
