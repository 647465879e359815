//! Order, follow-ups, retries, dependencies, keys, counts.

use baton_engine::{Error, Poll};
use baton_model::{
    DirectiveRequest, NewDirective, Priority, State,
    poll::{NextAction, RecordedAs},
    view::DirectiveFilter,
};

use crate::house::{House, code, directive, report, rule};

#[tokio::test]
async fn urgent_goes_first_and_inside_a_priority_the_first_in() {
    let house = House::new().await;
    for (text, priority) in [
        ("l", Priority::Low),
        ("m1", Priority::Medium),
        ("u", Priority::Urgent),
        ("m2", Priority::Medium),
        ("h", Priority::High),
    ] {
        house.submit(DirectiveRequest { priority, ..directive(text) }).await;
    }
    let mut order = Vec::new();
    while let Some(text) = house.poll().await.directive {
        order.push(text);
    }
    assert_eq!(order, ["u", "h", "m1", "m2", "l"]);
}

#[tokio::test]
async fn agents_and_tags_get_what_is_meant_for_them() {
    let house = House::new().await;
    house.submit(DirectiveRequest { agent: Some("ann".to_owned()), ..directive("for ann") }).await;
    house.submit(DirectiveRequest { tags: vec!["sql".to_owned(), "eu".to_owned()], ..directive("sql") }).await;
    house
        .submit(DirectiveRequest { tags: vec!["sql".to_owned()], priority: Priority::High, ..directive("sql high") })
        .await;
    house.add("plain").await;
    let poll = async |agent: Option<&str>, tags: &[&str]| {
        let poll = Poll {
            agent: agent.map(ToOwned::to_owned),
            tags: tags.iter().map(ToString::to_string).collect(),
            ..Poll::default()
        };
        house.engine.next(&house.who, poll).await.unwrap().directive
    };
    assert_eq!(poll(None, &["eu", "us"]).await.as_deref(), Some("sql"));
    assert_eq!(poll(Some("bob"), &[]).await.as_deref(), Some("sql high"));
    assert_eq!(poll(Some("ann"), &["sql"]).await, None);
    assert_eq!(poll(Some("ann"), &[]).await.as_deref(), Some("for ann"));
    assert_eq!(poll(Some("bob"), &[]).await.as_deref(), Some("plain"));
    assert_eq!(poll(Some("bob"), &[]).await, None);
}

