//! One attempt at a directive, from the moment it was taken to what is to be reported of it.

use std::{path::Path, pin::pin, sync::Arc, time::Duration};

use baton_agents::{Availability, Check, Controls, Ending, Outcome, Task, Verdict, check, detect, run};
use baton_model::{Report, clock};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Shared,
    job::Job,
    lease::Kept,
    outcome::{self, Accepted},
    transcript::Transcript,
    voice::Event,
};

/// How often progress is told at most.
const PROGRESS: Duration = Duration::from_secs(2);
/// How long the end of a transcript is waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long an agent that could not be started is left alone.
const NOT_STARTED: Duration = Duration::from_secs(60);
/// How long a plan's limit is taken to last where the agent was not told, and at most: a week and a day.
const PLAN_LIMIT: Duration = Duration::from_secs(15 * 60);
const LONGEST_PLAN_LIMIT: Duration = Duration::from_secs(8 * 24 * 3600);
/// What can be started wherever anything can.
const SHELL: &str = "/bin/sh";

/// What came of an attempt.
pub(super) enum Attempt {
    /// There is something to report. Until that is done the directive is kept.
    Report(Box<Unreported>),
    /// It was given back, or is no longer ours.
    Over,
}

/// A report that is to be delivered.
pub(super) struct Unreported {
    pub(super) job: Arc<Job>,
    pub(super) report: Report,
    /// What was printed and may not be sent yet.
    pub(super) transcript: Option<Transcript>,
    pub(super) kept: Kept,
}

/// What came of a run, and its check.
enum Run {
    Reported(Report),
    /// The directive was lost, or the worker ends.
    Cut,
    /// Not the directive's fault: somebody else, or later.
    GivenBack {
        reason: String,
        delay: Duration,
    },
}

/// Makes the attempt. Whatever ends it, when this returns no process of the agent is left.
pub(super) async fn make(shared: &Arc<Shared>, job: Job) -> Attempt {
    let job = Arc::new(job);
    shared.voice.tell(&Event::Taken { directive_id: &job.id, attempt: job.attempt, directive: &job.text });
    let kept = Kept::start(shared, &job);
    let cancel = CancellationToken::new();
    let mut transcript = None;
    let run = {
        let mut work = pin!(work(shared, &job, &cancel, &mut transcript));
        tokio::select! {
            run = &mut work => run,
            () = either(kept.lost(), shared) => {
                cancel.cancel();
                work.await
            }
        }
    };
    match run {
        Run::Reported(report) => Attempt::Report(Box::new(Unreported { job, report, transcript, kept })),
        _ if kept.lost().is_cancelled() => {
            shared.voice.tell(&Event::Lost { directive_id: &job.id, attempt: job.attempt, why: &kept.why() });
            Attempt::Over
        }
        Run::Cut => {
            give_back(shared, &job, Duration::ZERO, "the worker was ended").await;
            Attempt::Over
        }
        Run::GivenBack { reason, delay } => {
            give_back(shared, &job, delay, &reason).await;
            Attempt::Over
        }
    }
}

async fn either(lost: &CancellationToken, shared: &Shared) {
    tokio::select! {
        () = lost.cancelled() => {}
        () = shared.stops.ending() => {}
    }
}

/// Gives a directive back. If that fails, its lease ends in time.
pub(super) async fn give_back(shared: &Shared, job: &Job, delay: Duration, reason: &str) {
    let Job { id, attempt, .. } = job;
    match shared.link.release(job, delay, reason).await {
        Ok(()) => shared.voice.tell(&Event::Released {
            directive_id: id,
            attempt: *attempt,
            reason,
            seconds: delay.as_secs(),
        }),
        Err(trouble) => shared.voice.tell(&Event::Lost {
            directive_id: id,
            attempt: *attempt,
            why: &format!("it could not be given back: {trouble}"),
        }),
    }
}

