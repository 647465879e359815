//! One poll: take the report, hand out the next directive, or wait for one.

use std::{sync::Arc, time::Duration};

use baton_model::{
    Report,
    bounds::{check_name, check_positive_seconds, check_tags},
    fault::Faults,
    poll::{PollAnswer, Recorded},
    principal::Scope,
};
use baton_store::{
    directive::{self, Claim, Claimed, FinalResult, Switch},
    monitoring,
};

use super::{
    Poll,
    ending::{FollowUps, Halt, take_report},
    words,
};
use crate::{Engine, Error, Inner, Principal, Result, limits::Held};

/// Results of the last five minutes decide how long an agent with nothing to do shall wait.
const RECENT: i64 = 5 * 60 * 1000;

/// The longest wait that can be asked for; clients and proxies end calls that last much longer. The operator may set a
/// shorter one, and polls that ask for more then wait as long as that.
const LONGEST_WAIT: Duration = Duration::from_secs(240);

/// What one transaction of a poll gave.
struct Turn {
    recorded: Option<Recorded>,
    offer: Offer,
}

impl Turn {
    fn taken(&self) -> Option<&str> {
        match &self.offer {
            Offer::Directive(claimed) => Some(&claimed.id),
            _ => None,
        }
    }
}

/// Who asks, and for what.
struct Claimant {
    who: Principal,
    agent: Option<String>,
    session: Option<String>,
    tags: Vec<String>,
    switch: Switch,
    lease: Option<Duration>,
}

enum Offer {
    Stop,
    /// This agent was stopped, others were not.
    StopAlone,
    Nothing,
    Directive(Box<Claimed>),
}

impl Engine {
    /// Records the poll's report, if it brings one, then hands out the next directive or waits up to `poll.wait`.
    /// Dropping the future is fine at any time: a directive claimed for nobody is given back.
    ///
    /// # Errors
    /// [`Error::Invalid`], and, for a report that is not taken, [`Error::NotFound`] and [`Error::Conflict`]; then
    /// nothing was handed out.
    pub async fn next(&self, who: &Principal, poll: Poll) -> Result<PollAnswer> {
        who.may(Scope::Work)?;
        let inner = &self.inner;
        check(&poll)?;
        let Poll { report, wait, agent, session, tags, switch, lease } = poll;
        let claimant = Claimant { who: who.clone(), agent, session, tags, switch, lease };
        let wait = wait.min(inner.settings().max_wait);
        let mut parked = None;
        let mut held = None;
        if !wait.is_zero() && !inner.stopping.is_cancelled() {
            held = Some(inner.limits.hold(Held::Poll, who)?);
            parked = Some(inner.waiters.park(claimant.agent.clone(), claimant.tags.clone()));
        }
        let mut turn = inner.turn(report, &claimant).await?;
        if let Some(parked) = &mut parked {
            parked.looked(turn.taken());
        }
        let recorded = turn.recorded.take();
        if let (Offer::Nothing, Some(parked)) = (&turn.offer, &mut parked) {
            let mut admission = inner.admission(who);
            let deadline = tokio::time::sleep(wait);
            tokio::pin!(deadline);
            let mut over = false;
            while !over && matches!(turn.offer, Offer::Nothing) {
                tokio::select! {
                    () = parked.woken() => {}
                    () = &mut deadline => over = true, // one last look
                    ended = admission.ended(inner) => {
                        ended?;
                        break; // the next poll is told why
                    }
                    () = inner.stopping.cancelled() => break,
                }
                turn = Box::pin(inner.turn(None, &claimant)).await?;
                parked.looked(turn.taken());
            }
        }
        drop((parked, held));
        Ok(match turn.offer {
            Offer::Stop => words::stop(recorded),
            Offer::StopAlone => words::stop_alone(recorded, claimant.agent.as_deref().unwrap_or_default()),
            Offer::Nothing => words::wait(recorded, inner.wait_seconds().await?),
            Offer::Directive(claimed) => {
                metrics::counter!("baton_directives_handed_out_total").increment(1);
                words::execute(recorded, *claimed, inner.clock.now())
            }
        })
    }
}