#[tokio::test]
async fn a_result_is_taken_and_what_follows_is_queued_once() {
    let house = House::new().await;
    let id = house
        .submit(DirectiveRequest {
            follow_up_rules: vec![
                rule("success AND result.contains('declining')", "PLAN"),
                rule("error", "ESCALATE"),
                rule("metadata.count > 3 && attempt == 1", "COUNT"),
                rule("metadata.nothing.there == 1", "NEVER"),
            ],
            ..directive("look")
        })
        .await;
    house.take().await;
    let mut told = report(&id, true, "Sales are DECLINING");
    told.metadata.insert("count".to_owned(), 4.into());
    let answer = house.report(told.clone()).await.unwrap();
    assert_eq!(answer.previous_result.unwrap().outcome, RecordedAs::Completed);
    assert_eq!(answer.directive.as_deref(), Some("PLAN"));
    let again = house.report(told).await.unwrap();
    assert_eq!(again.previous_result.unwrap().outcome, RecordedAs::AlreadyRecorded);
    assert_eq!(again.directive.as_deref(), Some("COUNT"));
    let shown = house.show(&id).await;
    assert_eq!(shown.children.len(), 2);
    assert_eq!(shown.directive.state, State::Completed);
    let kinds: Vec<&str> = shown.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["directive.queued", "directive.leased", "directive.completed"]);
    assert_eq!(shown.events[2].data["condition_errors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn retries_are_further_attempts_under_the_same_id_with_the_story_of_the_last() {
    let house = House::new().await;
    let id = house
        .submit(DirectiveRequest {
            retry_on_failure: true,
            max_retries: 2,
            retry_delay: 10.0,
            retry_backoff: 2.0,
            follow_up_rules: vec![rule("error", "ESCALATE")],
            ..directive("fetch")
        })
        .await;
    let other = house.add("other").await;
    house.take().await;
    let mut failed = report(&id, false, "no");
    failed.error = Some("E1".to_owned());
    let answer = house.report(failed.clone()).await.unwrap();
    assert_eq!(answer.directive_id, Some(other), "the retry waits, other work does not");
    assert_eq!(code(house.report(report(&id, true, "yes")).await), "already_reported");
    assert_eq!(code(house.report(failed).await), "ok", "the same again is known");
    house.pass(9_999).await;
    assert!(!house.poll().await.has_directive);
    house.pass(1).await;
    let again = house.poll().await;
    assert_eq!(again.directive.as_deref(), Some("fetch (Retry #1, previous error: E1)"));
    assert_eq!((again.metadata.retry_count, again.metadata.attempt), (Some(1), Some(2)));
    house.report(report(&id, false, "still not")).await.unwrap();
    house.pass(20_000).await;
    let last = house.poll().await;
    assert_eq!(last.directive.as_deref(), Some("fetch (Retry #2, previous error: still not)"));
    let answer = house.report(report(&id, false, "never")).await.unwrap();
    assert_eq!(answer.directive.as_deref(), Some("ESCALATE"), "rules are looked at once, at the end");
    let shown = house.show(&id).await;
    assert_eq!(shown.directive.state, State::Failed);
    assert_eq!(
        shown.attempts.iter().map(|a| a.result.as_deref().unwrap()).collect::<Vec<_>>(),
        ["no", "still not", "never"]
    );
}

#[tokio::test]
async fn results_for_nothing_and_for_nobody_are_refused() {
    let house = House::new().await;
    let id = house.add("x").await;
    assert_eq!(code(house.report(report("nonsense", true, "r")).await), "not_found");
    assert_eq!(code(house.report(report(&id, true, "r")).await), "not_leased");
    house.take().await;
    house.report(report(&id, true, "r")).await.unwrap();
    assert_eq!(code(house.report(report(&id, false, "bad")).await), "already_reported");
    let results = house.engine.results(&house.who, 10, None).await.unwrap().items;
    assert_eq!(results.len(), 1);
    assert!(results[0].success);
}

#[tokio::test]
async fn a_refused_report_hands_nothing_out() {
    let house = House::new().await;
    house.add("x").await;
    assert_eq!(code(house.report(report("nonsense", true, "r")).await), "not_found");
    assert_eq!(house.status().await.active_directives, 0);
}

#[tokio::test]
async fn dependencies_are_waited_for_and_their_failure_is_passed_on() {
    let house = House::new().await;
    let first = house.add("first").await;
    let needs = |ids: &[&String]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let second = house.submit(DirectiveRequest { depends_on: needs(&[&first, &first]), ..directive("second") }).await;
    let third = house
        .submit(DirectiveRequest {
            depends_on: needs(&[&second]),
            follow_up_rules: vec![rule("error", "MOURN")],
            ..directive("third")
        })
        .await;
    let late = house
        .submit(DirectiveRequest { depends_on: needs(&[&first]), delay_seconds: Some(60.0), ..directive("late") })
        .await;
    assert_eq!(house.take().await.0, first);
    assert_eq!(house.status().await.scheduled_directives, 3);
    let answer = house.report(report(&first, true, "ok")).await.unwrap();
    assert_eq!(answer.directive_id.as_ref(), Some(&second));
    assert_eq!(house.show(&late).await.directive.state, State::Scheduled);
    house.report(report(&second, false, "no")).await.unwrap();
    house.pass(0).await;
    assert_eq!(house.show(&third).await.directive.state, State::Failed);
    assert_eq!(house.poll().await.directive.as_deref(), Some("MOURN"));
    let doomed = house.submit(DirectiveRequest { depends_on: needs(&[&second]), ..directive("doomed") }).await;
    house.pass(0).await;
    assert_eq!(house.show(&doomed).await.directive.state, State::Failed);
    house.pass(60_000).await;
    assert_eq!(house.poll().await.directive.as_deref(), Some("late"));
    let unknown =
        NewDirective::check(DirectiveRequest { depends_on: vec!["nope".to_owned()], ..directive("x") }).unwrap();
    assert!(matches!(house.engine.submit(&house.who, unknown).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_directive() {
    let house = House::new().await;
    let keyed = |text: &str| DirectiveRequest { idempotency_key: Some("k".to_owned()), ..directive(text) };
    let id = house.submit(keyed("a")).await;
    assert_eq!(house.submit(keyed("a")).await, id);
    let other = NewDirective::check(keyed("b")).unwrap();
    let refused = house.engine.submit(&house.who, other).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "idempotency_key_reused", .. })));
    house.clock.advance(24 * 3600 * 1000);
    assert_ne!(house.submit(keyed("b")).await, id, "keys live for a day");
}

