//! The poll: a result goes in, the next directive comes out.

use std::time::Duration;

use baton_engine::{Poll, queue::Switch};
use baton_gate::Input;
use baton_model::{
    Faults, PollAnswer, Report,
    poll::{NextAction, PollMetadata},
};
use rmcp::model::ProgressNotificationParam;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::Value;

use baton_model::principal::Scope;

use super::{About, Call, Effect, Entry, read};
use crate::{early::KEEP_ALIVE, refusal::Refusal};

/// The longest that a call may wait, in seconds: clients and proxies end calls that last much longer.
const MAX_WAIT_SECONDS: f64 = 240.0;
/// How soon a caller that can show progress is told that its call waits.
const FIRST_PROGRESS: Duration = Duration::from_millis(500);
/// How long a client of 2025-11-25 or older has to come back for the answer to a call whose stream broke.
const RESUME: Duration = Duration::from_secs(10);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What came of the directive that you were handed last. Leave it out when there is none to report.
    #[serde(default)]
    #[schemars(transform = ask_for_token)]
    previous_result: Option<Report>,
    /// How long to wait for a directive when none is due, in seconds, 0 to 240.
    #[serde(default = "twenty_five")]
    #[schemars(range(min = 0, max = 240))]
    wait_seconds: f64,
    /// Take only directives that carry at least one of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Your name, as you gave it to start_directive_monitoring.
    #[serde(default)]
    agent: Option<String>,
    /// The `session_id` that start_directive_monitoring answered; kept with the directive for the record.
    #[serde(default)]
    session_id: Option<String>,
}

fn twenty_five() -> f64 {
    25.0
}

/// Without a token a result counts too, but only as long as the lease never ran out; so agents are asked for it always.
fn ask_for_token(schema: &mut Schema) {
    let members = match schema.pointer_mut("/anyOf/0/required") {
        None => schema.pointer_mut("/required"),
        some => some,
    };
    if let Some(Value::Array(required)) = members {
        required.push("lease_token".into());
    }
}

impl Input for Arguments {
    /// The report's with their place in the arguments, and what would be no duration. The rest is the engine's.
    fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        if let Some(Err(report)) = self.previous_result.as_ref().map(Report::check) {
            report.0.into_iter().for_each(|it| faults.add(format!("previous_result.{}", it.field), it.detail));
        }
        if !(0.0..=MAX_WAIT_SECONDS).contains(&self.wait_seconds) {
            faults.add("wait_seconds", format!("must be 0 to {MAX_WAIT_SECONDS}, not {}", self.wait_seconds));
        }
        faults
    }
}

/// `get_next_directive`
pub fn next() -> Entry {
    let about = About {
        name: "get_next_directive",
        title: "Report the last directive and get the next",
        description: "Hands you the next directive, and records the result of the one before if you send it as \
                      `previous_result`. Follow the answer's `next_action`. EXECUTE_THEN_POLL: do all that \
                      `directive` asks, with your own tools, then call this again with `previous_result` = \
                      {directive_id, lease_token: metadata.lease_token, success, result, error?}. WAIT_THEN_POLL: \
                      nothing is due; call this again, after the answer's `wait_seconds` or at once: with nothing due \
                      the call itself waits for as long as its argument `wait_seconds` says. STOP: the work has ended; \
                      do not call again. A directive is yours until `metadata.lease_expires_at`; if you need longer, \
                      call extend_lease before that.",
        effect: Effect::Adds,
        scope: Scope::Work,
    };
    Entry::new::<Arguments, PollAnswer, _>(about, run)
}

