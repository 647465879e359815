use super::*;

/// A first attempt in the middle of its spread.
fn fail(lane: &mut Lane, id: &str, now: Millis) -> bool {
    lane.begin(id, 0);
    let up = lane.end(id, 0, Sign::Trouble, now, 0.5);
    lane.recorded(id);
    up
}

/// One that has answered.
fn answering() -> Lane {
    let mut lane = Lane::default();
    lane.begin("first", 0);
    lane.end("first", 0, Sign::Alive, 0, 0.5);
    lane.recorded("first");
    lane
}

fn down(now: Millis) -> Lane {
    let mut lane = answering();
    ["a", "b", "c"].iter().for_each(|id| _ = fail(&mut lane, id, now));
    lane
}

#[test]
fn three_messages_that_fail_in_a_row_take_it_down_and_an_answer_brings_it_up() {
    let mut lane = answering();
    for id in ["a", "b"] {
        fail(&mut lane, id, 0);
        assert_eq!(lane.room(0), Room::Deliveries(WIDTH));
    }
    fail(&mut lane, "c", 0);
    assert_eq!(lane.room(0), Room::Until(5_000));
    assert_eq!(lane.room(5_000), Room::Probe);
    lane.begin("d", 0);
    assert_eq!(lane.room(5_000), Room::Deliveries(0), "one at a time");
    assert!(lane.end("d", 0, Sign::Alive, 5_000, 0.5));
    lane.recorded("d");
    assert_eq!(lane.room(5_000), Room::Deliveries(WIDTH));
}

#[test]
fn pauses_grow_to_ten_minutes() {
    let mut lane = down(0);
    let (mut now, mut pauses) = (0, Vec::new());
    for round in 0..10 {
        let Room::Until(at) = lane.room(now) else { panic!("{lane:?}") };
        pauses.push((at - now) / 1000);
        now = at;
        fail(&mut lane, &format!("p{round}"), now);
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
}

#[test]
fn what_was_under_way_when_it_went_down_does_not_lengthen_the_pause() {
    let mut lane = answering();
    let ids = ["a", "b", "c", "d", "e", "f"];
    ids.iter().for_each(|id| lane.begin(id, 0));
    ids.iter().for_each(|id| _ = lane.end(id, 0, Sign::Trouble, 0, 0.5));
    assert_eq!(lane.room(60_000), Room::Deliveries(0), "their outcomes are not in the table yet");
    ids.iter().for_each(|id| lane.recorded(id));
    assert_eq!(lane.room(0), Room::Until(5_000));
}

#[test]
fn poisoned_messages_do_not_take_it_down_while_others_are_taken() {
    let mut lane = answering();
    for round in 0..100 {
        fail(&mut lane, &format!("poison {round}"), 0);
        fail(&mut lane, &format!("poison too {round}"), 0);
        lane.begin("good", 0);
        assert!(!lane.end("good", 0, Sign::Alive, 0, 0.5));
        lane.recorded("good");
    }
    // And on their later attempts they do not count at all.
    for id in ["a", "b", "c", "d"] {
        lane.begin(id, 1);
        lane.end(id, 1, Sign::Trouble, 0, 0.5);
        lane.recorded(id);
    }
    assert_eq!(lane.room(0), Room::Deliveries(WIDTH));
}

#[test]
fn an_endpoint_that_asks_for_rest_gets_it_at_once_and_only_somebody_who_wants_it_called_cuts_it_short() {
    let mut lane = Lane::default();
    lane.begin("a", 0);
    lane.end("a", 0, Sign::Rest(120_000), 1_000, 0.5);
    lane.recorded("a");
    assert_eq!(lane.room(1_000), Room::Until(121_000));
    lane.refill(1_000);
    lane.probe_now(1_000);
    assert_eq!(lane.room(1_000), Room::Until(121_000));
    assert_eq!(lane.room(121_000), Room::DueProbe);
    lane.wake(2_000);
    assert_eq!(lane.room(2_000), Room::Probe);
}

#[test]
fn one_that_has_not_answered_lately_has_one_call_at_a_time() {
    let mut lane = Lane::default();
    assert_eq!(lane.room(0), Room::Deliveries(1));
    lane.begin("a", 0);
    assert_eq!(lane.room(0), Room::Deliveries(0));
    lane.end("a", 0, Sign::Alive, 1, 0.5);
    assert_eq!(lane.room(TRUST), Room::Deliveries(WIDTH));
    assert_eq!(lane.room(TRUST + 1), Room::Deliveries(1));
}

#[test]
fn something_new_need_not_wait_for_an_old_failure_to_be_tried_again() {
    let mut lane = down(0);
    lane.refill(1_000);
    assert_eq!(lane.room(1_000), Room::Until(5_000), "the others were as new as this one");
    lane.begin("a", 1);
    lane.end("a", 1, Sign::Trouble, 5_000, 0.5);
    lane.recorded("a");
    assert_eq!(lane.room(5_000), Room::Until(15_000));
    lane.refill(6_000);
    assert_eq!(lane.room(6_000), Room::Probe);
}

#[test]
fn the_next_call_need_not_wait_for_the_record_of_the_one_before() {
    let mut lane = answering();
    let mut sent = 0;
    while let Room::Deliveries(room @ 1..) = lane.room(0) {
        assert!(room <= WIDTH);
        lane.begin(&sent.to_string(), 0);
        lane.end(&sent.to_string(), 0, Sign::Alive, 0, 0.5);
        sent += 1;
    }
    assert_eq!(sent, UNRECORDED, "but not many go ahead of the table");
    lane.recorded("0");
    assert_eq!(lane.room(0), Room::Deliveries(1));
}

#[test]
fn an_answer_from_before_it_went_down_brings_it_up_without_trying_failures_again_at_once() {
    let mut lane = answering();
    ["a", "b", "c", "d"].iter().for_each(|id| lane.begin(id, 0));
    ["a", "b", "c"].iter().for_each(|id| _ = lane.end(id, 0, Sign::Trouble, 0, 0.5));
    assert!(lane.is_down());
    assert!(!lane.end("d", 0, Sign::Alive, 0, 0.5));
    assert!(!lane.is_down());
}
