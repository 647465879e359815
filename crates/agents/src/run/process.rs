//! A process under a shepherd, with all that may end it before it ends by itself.

use std::{path::Path, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::pump::{Intake, pump};
use crate::{
    Limits,
    agent::Standing,
    shepherd::{Exit, Launch, Order, Output, Report, Shepherd},
};

/// How long pipes may still hold something after everybody who could write into them has ended, beside the time that a
/// transcript may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What ends a process before it ends by itself.
pub(crate) struct Bounds {
    pub(crate) cancel: CancellationToken,
    pub(crate) timeout: Duration,
    /// How long it may print nothing.
    pub(crate) stall: Option<Duration>,
    /// Where the run stands, by what it printed.
    pub(crate) standing: watch::Receiver<Standing>,
    /// Cancelled here when a process is ended that has told its result and stays.
    pub(crate) settled: CancellationToken,
    pub(crate) limits: Limits,
}

/// Why a process was ended before it ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Cancelled,
    TimedOut,
    Stalled,
    /// It could not come to anything any more.
    Doomed,
    /// It had told its result, and did not end.
    Rested,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) stopped: Option<Stopped>,
    /// None if its shepherd died before it could tell.
    pub(crate) exit: Option<Exit>,
    /// How many processes it left behind.
    pub(crate) leftovers: u64,
}

/// A process under a shepherd.
pub(crate) struct Process {
    shepherd: Shepherd,
    ended: Ended,
}

impl Process {
    /// Runs a process to its end and gives its intakes back. The error says why it could not be started.
    pub(crate) async fn run<O: Intake, E: Intake>(
        shepherd: &Path,
        launch: &Launch,
        stdout: O,
        stderr: E,
        bounds: Bounds,
    ) -> Result<(Ended, O, E), String> {
        let (shepherd, output) = Shepherd::start(shepherd, launch).await.map_err(|error| error.to_string())?;
        let Output { stdout: out, stderr: err } = output;
        let (activity, halt) = (Arc::new(Notify::new()), CancellationToken::new());
        // Tasks of their own, so that a slow taker of one stream holds up neither the other nor the watch over both.
        let out = AbortOnDropHandle::new(tokio::spawn(pump(out, stdout, Arc::clone(&activity), halt.clone())));
        let err = AbortOnDropHandle::new(tokio::spawn(pump(err, stderr, Arc::clone(&activity), halt.clone())));

        let patience = bounds.limits.transcript_wait + LAST_WORDS;
        let mut process = Process { shepherd, ended: Ended::default() };
        process.watch(bounds, &activity).await?;
        process.shepherd.wait().await;
        let mut both = pin!(async { tokio::join!(out, err) });
        let (out, err) = match timeout(patience, &mut both).await {
            Ok(both) => both,
            // Only what could not be ended may still hold a pipe open.
            Err(_) => {
                halt.cancel();
                both.await
            }
        };
        let lost = |error| format!("the agent's output could not be read: {error}");
        Ok((process.ended, out.map_err(lost)?, err.map_err(lost)?))
    }

    /// Until everything has ended.
    async fn watch(&mut self, mut bounds: Bounds, activity: &Notify) -> Result<(), String> {
        let mut deadline = pin!(sleep(bounds.timeout));
        let mut quiet = pin!(elapsed(bounds.stall));
        let mut resting = pin!(elapsed(None));
        // An agent may stop its shepherd, and then nobody obeys.
        let mut overdue = pin!(elapsed(None));
        let mut ending = false;
        // The reader of stdout holds the other end; once it is done, nothing changes any more.
        let mut reading = true;
        loop {
            if !ending && !self.runs() {
                ending = true;
                overdue.set(elapsed(Some(bounds.limits.interrupt + bounds.limits.terminate + bounds.limits.shepherd)));
            }
            tokio::select! {
                biased;
                report = self.shepherd.report() => match report {
                    Some(Report::Started { .. }) => {}
                    Some(Report::NotStarted { error }) => return Err(format!("the program could not be started: {error}")),
                    Some(Report::Exited(exit)) => self.ended.exit = Some(exit),
                    Some(Report::Ended { leftovers, survivors }) => {
                        self.ended.leftovers = leftovers;
                        if survivors > 0 {
                            tracing::error!(survivors, "processes of an agent could not be ended: they belong to others");
                        }
                        return Ok(());
                    }
                    None => {
                        tracing::error!("the process that watches over an agent was killed; what it left behind was ended");
                        return Ok(());
                    }
                },
                () = bounds.cancel.cancelled(), if self.runs() => self.stop(Stopped::Cancelled).await,
                () = &mut deadline, if self.runs() => self.give_up(Stopped::TimedOut, &bounds).await,
                changed = bounds.standing.changed(), if reading => match changed {
                    Err(_) => reading = false,
                    Ok(()) => {
                        // A guard that lived through the match would keep the future on one thread.
                        let standing = *bounds.standing.borrow_and_update();
                        match standing {
                            Standing::Working => resting.set(elapsed(None)),
                            Standing::Resting => resting.set(elapsed(Some(bounds.limits.after_result))),
                            Standing::Doomed if self.runs() => self.stop(Stopped::Doomed).await,
                            Standing::Doomed => {}
                        }
                    }
                },
                () = &mut resting, if self.runs() => self.give_up(Stopped::Rested, &bounds).await,
                () = &mut overdue => {
                    tracing::error!("the process that watches over an agent does not end it; both were ended");
                    self.shepherd.abandon().await;
                    return Ok(());
                }
                () = activity.notified() => quiet.set(elapsed(bounds.stall)),
                () = &mut quiet, if self.runs() => self.give_up(Stopped::Stalled, &bounds).await,
            }
        }
    }

    /// Whether it may still be ended for a reason.
    fn runs(&self) -> bool {
        self.ended.stopped.is_none() && self.ended.exit.is_none()
    }

    /// Its time is up. If it has told its result already, that stands.
    async fn give_up(&mut self, why: Stopped, bounds: &Bounds) {
        let resting = *bounds.standing.borrow() == Standing::Resting;
        if resting {
            bounds.settled.cancel();
        }
        self.stop(if resting { Stopped::Rested } else { why }).await;
    }

    async fn stop(&mut self, why: Stopped) {
        self.ended.stopped = Some(why);
        self.shepherd.order(Order::Stop).await;
    }
}

/// When the time is up; without a time, never.
async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
