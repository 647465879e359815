//! The queue against a small model of it: any history of submissions, polls, reports, time and cancellations.

use baton_engine::Error;
use baton_model::{DirectiveRequest, Priority, Report, State};
use proptest::prelude::*;

use crate::house::{House, directive, report};

const LEASE: i64 = 3_600_000;
const RETRY: i64 = 30_000;
const MAX_DELIVERIES: i64 = 2;

#[derive(Clone, Debug)]
enum Op {
    Submit { priority: usize, delay: bool, retries: Option<i64>, needs: Option<prop::sample::Index> },
    Poll,
    Report { of: prop::sample::Index, success: bool, token: Option<prop::sample::Index> },
    Cancel(prop::sample::Index),
    Pass(i64),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (0..4_usize, prop::bool::weighted(0.2), prop::option::weighted(0.4, 0..3_i64), prop::option::weighted(0.3, index()))
            .prop_map(|(priority, delay, retries, needs)| Op::Submit { priority, delay, retries, needs }),
        5 => Just(Op::Poll),
        5 => (index(), any::<bool>(), prop::option::weighted(0.7, index()))
            .prop_map(|(of, success, token)| Op::Report { of, success, token }),
        1 => index().prop_map(Op::Cancel),
        2 => prop_oneof![Just(1_000), Just(RETRY), Just(LEASE)].prop_map(Op::Pass),
        1 => Just(Op::Restart),
    ]
}

/// What the model knows of a directive.
struct Known {
    id: String,
    rank: i64,
    ready_at: i64,
    state: State,
    needs: Option<usize>,
    retries: Option<i64>,
    retried: i64,
    expiries: i64,
    /// Tokens of all deliveries and what was reported of each: the last one is the present one while it is open.
    deliveries: Vec<(String, Option<bool>, bool)>, // token, success, expired
    open: bool,
    lease_end: i64,
}

#[derive(Default)]
struct Model {
    known: Vec<Known>,
}

impl Model {
    fn first_in_line(&self) -> Option<usize> {
        let queued = (0..self.known.len()).filter(|i| self.known[*i].state == State::Queued);
        queued.min_by_key(|i| (self.known[*i].rank, self.known[*i].ready_at, *i))
    }

    /// What time does by itself.
    fn look(&mut self, now: i64) {
        for known in &mut self.known {
            if known.state == State::Leased && known.lease_end <= now {
                known.deliveries.last_mut().unwrap().2 = true;
                known.expiries += 1;
                known.state = if known.expiries >= MAX_DELIVERIES { State::Dead } else { State::Queued };
                known.open = known.state == State::Queued;
            }
        }
        self.spread(now);
        for known in &mut self.known {
            if known.state == State::Scheduled && known.ready_at <= now {
                known.state = State::Queued;
            }
        }
    }

    /// Ends and releases what depends on others. Ids rise, so one pass does.
    fn spread(&mut self, now: i64) {
        for i in 0..self.known.len() {
            let Some(needed) = self.known[i].needs.filter(|_| self.known[i].state == State::Waiting) else { continue };
            match self.known[needed].state {
                State::Completed => {
                    let due = self.known[i].ready_at.max(now);
                    self.known[i].ready_at = due;
                    self.known[i].state = if due > now { State::Scheduled } else { State::Queued };
                }
                state if state.is_final() => self.known[i].state = State::Failed,
                _ => {}
            }
        }
    }

    /// The code of the answer to a report; "" if it is taken.
    fn report(&mut self, i: usize, success: bool, delivery: Option<usize>, now: i64) -> &'static str {
        let known = &mut self.known[i];
        let count = known.deliveries.len();
        let names_present = delivery.is_none_or(|delivery| delivery + 1 == count);
        let first_expired = known.deliveries.iter().position(|delivery| delivery.2);
        if !known.state.is_final() && known.open && names_present {
            if delivery.is_none() && first_expired.is_some_and(|at| at + 1 < count) {
                return "lease_token_required";
            }
            let delivery = known.deliveries.last_mut().unwrap();
            (delivery.1, delivery.2) = (Some(success), false);
            known.open = false;
            if success {
                known.state = State::Completed;
            } else if known.retries.is_some_and(|max| known.retried < max) {
                known.retried += 1;
                known.expiries = 0;
                known.ready_at = now + RETRY;
                known.state = State::Scheduled;
            } else {
                known.state = State::Failed;
            }
            return "";
        }
        let named = delivery.or(count.checked_sub(1)).map(|at| known.deliveries[at].1);
        match named {
            Some(Some(said)) if said == success => "",
            Some(Some(_)) => "already_reported",
            Some(None) if known.state == State::Cancelled => "already_ended",
            Some(None) if known.state.is_final() && names_present => "already_ended",
            Some(None) => "stale_attempt",
            None if known.state.is_final() => "already_ended",
            None => "not_leased",
        }
    }
}