async fn run(call: Call, arguments: Value) -> Result<PollAnswer, Refusal> {
    let arguments: Arguments = read(without_empty_report(arguments))?;
    arguments.faults().into_result()?;
    let refuse = if arguments.previous_result.is_some() { Refusal::of_report } else { Refusal::from };
    let who = call.who();
    let poll = Poll {
        report: arguments.previous_result,
        wait: Duration::from_secs_f64(arguments.wait_seconds),
        agent: arguments.agent,
        session: arguments.session_id,
        tags: arguments.tags,
        switch: Switch::Heeded,
        lease: None,
    };
    // The order matters: a directive is not claimed in the same moment in which the caller is found to be gone.
    tokio::select! {
        biased;
        () = call.gone() => {}
        () = call.context.ct.cancelled() => {}
        () = tell_progress(&call, arguments.wait_seconds) => {}
        answer = call.engine.next(&who, poll) => return answer.map_err(refuse),
    }
    // A broken stream is no cancellation in 2025-11-25 and older: the client may come back and ask what it missed. It is
    // told to poll again, since the poll that it lost takes nothing any more.
    tokio::select! {
        () = call.context.ct.cancelled() => {}
        () = tokio::time::sleep(RESUME) => {}
    }
    Ok(interrupted())
}

/// Agents that have nothing to report often send `{}`.
fn without_empty_report(mut arguments: Value) -> Value {
    if let Some(arguments) = arguments.as_object_mut()
        && arguments.get("previous_result").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        arguments.remove("previous_result");
    }
    arguments
}

/// Shows a caller that asked for it that the call is alive. Never ends.
async fn tell_progress(call: &Call, total: f64) {
    let Some(token) = call.context.meta.get_progress_token() else { return std::future::pending().await };
    let mut waited = Duration::ZERO;
    let mut pause = FIRST_PROGRESS;
    loop {
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = KEEP_ALIVE;
        let progress = ProgressNotificationParam::new(token.clone(), waited.as_secs_f64())
            .with_total(total)
            .with_message("waiting for a directive");
        // If it cannot be sent the caller is gone, and that is noticed elsewhere.
        let _unheard = call.context.peer.notify_progress(progress).await;
    }
}

fn interrupted() -> PollAnswer {
    PollAnswer {
        has_directive: false,
        directive: None,
        directive_id: None,
        priority: None,
        next_action: NextAction::WaitThenPoll,
        wait_seconds: 1,
        instructions: "The connection broke while this call waited, so it took no directive. Call get_next_directive \
                       again; if you sent a previous_result, send it once more: the same result twice is recorded once."
            .to_owned(),
        expect_result: false,
        metadata: PollMetadata::default(),
        previous_result: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(arguments: Value) -> String {
        let read = read::<Arguments>(without_empty_report(arguments));
        match read.and_then(|arguments| Ok(arguments.faults().into_result()?)) {
            Ok(()) => panic!("it was taken"),
            Err(Refusal(why)) => why,
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (arguments, part) in [
            (json!({"wait_secnds": 5}), "`wait_secnds`: is unknown; did you mean `wait_seconds`?"),
            (json!({"wait_seconds": 241}), "`wait_seconds`: must be 0 to 240, not 241"),
            (json!({"wait_seconds": -1}), "`wait_seconds`"),
            (json!({"wait_seconds": "soon"}), "`wait_seconds`: must be a number"),
            (json!({"tags": "ops"}), "`tags`: must be a list"),
            (json!({"previous_result": {"success": true, "result": ""}}), "`previous_result.directive_id`"),
            (
                json!({"previous_result": {"directive_id": "a", "success": "yes", "result": ""}}),
                "`previous_result.success`",
            ),
            (
                json!({"previous_result": {"directive_id": " ", "success": true, "result": ""}}),
                "`previous_result.directive_id`",
            ),
        ] {
            let why = refused(arguments.clone());
            assert!(why.contains(part), "{arguments}: {why}");
        }
    }

    #[test]
    fn nothing_to_report_may_be_said_in_three_ways() {
        for arguments in [json!({}), json!({"previous_result": null}), json!({"previous_result": {}})] {
            let read: Arguments = read(without_empty_report(arguments)).unwrap();
            assert!(read.previous_result.is_none());
            assert_eq!(read.wait_seconds, 25.0);
        }
    }
}
