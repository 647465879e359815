//! One slot of a worker: poll, attempt, report, and again.

use std::{sync::Arc, time::Duration};

use baton_model::{
    Millis, PollAnswer,
    poll::{NextAction, RecordedAs},
};
use tokio::time::sleep;

use super::{
    Amount, OnTrouble, Shared,
    attempt::{self, Attempt, Unreported, give_back},
    job::Job,
    link::Poller,
    voice::Event,
};
use crate::{cli::client::Trouble, failure::Failure};

/// Pauses between calls while the server does not answer.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);
/// A poll that is answered sooner, without work, did not wait.
const EARLY: Duration = Duration::from_secs(1);
/// How long a worker that the server stopped waits before it asks again, if it does not end.
const STOPPED: Duration = Duration::from_secs(30);
/// How long a report is tried while the worker works, when it shall finish, and when it shall end.
const PATIENCE: [Duration; 3] = [Duration::from_secs(3600), Duration::from_secs(30), Duration::from_secs(2)];

/// Works until the brake is closed and nothing is left to report.
pub(super) async fn work(shared: Arc<Shared>) {
    let mut next = None;
    loop {
        let job = match next.take() {
            Some(job) => job,
            None => match take(&shared).await {
                Some(job) => job,
                None => return,
            },
        };
        if !shared.brake.is_open() {
            // It came while another slot learned that nothing can be done here.
            let delay = shared.brake.rest().unwrap_or_default();
            give_back(&shared, &job, delay, "the worker takes nothing at the moment").await;
            continue;
        }
        let entered = shared.activity.enter();
        if shared.plan.amount == Amount::One {
            shared.brake.close(None);
        }
        if let Attempt::Report(unreported) = attempt::make(&shared, job).await {
            next = deliver(&shared, *unreported).await.and_then(Job::read);
        }
        drop(entered);
    }
}

/// Waits for a directive; none when no more shall be taken.
async fn take(shared: &Shared) -> Option<Job> {
    let mut pause = Pause::new();
    while shared.brake.opens().await {
        let asked = shared.clock.steady();
        let answer = tokio::select! {
            answer = shared.link.wait_for_work(poller(shared)) => answer,
            () = shared.brake.holds() => continue,
        };
        match answer {
            Ok(answer) => {
                shared.answers(None);
                let is_stop = answer.next_action == NextAction::Stop;
                if let Some(job) = Job::read(answer) {
                    return Some(job);
                }
                if is_stop {
                    stopped(shared);
                } else if shared.clock.steady() - asked < millis(EARLY) {
                    // It did not wait: it is busy, or ends.
                    rest(shared, pause.next()).await;
                } else {
                    pause = Pause::new();
                }
            }
            Err(trouble) if shared.link.is_passing(&trouble) => {
                shared.answers(Some(&trouble.to_string()));
                rest(shared, pause.next()).await;
            }
            Err(trouble) => refused(shared, trouble),
        }
    }
    None
}

/// Reports until the server has heard it. The answer may bring the next directive.
async fn deliver(shared: &Shared, unreported: Unreported) -> Option<PollAnswer> {
    let Unreported { job, report, mut transcript, kept } = unreported;
    let Job { id, attempt, .. } = &*job;
    let dropped = |why: &str| shared.voice.tell(&Event::ReportDropped { directive_id: id, attempt: *attempt, why });
    let (mut pause, begun) = (Pause::new(), shared.clock.steady());
    loop {
        let trouble = match shared.link.report(poller(shared), &report).await {
            Ok(answer) => {
                shared.answers(None);
                shared.voice.tell(&Event::Finished {
                    directive_id: id,
                    attempt: *attempt,
                    success: report.success,
                    error: report.error.as_deref(),
                    seconds: report.execution_time,
                    recorded: words(answer.previous_result.as_ref().map(|recorded| recorded.outcome)),
                });
                drop(kept);
                return Some(answer);
            }
            Err(trouble) => trouble,
        };
        if !shared.link.is_passing(&trouble) {
            dropped(&trouble.to_string());
            return None;
        }
        shared.answers(Some(&trouble.to_string()));
        let patience = match (shared.stops.is_finishing(), shared.stops.is_ending()) {
            (_, true) => PATIENCE[2],
            (true, _) => PATIENCE[1],
            _ => PATIENCE[0],
        };
        if shared.clock.steady() - begun > millis(patience) {
            dropped(&format!("the server did not take it in {} s: {trouble}", patience.as_secs()));
            return None;
        }
        // A worker that ends is in a hurry.
        let wait = if shared.stops.is_finishing() { SHORTEST } else { pause.next() };
        sleep(wait).await;
        if let Some(transcript) = &mut transcript {
            // What could not be sent while the server was away comes before the report, which closes the attempt.
            transcript.finish(wait).await;
        }
    }
}

fn poller(shared: &Shared) -> Poller<'_> {
    Poller { name: &shared.plan.name, tags: &shared.plan.tags, lease: shared.plan.lease }
}

/// Rests, but not while it shall stop.
async fn rest(shared: &Shared, time: Duration) {
    tokio::select! {
        () = sleep(time) => {}
        () = shared.brake.holds() => {}
    }
}

/// This worker was stopped by name.
fn stopped(shared: &Shared) {
    let news = match shared.plan.trouble {
        OnTrouble::End => {
            let is_open = shared.brake.is_open();
            shared.brake.close(None);
            is_open
        }
        OnTrouble::Pause => shared.brake.pause(STOPPED),
    };
    if news {
        shared.voice.tell(&Event::ToldToStop { worker: &shared.plan.name });
    }
}

/// The server does not want this worker: no later call would do better.
fn refused(shared: &Shared, trouble: Trouble) {
    match shared.plan.trouble {
        OnTrouble::End => shared.brake.close(Some(Failure::from(trouble))),
        OnTrouble::Pause => shared.cannot_work(&trouble.to_string()),
    }
}

fn words(recorded: Option<RecordedAs>) -> &'static str {
    match recorded {
        Some(RecordedAs::Completed) => "completed",
        Some(RecordedAs::Failed) => "failed",
        Some(RecordedAs::RetryScheduled) => "retry scheduled",
        Some(RecordedAs::AlreadyRecorded) => "already recorded",
        None => "recorded",
    }
}

fn millis(time: Duration) -> Millis {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Pauses that double.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Pause(SHORTEST)
    }

    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(LONGEST);
        now
    }
}