async fn play(ops: Vec<Op>) {
    let mut house = House::new().await;
    let mut model = Model::default();
    for op in ops {
        let now = house.engine.now();
        match op {
            Op::Submit { priority, delay, retries, needs } => {
                let needs = needs.filter(|_| !model.known.is_empty()).map(|index| index.index(model.known.len()));
                let rank = priority as i64;
                let request = DirectiveRequest {
                    priority: Priority::from_rank(rank).unwrap(),
                    delay_seconds: delay.then_some(1.0),
                    retry_on_failure: retries.is_some(),
                    max_retries: retries.unwrap_or(3),
                    depends_on: needs.map(|i| model.known[i].id.clone()).into_iter().collect(),
                    ..directive("x")
                };
                let id = house.submit(request).await;
                let ready_at = if delay { now + 1_000 } else { now };
                let state = if needs.is_some() {
                    State::Waiting
                } else if delay {
                    State::Scheduled
                } else {
                    State::Queued
                };
                model.known.push(Known {
                    id,
                    rank,
                    ready_at,
                    state,
                    needs,
                    retries,
                    retried: 0,
                    expiries: 0,
                    deliveries: vec![],
                    open: false,
                    lease_end: 0,
                });
                model.spread(now);
                house.engine.look().await.unwrap();
            }
            Op::Poll => {
                let answer = house.poll().await;
                let expected = model.first_in_line();
                assert_eq!(answer.directive_id.as_ref(), expected.map(|i| &model.known[i].id));
                if let Some(i) = expected {
                    let known = &mut model.known[i];
                    known.deliveries.push((answer.metadata.lease_token.unwrap(), None, false));
                    (known.state, known.open, known.lease_end) = (State::Leased, true, now + LEASE);
                    assert_eq!(answer.metadata.attempt, Some(known.deliveries.len() as i64));
                    assert_eq!(answer.metadata.retry_count, Some(known.retried));
                }
            }
            Op::Report { of, success, token } => {
                if model.known.is_empty() {
                    continue;
                }
                let i = of.index(model.known.len());
                let count = model.known[i].deliveries.len();
                let delivery = token.filter(|_| count > 0).map(|index| index.index(count));
                let lease_token = delivery.map(|at| model.known[i].deliveries[at].0.clone());
                let told =
                    Report { lease_token, ..report(&model.known[i].id, success, if success { "good" } else { "bad" }) };
                let expected = model.report(i, success, delivery, now);
                // A poll that brings a result is handed the next directive too: keep the model's line in step.
                match house.report(told).await {
                    Ok(answer) => {
                        assert_eq!(expected, "", "directive {i}");
                        model.spread(now);
                        let next = model.first_in_line();
                        assert_eq!(answer.directive_id.as_ref(), next.map(|i| &model.known[i].id));
                        if let Some(i) = next {
                            let known = &mut model.known[i];
                            known.deliveries.push((answer.metadata.lease_token.unwrap(), None, false));
                            (known.state, known.open, known.lease_end) = (State::Leased, true, now + LEASE);
                        }
                    }
                    Err(Error::Conflict { code, .. }) => assert_eq!(code, expected, "directive {i}"),
                    Err(other) => panic!("{other}"),
                }
                house.engine.look().await.unwrap();
            }
            Op::Cancel(of) if !model.known.is_empty() => {
                let i = of.index(model.known.len());
                let known = &mut model.known[i];
                let cancelled = house.engine.cancel(&house.who, &known.id).await;
                let refused = known.state.is_final() && known.state != State::Cancelled;
                assert_eq!(cancelled.is_err(), refused);
                if !refused {
                    known.state = State::Cancelled;
                    model.spread(now);
                }
                house.engine.look().await.unwrap();
            }
            Op::Pass(millis) => {
                house.pass(millis).await;
                model.look(now + millis);
            }
            Op::Restart => house.restart(),
            Op::Cancel(_) => {}
        }
    }
    let mut results = 0;
    for known in &model.known {
        let shown = house.show(&known.id).await;
        assert_eq!(shown.directive.state, known.state);
        assert_eq!(shown.result.is_some(), known.state.is_final() && known.state != State::Cancelled);
        assert_eq!(shown.directive.attempt, known.deliveries.len() as i64);
        results += i64::from(shown.result.is_some());
    }
    let status = house.status().await;
    assert_eq!(status.completed_directives, results, "one result for each directive that ended with one");
    let count = |states: &[State]| model.known.iter().filter(|known| states.contains(&known.state)).count() as i64;
    assert_eq!(status.active_directives, count(&[State::Leased]));
    assert_eq!(status.pending_directives, count(&[State::Queued, State::Scheduled, State::Waiting]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_model(ops in prop::collection::vec(op(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(ops));
    }
}
