//! Polls that wait: woken by work, by the end of a delay, by the switch, by the end of the server; and given up.

use std::time::Duration;

use baton_engine::{Engine, Poll};
use baton_model::{DirectiveRequest, poll::NextAction};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::house::{House, directive, report, seconds};

fn park(house: &House, poll: Poll) -> JoinHandle<baton_model::PollAnswer> {
    let (engine, who) = (house.engine.clone(), house.who.clone());
    tokio::spawn(async move { engine.next(&who, poll).await.unwrap() })
}

fn patient() -> Poll {
    Poll { wait: seconds(60), ..Poll::default() }
}

async fn until(engine: &Engine, parked: i64) {
    let who = baton_engine::Principal::local();
    while engine.queue_status(&who).await.unwrap().waiting_polls != parked {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_directive_wakes_one_of_many() {
    let house = House::new().await;
    let mut polls: Vec<_> = (0..20).map(|_| park(&house, patient())).collect();
    until(&house.engine, 20).await;
    house.add("x").await;
    let (answer, index, _) = first(&mut polls).await;
    assert!(answer.has_directive);
    polls.remove(index);
    until(&house.engine, 19).await;
    let status = house.status().await;
    assert_eq!((status.pending_directives, status.active_directives), (0, 1));
    house.engine.stop();
    for poll in polls {
        assert_eq!(poll.await.unwrap().next_action, NextAction::WaitThenPoll);
    }
}

async fn first(polls: &mut [JoinHandle<baton_model::PollAnswer>]) -> (baton_model::PollAnswer, usize, ()) {
    use std::{future::poll_fn, pin::Pin, task::Poll};
    poll_fn(|context| {
        for (index, poll) in polls.iter_mut().enumerate() {
            if let Poll::Ready(answer) = Pin::new(poll).poll(context) {
                return Poll::Ready((answer.unwrap(), index, ()));
            }
        }
        Poll::Pending
    })
    .await
}

#[tokio::test]
async fn what_is_meant_for_others_wakes_nobody_else() {
    let house = House::new().await;
    let anybody = park(&house, patient());
    let ann = park(&house, Poll { agent: Some("ann".to_owned()), ..patient() });
    until(&house.engine, 2).await;
    house.submit(DirectiveRequest { agent: Some("ann".to_owned()), ..directive("for ann") }).await;
    assert_eq!(ann.await.unwrap().directive.as_deref(), Some("for ann"));
    assert!(!anybody.is_finished());
    house.engine.stop();
    assert!(!anybody.await.unwrap().has_directive);
}

#[tokio::test]
async fn a_poll_that_goes_away_leaves_the_directive_to_the_next() {
    let house = House::new().await;
    for _ in 0..50 {
        let gone = park(&house, patient());
        until(&house.engine, 1).await;
        house.add("x").await;
        gone.abort();
        let answer = match gone.await {
            Ok(answered) => answered, // it had its answer before it went away
            Err(_) => {
                until(&house.engine, 0).await;
                tokio::time::timeout(seconds(10), park(&house, patient())).await.unwrap().unwrap()
            }
        };
        house.report(report(&answer.directive_id.unwrap(), true, "r")).await.unwrap();
    }
    assert_eq!(house.status().await.completed_directives, 50);
}

#[tokio::test]
async fn delays_and_the_switch_end_a_wait() {
    let house = House::new().await;
    let stop = CancellationToken::new();
    let engine = house.engine.clone();
    let background = tokio::spawn({
        let stop = stop.clone();
        async move { engine.run_background(stop).await }
    });
    let waiting = park(&house, patient());
    until(&house.engine, 1).await;
    house.submit(DirectiveRequest { delay_seconds: Some(5.0), ..directive("later") }).await;
    house.clock.advance(5_000);
    let answer = tokio::time::timeout(seconds(5), waiting).await.expect("within the slow poll").unwrap();
    assert_eq!(answer.directive.as_deref(), Some("later"));
    let waiting = park(&house, patient());
    until(&house.engine, 1).await;
    house.engine.stop_monitoring(&house.who, None).await.unwrap();
    assert_eq!(waiting.await.unwrap().next_action, NextAction::Stop);
    stop.cancel();
    background.await.unwrap();
}

#[tokio::test]
async fn the_answer_of_a_wait_in_vain_follows_recent_activity() {
    let house = House::new().await;
    let short = Poll { wait: Duration::from_millis(1), ..Poll::default() };
    assert_eq!(house.engine.next(&house.who, short.clone()).await.unwrap().wait_seconds, 15);
    for (results, expected) in [(1, 5), (5, 3), (5, 1)] {
        for _ in 0..results {
            let id = house.add("x").await;
            house.take().await;
            house.report(report(&id, true, "r")).await.unwrap();
        }
        let answer = house.engine.next(&house.who, short.clone()).await.unwrap();
        assert_eq!(answer.wait_seconds, expected);
        assert!(answer.instructions.contains(&format!("{expected} seconds")));
    }
    house.clock.advance(5 * 60 * 1000 + 1);
    assert_eq!(house.poll().await.wait_seconds, 15);
}

#[tokio::test]
async fn a_poll_that_takes_another_directive_leaves_nobody_asleep() {
    let house = House::new().await;
    let first = house.add("first").await;
    house.take().await;
    let needy = |priority, tags: &[&str]| DirectiveRequest {
        priority,
        depends_on: vec![first.clone()],
        tags: tags.iter().map(ToString::to_string).collect(),
        ..directive("x")
    };
    house.submit(needy(baton_model::Priority::Low, &[])).await;
    house.submit(needy(baton_model::Priority::Urgent, &["y"])).await;
    let polls = [
        park(&house, patient()),
        park(&house, Poll { tags: vec!["y".to_owned()], ..patient() }),
        park(&house, patient()),
    ];
    until(&house.engine, 3).await;
    let reported = baton_model::Report { lease_token: None, ..report(&first, true, "r") };
    let engine = house.engine.clone();
    let stopped = Poll { report: Some(reported), tags: vec!["nothing has this".to_owned()], ..Poll::default() };
    engine.next(&house.who, stopped).await.unwrap();
    until(&house.engine, 1).await;
    assert_eq!(house.status().await.pending_directives, 0);
    house.engine.stop();
    let mut taken = 0;
    for poll in polls {
        taken += usize::from(tokio::time::timeout(seconds(10), poll).await.unwrap().unwrap().has_directive);
    }
    assert_eq!(taken, 2);
}
