//! Keeps a directive while it is worked at, and notices when it is no longer ours.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::StatusCode;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Shared, job::Job};
use crate::cli::client::Trouble;

/// How often is looked whether the directive is still ours.
const LOOK: Duration = Duration::from_secs(2);

/// A directive that is kept. Dropping it lets it go: the lease ends in time, or has ended already.
pub(super) struct Kept {
    lost: CancellationToken,
    why: Arc<Mutex<String>>,
    _beats: AbortOnDropHandle<()>,
}

impl Kept {
    /// Keeps it from now on.
    pub(super) fn start(shared: &Arc<Shared>, job: &Arc<Job>) -> Self {
        let (lost, why) = (CancellationToken::new(), Arc::new(Mutex::default()));
        let beats = tokio::spawn(beat(shared.clone(), job.clone(), lost.clone(), Arc::clone(&why)));
        Kept { lost, why, _beats: AbortOnDropHandle::new(beats) }
    }

    /// Cancelled when it is no longer ours.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Why it was lost, as the server put it.
    pub(super) fn why(&self) -> String {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Renews the lease four times as often as it needs, and looks between.
async fn beat(shared: Arc<Shared>, job: Arc<Job>, lost: CancellationToken, why: Arc<Mutex<String>>) {
    let lease = shared.plan.lease;
    let (often, clock) = (lease / 4, shared.clock.clone());
    let mut renewed = None;
    loop {
        let now = clock.steady();
        let age = |at: i64| Duration::from_millis(u64::try_from(now - at).unwrap_or(0));
        let answer = if renewed.is_none_or(|at| age(at) >= often) {
            let answer = shared.link.extend(&job, lease).await;
            if answer.is_ok() {
                renewed = Some(now);
            }
            answer
        } else {
            shared.link.append(&job, 0, "").await
        };
        if let Err(Trouble::Refused(problem)) = &answer
            && matches!(problem.status, StatusCode::CONFLICT | StatusCode::NOT_FOUND)
        {
            problem.summary().clone_into(&mut why.lock().unwrap_or_else(PoisonError::into_inner));
            lost.cancel();
            return;
        }
        // What else may be wrong with the server is the polls' business; here it is tried again.
        tokio::time::sleep(LOOK.min(often)).await;
    }
}