#[tokio::test]
async fn the_switch_is_one_for_all_and_agents_can_be_stopped_alone() {
    let house = House::with(baton_engine::Settings::default());
    house.add("x").await;
    assert_eq!(house.poll().await.next_action, NextAction::Stop);
    let first = house.engine.start_monitoring(&house.who, None).await.unwrap().session_id;
    assert_eq!(house.engine.start_monitoring(&house.who, Some("ann")).await.unwrap().session_id, first);
    house.engine.stop_monitoring(&house.who, Some("ann")).await.unwrap();
    let ann = Poll { agent: Some("ann".to_owned()), ..Poll::default() };
    assert_eq!(house.engine.next(&house.who, ann.clone()).await.unwrap().next_action, NextAction::Stop);
    let (id, _) = house.take().await;
    let stopped = house.engine.stop_monitoring(&house.who, None).await.unwrap();
    assert_eq!(
        (stopped.session_id.as_ref(), stopped.pending_directives, stopped.completed_directives),
        (Some(&first), 0, 0)
    );
    let answer = house.report(report(&id, true, "done")).await.unwrap();
    assert_eq!(answer.next_action, NextAction::Stop);
    assert!(answer.previous_result.is_some(), "a result reported after the stop is still recorded");
    assert_ne!(house.engine.start_monitoring(&house.who, Some("ann")).await.unwrap().session_id, first);
    assert_eq!(house.engine.next(&house.who, ann).await.unwrap().next_action, NextAction::WaitThenPoll);
}

#[tokio::test]
async fn cancel_retry_and_priority_keep_to_their_states() {
    let house = House::new().await;
    let (a, b) = (house.add("a").await, house.add("b").await);
    house.engine.set_priority(&house.who, &b, Priority::Urgent).await.unwrap();
    let (taken, _) = house.take().await;
    assert_eq!(taken, b);
    house.engine.cancel(&house.who, &b).await.unwrap();
    house.engine.cancel(&house.who, &b).await.unwrap();
    assert_eq!(code(house.report(report(&b, true, "late")).await), "already_ended");
    assert_eq!(house.status().await.completed_directives, 0, "a cancelled directive has no result");
    let again = house.engine.retry(&house.who, &b).await.unwrap();
    assert_ne!(again.directive_id, b);
    assert_eq!(house.show(&again.directive_id).await.directive.parent, Some(b));
    assert!(matches!(house.engine.retry(&house.who, &a).await, Err(Error::Conflict { code: "not_retryable", .. })));
    let later = house.submit(DirectiveRequest { delay_seconds: Some(3600.0), ..directive("later") }).await;
    assert_eq!(house.engine.retry(&house.who, &later).await.unwrap().state, State::Queued);
    assert_eq!(house.poll().await.directive.as_deref(), Some("b"));
}

