//! What a directive may become: the rules of reports, retries and expired leases, without any storage.

use crate::{
    clock::{self, Millis},
    directive::State,
    poll::{RecordedAs, Report},
};

/// What the rules need to know of a directive.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Number of the latest delivery; 0 if there was none.
    pub attempt: i64,
    /// Token of the latest delivery, as long as that one has not been reported.
    pub lease_token: Option<String>,
    /// Number of the first delivery whose lease ran out; 0 if there was none.
    pub first_expired: i64,
    /// Leases that ran out since the last report.
    pub expiries: i64,
    /// Failures that were retried.
    pub retry_count: i64,
}

impl Standing {
    /// Whether the report is about the present attempt, and that one has not been reported yet. Then nothing stored
    /// matters.
    pub fn is_open_to(&self, report: &Report) -> bool {
        let token = report.lease_token.as_deref();
        let present = self.lease_token.as_deref();
        !self.state.is_final() && present.is_some() && (token.is_none() || token == present)
    }

    /// Whether the report names the latest delivery, or none.
    fn is_latest(&self, report: &Report) -> bool {
        report.lease_token.is_none() || report.lease_token == self.lease_token
    }

    /// Whether an expired lease of it was handed out again, so that a report without a token could be anybody's.
    fn handed_out_again(&self) -> bool {
        self.first_expired > 0 && self.attempt > self.first_expired
    }
}

/// What failed attempts are followed by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// How many further attempts there are.
    pub max: i64,
    /// How long the first one waits.
    pub delay: Millis,
    /// By what the wait grows.
    pub backoff: f64,
}

impl RetryPolicy {
    /// The wait before retry number `count` + 1, if there is one: at most a year.
    pub fn next(&self, count: i64) -> Option<Millis> {
        const YEAR: f64 = 31_536_000_000.0;
        if count >= self.max {
            return None;
        }
        if self.delay == 0 {
            return Some(0); // nothing does not grow
        }
        let grown = self.delay as f64 * self.backoff.powi(i32::try_from(count).unwrap_or(i32::MAX));
        Some(grown.min(YEAR.max(self.delay as f64)) as Millis)
    }
}

/// What is stored of the attempt that a report speaks of, if that one has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// This was reported of it.
    Reported(Report),
    /// Its lease ran out, or it was called off, without a report.
    Silent,
}

/// How a report is to be taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It ends the directive.
    End(State),
    /// The attempt failed; the next one is due after this many milliseconds.
    Retry(Millis),
    /// It was known; nothing changes.
    Known(RecordedAs),
    /// It is refused: a code for programs and a sentence for people.
    Refused(&'static str, String),
}

/// Takes a report. `past` is what is stored of the ended attempt that the report's token names or, where it names
/// none, of the latest one.
pub fn take_report(standing: &Standing, policy: Option<RetryPolicy>, report: &Report, past: Option<&Past>) -> Verdict {
    let id = &report.directive_id;
    if standing.is_open_to(report) {
        if report.lease_token.is_none() && standing.handed_out_again() {
            let detail = format!(
                "a lease of directive `{id}` ran out and it was handed out again: send the `lease_token` that came with it"
            );
            return Verdict::Refused("lease_token_required", detail);
        }
        return accept(standing, policy, report);
    }
    match past {
        Some(Past::Reported(stored)) if stored.says_the_same(report) => Verdict::Known(RecordedAs::AlreadyRecorded),
        Some(Past::Reported(_)) => Verdict::Refused(
            "already_reported",
            format!("another result of directive `{id}` is stored, and results are never overwritten"),
        ),
        Some(Past::Silent) if standing.state == State::Cancelled => ended(standing, id),
        Some(Past::Silent) if standing.state.is_final() && standing.is_latest(report) => ended(standing, id),
        Some(Past::Silent) => stale(id),
        None if standing.state.is_final() => ended(standing, id),
        None if standing.attempt == 0 => {
            Verdict::Refused("not_leased", format!("directive `{id}` has not been handed out, so it has no result yet"))
        }
        None => stale(id),
    }
}

fn accept(standing: &Standing, policy: Option<RetryPolicy>, report: &Report) -> Verdict {
    if report.success {
        return Verdict::End(State::Completed);
    }
    match policy.and_then(|policy| policy.next(standing.retry_count)) {
        Some(delay) => Verdict::Retry(delay),
        None => Verdict::End(State::Failed),
    }
}

fn stale(id: &str) -> Verdict {
    Verdict::Refused(
        "stale_attempt",
        format!(
            "the `lease_token` is not that of the present attempt at directive `{id}`: its lease ran out and the \
             directive went to another agent, or it never was a token of it"
        ),
    )
}

fn ended(standing: &Standing, id: &str) -> Verdict {
    Verdict::Refused("already_ended", format!("directive `{id}` is {} already", standing.state.as_str()))
}

/// Whether a directive whose lease has just run out is given up, rather than handed out again.
pub fn is_dead(expiries_before: i64, max_deliveries: i64) -> bool {
    expiries_before + 1 >= max_deliveries
}

/// What follows a directive's text when it is handed out for the `count`-th retry (seed 000).
pub fn retry_text(body: &str, count: i64, reason: &str) -> String {
    format!("{body} (Retry #{count}, previous error: {reason})")
}