/// Everything between taking and reporting.
async fn work(
    shared: &Arc<Shared>,
    job: &Arc<Job>,
    cancel: &CancellationToken,
    transcript: &mut Option<Transcript>,
) -> Run {
    let plan = &shared.plan;
    let refuse = |error| Run::Reported(outcome::refused(job, &plan.name, &plan.agent.name, error));
    let dir = match plan.places.find(job) {
        Ok(dir) => dir,
        Err(error) => return refuse(error),
    };
    let acceptance = match &job.acceptance {
        None => None,
        Some(name) => match plan.acceptance.get(name) {
            Some(acceptance) => Some((name, acceptance)),
            // Before the run: nobody shall pay for work that cannot be proved.
            None => {
                return refuse(format!(
                    "`acceptance` is `{name}`, and the settings of worker `{}` have no table `[acceptance.{name}]`: \
                     add it with an `argv`, or name another",
                    plan.name
                ));
            }
        },
    };
    let Job { id, attempt, .. } = &**job;
    shared.voice.tell(&Event::Started { directive_id: id, attempt: *attempt, working_directory: &dir });
    let begun = shared.clock.steady();
    let (outcome, has_text) = carry_out(shared, job, &dir, cancel, transcript).await;
    let accepted = match acceptance {
        Some((name, acceptance)) if outcome.is_success() => {
            let one = Check {
                name: name.clone(),
                argv: acceptance.argv.clone(),
                dir: dir.clone(),
                timeout: Duration::from_secs_f64(acceptance.timeout_seconds),
            };
            let verdict = check(&shared.machine, &one, cancel).await;
            if cancel.is_cancelled() {
                return Run::Cut;
            }
            Some(accepted(name, verdict))
        }
        _ => None,
    };
    let duration = shared.clock.steady() - begun;
    let reported = |outcome: &Outcome| {
        Run::Reported(outcome::ran(job, &plan.name, &dir, duration, has_text, outcome, accepted.as_ref()))
    };
    match &outcome.ending {
        Ending::Cancelled => Run::Cut,
        Ending::AuthenticationFailed { error } => {
            shared.cannot_work(error);
            Run::GivenBack { reason: error.clone(), delay: Duration::ZERO }
        }
        Ending::PlanLimit { until, error } => {
            let delay = until.map_or(PLAN_LIMIT, |until| {
                let rest = until.saturating_sub(shared.clock.now());
                Duration::from_millis(u64::try_from(rest).unwrap_or(0))
            });
            let delay = delay.clamp(Duration::from_secs(1), LONGEST_PLAN_LIMIT);
            pause(shared, delay, error);
            let until = clock::iso(shared.clock.now() + i64::try_from(delay.as_millis()).unwrap_or(0));
            Run::GivenBack { reason: format!("the plan's limit is reached until {until}: {error}"), delay }
        }
        Ending::NotStarted { why } => match not_started(shared, why).await {
            // The machine is as it should be: it is this directive that cannot be given to this agent.
            None => reported(&outcome),
            Some(why) => {
                shared.cannot_work(&why);
                Run::GivenBack { reason: why, delay: NOT_STARTED }
            }
        },
        Ending::Completed | Ending::Failed { .. } | Ending::TimedOut | Ending::Stalled => reported(&outcome),
    }
}

/// Runs the agent. Says also whether it printed anything.
async fn carry_out(
    shared: &Arc<Shared>,
    job: &Arc<Job>,
    dir: &Path,
    cancel: &CancellationToken,
    transcript: &mut Option<Transcript>,
) -> (Outcome, bool) {
    let task = Task {
        directive_id: job.id.clone(),
        attempt: job.attempt,
        text: job.text.clone(),
        dir: dir.to_owned(),
        priority: job.priority,
        timeout: job.timeout,
        budget_usd: job.budget_usd,
        session_id: shared.ids.next(shared.clock.now()),
    };
    let (chunks, sending) = Transcript::start(shared, job);
    let sending = transcript.insert(sending);
    let (progress, shown) = watch::channel(String::new());
    let controls = Controls { cancel: cancel.clone(), transcript: chunks, progress };
    let telling = AbortOnDropHandle::new(tokio::spawn(tell_progress(shared.clone(), job.clone(), shown)));
    let outcome = run(&shared.machine, &shared.plan.agent, &task, &controls).await;
    drop((telling, controls));
    sending.finish(LAST_WORDS).await;
    (outcome, sending.has_text())
}

async fn tell_progress(shared: Arc<Shared>, job: Arc<Job>, mut shown: watch::Receiver<String>) {
    while shown.changed().await.is_ok() {
        let text = shown.borrow_and_update().clone();
        shared.voice.tell(&Event::Progress { directive_id: &job.id, text: &text });
        tokio::time::sleep(PROGRESS).await;
    }
}

fn accepted(name: &str, verdict: Verdict) -> Accepted {
    let (passed, why) = match verdict {
        Verdict::Proved => (Some(true), None),
        Verdict::Refuted { why } => (Some(false), Some(why)),
        Verdict::Unknown { why } => (None, Some(why)),
    };
    Accepted { name: name.to_owned(), passed, why }
}

fn pause(shared: &Arc<Shared>, delay: Duration, reason: &str) {
    if !shared.brake.pause(delay) {
        return;
    }
    shared.voice.tell(&Event::Paused { reason, seconds: delay.as_secs() });
    let shared = shared.clone();
    tokio::spawn(async move {
        if shared.brake.opens().await {
            shared.voice.tell(&Event::Resumed {});
        }
    });
}

/// Why no agent at all can be started here; none if another one could.
async fn not_started(shared: &Shared, why: &str) -> Option<String> {
    if let Availability::Missing { why } = detect(&shared.machine, &shared.plan.agent).await {
        return Some(why);
    }
    let argv = [SHELL, "-c", ":"].map(str::to_owned).to_vec();
    // Not in the directive's directory, which may be what is wrong.
    let anything = Check { name: "start".to_owned(), argv, dir: "/".into(), timeout: NOT_STARTED };
    match check(&shared.machine, &anything, &CancellationToken::new()).await {
        Verdict::Proved => None,
        Verdict::Refuted { .. } | Verdict::Unknown { .. } => Some(why.to_owned()),
    }
}
