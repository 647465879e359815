//! Leases: renewed, run out, handed out again, fenced.

use baton_engine::Error;
use baton_engine::queue::Renewal;
use baton_model::{DirectiveRequest, State, poll::RecordedAs, view::AttemptOutcome};

use crate::house::{House, code, directive, report, rule, with_token};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn an_expired_lease_is_handed_out_again_and_the_old_agent_is_refused() {
    let house = House::new().await;
    let (id, old) = {
        house.add("x").await;
        house.take().await
    };
    house.pass(HOUR - 1).await;
    assert!(!house.poll().await.has_directive);
    house.pass(1).await;
    let (again, new) = house.take().await;
    assert_eq!(again, id);
    assert_eq!(code(house.report(with_token(&id, true, "late", &old)).await), "stale_attempt");
    assert_eq!(code(house.report(report(&id, true, "whose?")).await), "lease_token_required");
    let answer = house.report(with_token(&id, true, "mine", &new)).await.unwrap();
    assert_eq!(answer.previous_result.unwrap().outcome, RecordedAs::Completed);
    let shown = house.show(&id).await;
    let outcomes: Vec<AttemptOutcome> = shown.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Expired, AttemptOutcome::Succeeded]);
    assert_eq!(code(house.report(with_token(&id, true, "mine", &new)).await), "ok");
    assert_eq!(code(house.report(with_token(&id, true, "late", &old)).await), "stale_attempt");
}

#[tokio::test]
async fn a_late_result_still_counts_while_nobody_else_has_the_directive() {
    for with in [true, false] {
        let house = House::new().await;
        house.add("x").await;
        let (id, token) = house.take().await;
        house.pass(2 * HOUR).await;
        let late = if with { with_token(&id, true, "late", &token) } else { report(&id, true, "late") };
        house.report(late).await.unwrap();
        assert_eq!(house.show(&id).await.directive.state, State::Completed);
        assert!(!house.poll().await.has_directive, "it is not handed out again");
    }
}

#[tokio::test]
async fn a_directive_that_nobody_finishes_dies_with_a_result() {
    let house = House::new().await;
    let id = house
        .submit(DirectiveRequest {
            timeout_seconds: Some(1.0),
            follow_up_rules: vec![rule("error", "BURY")],
            ..directive("x")
        })
        .await;
    for _ in 0..2 {
        assert_eq!(house.take().await.0, id);
        house.pass(1000).await;
    }
    let shown = house.show(&id).await;
    assert_eq!(shown.directive.state, State::Dead);
    let result = shown.result.unwrap();
    assert!(!result.success);
    assert_eq!(result.error.as_deref(), Some("timeout: no result after 2 deliveries"));
    assert_eq!(house.poll().await.directive.as_deref(), Some("BURY"));
    assert_eq!(house.status().await.completed_directives, 1);
}

#[tokio::test]
async fn a_lease_can_be_renewed_by_whoever_holds_it() {
    let house = House::new().await;
    house.submit(DirectiveRequest { timeout_seconds: Some(10.0), ..directive("x") }).await;
    let (id, token) = house.take().await;
    house.pass(9_000).await;
    house.engine.extend_lease(&house.who, &id, &token, None, Renewal::Asked).await.unwrap();
    house.pass(9_999).await;
    assert!(!house.poll().await.has_directive);
    house.engine.extend_lease(&house.who, &id, &token, Some(1.0), Renewal::Asked).await.unwrap();
    house.pass(1_000).await;
    house.engine.extend_lease(&house.who, &id, &token, None, Renewal::Asked).await.unwrap();
    assert_eq!(house.show(&id).await.directive.state, State::Leased, "it had run out, but nobody else had it");
    house.pass(10_000).await;
    let (_, new) = house.take().await;
    for (token, expected) in [(token.as_str(), "stale_attempt"), ("nonsense", "stale_attempt")] {
        match house.engine.extend_lease(&house.who, &id, token, None, Renewal::Asked).await {
            Err(Error::Conflict { code, .. }) => assert_eq!(code, expected),
            other => panic!("{other:?}"),
        }
    }
    house.report(with_token(&id, true, "r", &new)).await.unwrap();
}

#[tokio::test]
async fn everything_goes_on_after_a_restart() {
    let mut house = House::new().await;
    house.submit(DirectiveRequest { timeout_seconds: Some(10.0), ..directive("held") }).await;
    house.submit(DirectiveRequest { delay_seconds: Some(5.0), ..directive("later") }).await;
    let queued = house.add("queued").await;
    let (held, token) = house.take().await;
    house.restart();
    assert_eq!(house.take().await.0, queued);
    house.pass(5_000).await;
    assert_eq!(house.poll().await.directive.as_deref(), Some("later"));
    house.report(with_token(&held, true, "r", &token)).await.unwrap();
    assert_eq!(house.status().await.completed_directives, 1);
}

#[tokio::test]
async fn an_agent_without_a_token_never_speaks_for_another() {
    let house = House::with(baton_engine::Settings::default());
    house.engine.start_monitoring(&house.who, None).await.unwrap();
    let id = house.add("x").await;
    for _ in 0..2 {
        house.take().await;
        house.pass(HOUR).await;
        house.pass(0).await;
    }
    assert_eq!(code(house.report(report(&id, true, "from the first")).await), "lease_token_required");
}

#[tokio::test]
async fn a_renewed_lease_that_had_run_out_ends_as_what_it_became() {
    let house = House::new().await;
    house.submit(DirectiveRequest { timeout_seconds: Some(1.0), ..directive("x") }).await;
    let (id, token) = house.take().await;
    house.pass(1_000).await;
    house.engine.extend_lease(&house.who, &id, &token, None, Renewal::Asked).await.unwrap();
    house.report(report(&id, true, "done")).await.unwrap();
    let attempts = house.show(&id).await.attempts;
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].outcome, attempts[0].result.as_deref()), (AttemptOutcome::Succeeded, Some("done")));
}

#[tokio::test]
async fn a_claim_that_nobody_heard_of_takes_nothing_from_the_agent_before() {
    for _ in 0..20 {
        let house = House::new().await;
        house.submit(DirectiveRequest { timeout_seconds: Some(1.0), ..directive("x") }).await;
        let (id, token) = house.take().await;
        house.pass(1_000).await;
        // A poll that is dropped as soon as its claim is on its way.
        {
            use std::{future::Future, pin::pin, task::Context, task::Waker};
            let mut poll = pin!(house.poll());
            if poll.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                continue; // it had its answer at once, so it was heard
            }
        }
        house.add("another turn of the writer").await;
        house.add("and another").await;
        house.report(with_token(&id, true, "late", &token)).await.unwrap();
    }
}