/// What the retry's text says of the attempt before: its error or, without one, its result.
pub fn retry_reason(report: &Report) -> String {
    report.error.clone().filter(|error| !error.trim().is_empty()).unwrap_or_else(|| report.result.clone())
}

/// Milliseconds of a lease: the directive's own timeout, or the operator's.
pub fn lease_millis(timeout_seconds: Option<f64>, default: Millis) -> Millis {
    timeout_seconds.map_or(default, clock::millis).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(success: bool, token: Option<&str>) -> Report {
        Report {
            directive_id: "d".to_owned(),
            success,
            result: "done".to_owned(),
            execution_time: None,
            error: None,
            metadata: serde_json::Map::new(),
            lease_token: token.map(ToOwned::to_owned),
        }
    }

    fn leased(attempt: i64, first_expired: i64) -> Standing {
        Standing {
            state: State::Leased,
            attempt,
            lease_token: Some("now".to_owned()),
            first_expired,
            expiries: 0,
            retry_count: 0,
        }
    }

    fn code(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Refused(code, _) => code,
            _ => "",
        }
    }

    #[test]
    fn the_present_attempt_is_taken_with_or_without_its_token() {
        for token in [None, Some("now")] {
            assert_eq!(take_report(&leased(1, 0), None, &report(true, token), None), Verdict::End(State::Completed));
            assert_eq!(take_report(&leased(1, 0), None, &report(false, token), None), Verdict::End(State::Failed));
        }
    }

    #[test]
    fn once_handed_out_again_the_token_is_needed_and_the_old_one_is_stale() {
        let standing = leased(2, 1);
        assert_eq!(code(&take_report(&standing, None, &report(true, None), None)), "lease_token_required");
        assert_eq!(
            code(&take_report(&standing, None, &report(true, Some("old")), Some(&Past::Silent))),
            "stale_attempt"
        );
        assert_eq!(code(&take_report(&standing, None, &report(true, Some("??")), None)), "stale_attempt");
        assert_eq!(take_report(&standing, None, &report(true, Some("now")), None), Verdict::End(State::Completed));
    }

    #[test]
    fn the_token_stays_needed_however_often_a_lease_runs_out_again() {
        let standing = Standing { state: State::Queued, ..leased(2, 1) };
        assert_eq!(
            code(&take_report(&standing, None, &report(true, None), Some(&Past::Silent))),
            "lease_token_required"
        );
        let dead = Standing { state: State::Dead, ..standing };
        assert_eq!(code(&take_report(&dead, None, &report(true, Some("now")), Some(&Past::Silent))), "already_ended");
        assert_eq!(code(&take_report(&dead, None, &report(true, Some("old")), Some(&Past::Silent))), "stale_attempt");
    }

    #[test]
    fn a_late_result_counts_until_somebody_else_has_the_directive() {
        let standing = Standing { state: State::Queued, ..leased(1, 1) };
        assert_eq!(
            take_report(&standing, None, &report(true, None), Some(&Past::Silent)),
            Verdict::End(State::Completed)
        );
    }

    #[test]
    fn repeats_are_known_and_contradictions_refused() {
        let standing = Standing { state: State::Completed, lease_token: None, ..leased(1, 0) };
        let stored = Past::Reported(report(true, None));
        let again = take_report(&standing, None, &report(true, Some("now")), Some(&stored));
        assert_eq!(again, Verdict::Known(RecordedAs::AlreadyRecorded));
        assert_eq!(code(&take_report(&standing, None, &report(false, None), Some(&stored))), "already_reported");
        let cancelled = Standing { state: State::Cancelled, ..standing };
        assert_eq!(code(&take_report(&cancelled, None, &report(true, None), None)), "already_ended");
        let fresh = Standing { state: State::Queued, attempt: 0, lease_token: None, ..leased(0, 0) };
        assert_eq!(code(&take_report(&fresh, None, &report(true, None), None)), "not_leased");
    }

    #[test]
    fn max_retries_are_further_attempts_with_growing_waits() {
        let policy = RetryPolicy { max: 2, delay: 30_000, backoff: 2.0 };
        assert_eq!([policy.next(0), policy.next(1), policy.next(2)], [Some(30_000), Some(60_000), None]);
        assert_eq!(RetryPolicy { max: 1000, delay: 0, backoff: 100.0 }.next(999), Some(0));
        let endless = RetryPolicy { max: 1000, delay: 30_000, backoff: 100.0 };
        assert_eq!(endless.next(999), Some(31_536_000_000));
        let failed = take_report(&leased(1, 0), Some(policy), &report(false, None), None);
        assert_eq!(failed, Verdict::Retry(30_000));
        assert!(!is_dead(3, 5));
        assert!(is_dead(4, 5));
    }

    #[test]
    fn a_retry_quotes_the_error_or_else_the_result() {
        let mut failed = report(false, None);
        assert_eq!(retry_text("do it", 1, &retry_reason(&failed)), "do it (Retry #1, previous error: done)");
        failed.error = Some("E1".to_owned());
        assert_eq!(retry_text("do it", 2, &retry_reason(&failed)), "do it (Retry #2, previous error: E1)");
    }
}
