//! What agents are told, in words.

use baton_model::{
    Millis, clock, lifecycle,
    poll::{NextAction, PollAnswer, PollMetadata, Recorded},
};
use baton_store::directive::Claimed;

/// How the loop goes: the answer to `start_monitoring`.
pub(super) const LOOP: &str = "\
Call get_next_directive and follow next_action in each answer, until it is STOP.
EXECUTE_THEN_POLL: carry out `directive` completely, then call get_next_directive with previous_result = \
{directive_id, success, result, execution_time, error, metadata, lease_token}. Take directive_id and \
metadata.lease_token from the answer that brought the directive; say in `result` what you did and found, in detail; \
if you could not do it, send success=false and the reason in `error`.
WAIT_THEN_POLL: wait wait_seconds, then call get_next_directive again, without previous_result.
STOP: end the loop.
If the work takes longer than the lease (metadata.lease_expires_at), call extend_lease before it ends.";

pub(super) fn stop(recorded: Option<Recorded>) -> PollAnswer {
    PollAnswer {
        has_directive: false,
        directive: None,
        directive_id: None,
        priority: None,
        next_action: NextAction::Stop,
        wait_seconds: 0,
        instructions: "Monitoring is stopped: end the loop. start_directive_monitoring starts it again.".to_owned(),
        expect_result: false,
        metadata: PollMetadata::default(),
        previous_result: recorded,
    }
}

pub(super) fn stop_alone(recorded: Option<Recorded>, agent: &str) -> PollAnswer {
    PollAnswer {
        instructions: format!(
            "Agent `{agent}` is stopped: end the loop. start_directive_monitoring with the argument agent=`{agent}` \
             starts it again."
        ),
        ..stop(recorded)
    }
}

pub(super) fn wait(recorded: Option<Recorded>, seconds: u64) -> PollAnswer {
    PollAnswer {
        next_action: NextAction::WaitThenPoll,
        wait_seconds: seconds,
        instructions: format!(
            "Nothing to do at the moment. Wait {seconds} seconds, then call get_next_directive again, without previous_result."
        ),
        ..stop(recorded)
    }
}

pub(super) fn execute(recorded: Option<Recorded>, claimed: Claimed, now: Millis) -> PollAnswer {
    let text = match &claimed.retry_reason {
        Some(reason) => lifecycle::retry_text(&claimed.body, claimed.retry_count, reason),
        None => claimed.body,
    };
    let instructions = format!(
        "Carry out this directive completely: \"{text}\"\n\nThen call get_next_directive with previous_result = \
         {{\"directive_id\": \"{}\", \"success\": true or false, \"result\": \"what you did and found, in detail\", \
         \"execution_time\": seconds, \"error\": \"the reason, if it failed\", \"metadata\": {{}}, \
         \"lease_token\": \"{}\"}}.",
        claimed.id, claimed.token
    );
    let request = claimed.request;
    PollAnswer {
        has_directive: true,
        directive: Some(text),
        directive_id: Some(claimed.id),
        priority: Some(claimed.priority),
        next_action: NextAction::ExecuteThenPoll,
        wait_seconds: 1,
        instructions,
        expect_result: true,
        metadata: PollMetadata {
            timeout: Some(request.timeout_seconds),
            tags: Some(request.tags),
            retry_count: Some(claimed.retry_count),
            attempt: Some(claimed.attempt),
            lease_token: Some(claimed.token),
            lease_expires_at: Some(clock::iso(now + claimed.lease)),
            budget_usd: request.budget_usd,
            acceptance: request.acceptance,
            repository: request.repository,
            metadata: Some(request.metadata).filter(|metadata| !metadata.is_empty()),
        },
        previous_result: recorded,
    }
}