impl Inner {
    /// Takes the report and claims what is first in line, in one transaction.
    async fn turn(self: &Arc<Self>, report: Option<Report>, claimant: &Claimant) -> Result<Turn> {
        let report = report.map(Arc::new);
        let mut follow_ups: Option<FollowUps> = None;
        loop {
            let claim = Claim {
                agent: claimant.agent.clone(),
                session: claimant.session.clone(),
                holder: claimant.who.name.to_string(),
                switch: claimant.switch,
                tags: claimant.tags.clone(),
                token: self.ids.token(),
                now: self.clock.now(),
                steady: self.clock.steady(),
                lease: claimant.lease.map(|lease| i64::try_from(lease.as_millis()).unwrap_or(i64::MAX).max(1)),
                default_lease: self.settings().lease_millis(),
            };
            match self.try_turn(claimant.who.clone(), report.clone(), follow_ups.take(), claim).await {
                Ok(turn) => return Ok(turn),
                Err(Halt::Refused(error)) => return Err(error),
                Err(Halt::NeedsFollowUps(row)) => {
                    if let Some(report) = report.as_deref() {
                        follow_ups = Some(self.work_out_follow_ups(*row, FinalResult::from(report)).await?);
                    }
                }
            }
        }
    }

    async fn try_turn(
        &self,
        who: Principal,
        report: Option<Arc<Report>>,
        follow_ups: Option<FollowUps>,
        claim: Claim,
    ) -> Result<Turn, Halt> {
        let clock = self.clock.clone();
        let undo = move |turn: Turn| {
            let Offer::Directive(claimed) = turn.offer else { return None };
            let now = clock.now();
            Some(async move |tx: &mut baton_store::Tx<'_>| directive::give_back(tx, &claimed, now).await)
        };
        let work = async move |tx: &mut baton_store::Tx<'_>| {
            let recorded = match &report {
                Some(report) => Some(take_report(tx, &who, report, follow_ups.as_ref(), claim.now).await?),
                None => None,
            };
            if let Some(agent) = &claim.agent
                && monitoring::is_stopped(tx, agent).await?
            {
                return Ok(Turn { recorded, offer: Offer::StopAlone });
            }
            let offer = match directive::claim(tx, &claim).await? {
                Some(claimed) => Offer::Directive(Box::new(claimed)),
                None if claim.switch == Switch::Ignored => Offer::Nothing,
                None if monitoring::switch(tx).await?.active => Offer::Nothing,
                None => Offer::Stop,
            };
            Ok(Turn { recorded, offer })
        };
        self.store.write_or_undo(work, undo).await
    }

    async fn wait_seconds(&self) -> Result<u64> {
        let since = self.clock.now() - RECENT;
        let recent = self.store.read(async move |tx| directive::recent_results(tx, since, 11).await).await;
        match recent.map_err(Error::from) {
            Ok(recent) => Ok(baton_model::analytics::wait_seconds(recent)),
            Err(Error::Stopping) => Ok(baton_model::analytics::wait_seconds(0)), // the server will be back
            Err(error) => Err(error),
        }
    }
}

fn check(poll: &Poll) -> Result<()> {
    let mut faults = Faults::default();
    if poll.wait > LONGEST_WAIT {
        let (longest, wait) = (LONGEST_WAIT.as_secs(), poll.wait.as_secs_f64());
        faults.add("wait_seconds", format!("must be 0 to {longest}, not {wait}"));
    }
    for (field, name) in [("agent", &poll.agent), ("session_id", &poll.session)] {
        if let Some(name) = name {
            check_name(field, name, &mut faults);
        }
    }
    if let Some(lease) = poll.lease {
        check_positive_seconds("lease_seconds", lease.as_secs_f64(), &mut faults);
    }
    check_tags("tags", &poll.tags, &mut faults);
    if let Some(Err(report)) = poll.report.as_ref().map(Report::check) {
        faults.0.extend(report.0);
    }
    Ok(faults.into_result()?)
}