#[tokio::test]
async fn analytics_are_by_true_priority_and_leave_out_what_has_no_time() {
    let house = House::new().await;
    for (priority, success, time, error) in [
        (Priority::Urgent, true, Some(10.0), None),
        (Priority::High, true, None, None),
        (Priority::High, false, Some(99.0), Some("Timeout while reading")),
        (Priority::Low, false, None, Some("Access denied")),
    ] {
        let id = house.submit(DirectiveRequest { priority, ..directive("x") }).await;
        house.take().await;
        let mut told = report(&id, success, "r");
        (told.execution_time, told.error) = (time, error.map(ToOwned::to_owned));
        house.report(told).await.unwrap();
    }
    let analytics = house.engine.analytics(&house.who).await.unwrap();
    assert_eq!((analytics.total_completed, analytics.success_rate, analytics.average_execution_time), (4, 0.5, 10.0));
    let rates: Vec<(&str, f64)> = analytics.success_by_priority.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    assert_eq!(rates, [("high", 0.5), ("low", 0.0), ("urgent", 1.0)]);
    assert_eq!(analytics.common_failure_patterns, ["access_denied: 1", "timeout: 1"]);
    assert_eq!(analytics.daily_volume.into_iter().collect::<Vec<_>>(), [("2026-11-20".to_owned(), 4)]);
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(house.submit(DirectiveRequest { tags: vec![format!("t{}", n % 2)], ..directive("x") }).await);
    }
    for _ in 0..3 {
        let (id, _) = house.take().await;
        house.report(report(&id, true, "r")).await.unwrap();
        house.clock.advance(1);
    }
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = house.engine.directives(&house.who, DirectiveFilter::default(), 2, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|item| item.directive_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    let tagged =
        DirectiveFilter { tag: Some("t0".to_owned()), state: Some(State::Completed), ..DirectiveFilter::default() };
    assert_eq!(house.engine.directives(&house.who, tagged, 10, None).await.unwrap().items.len(), 3);
    let first = house.engine.results(&house.who, 2, None).await.unwrap();
    let second = house.engine.results(&house.who, 2, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (2, 1, None));
    for limit in [0, 1001] {
        assert!(matches!(house.engine.results(&house.who, limit, None).await, Err(Error::Invalid(_))));
    }
    assert!(house.engine.results(&house.who, 1000, Some("x")).await.is_err());
}

#[tokio::test]
async fn the_same_result_is_the_same_whatever_numbers_it_holds() {
    let house = House::new().await;
    let id = house.add("x").await;
    house.take().await;
    let mut told = report(&id, true, "r");
    told.execution_time = Some(0.1 + 0.2);
    for (name, number) in
        [("a", 6.318_551_841_915_589e-10), ("b", 0.1 + 0.2), ("c", f64::MIN_POSITIVE), ("d", 1.0 / 3.0)]
    {
        told.metadata.insert(name.to_owned(), number.into());
    }
    house.report(told.clone()).await.unwrap();
    assert_eq!(code(house.report(told).await), "ok");
}

#[tokio::test]
async fn a_retried_directive_still_waits_for_what_it_needs() {
    let house = House::new().await;
    let first = house.add("first").await;
    let second = house.submit(DirectiveRequest { depends_on: vec![first.clone()], ..directive("second") }).await;
    house.engine.cancel(&house.who, &second).await.unwrap();
    let again = house.engine.retry(&house.who, &second).await.unwrap();
    assert_eq!(again.state, State::Waiting);
    assert_eq!(house.show(&again.directive_id).await.depends_on, [first]);
}

#[tokio::test]
async fn an_agent_stopped_alone_is_told_how_to_start_again() {
    let house = House::new().await;
    house.engine.stop_monitoring(&house.who, Some("ann")).await.unwrap();
    let poll = Poll { agent: Some("ann".to_owned()), ..Poll::default() };
    let told = house.engine.next(&house.who, poll).await.unwrap().instructions;
    assert!(told.contains("agent=`ann`"), "{told}");
}

#[tokio::test]
async fn no_directive_has_more_dependents_than_one_transaction_can_release() {
    let house = House::new().await;
    let first = house.add("first").await;
    let needy = DirectiveRequest { depends_on: vec![first.clone()], ..directive("x") };
    for _ in 0..1000 {
        house.submit(needy.clone()).await;
    }
    let refused = house.engine.submit(&house.who, NewDirective::check(needy).unwrap()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    house.take().await;
    house.report(report(&first, true, "r")).await.unwrap();
    assert_eq!(house.status().await.scheduled_directives, 0);
}
