//! Programs that speak like Claude Code, and then do what they should not.

use baton_agents::{Ending, Kind};

use crate::support::{Agent, Watched, machine};

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s-1","model":"m-1"}"#;
const DONE: &str = r#"{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":"done","total_cost_usd":0.5,"num_turns":2,"usage":{"input_tokens":10,"output_tokens":5}}"#;
const LATE: &str =
    r#"{"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools"}"#;

/// A script that prints these lines, then does something.
fn says(lines: &[&str], then: &str) -> Agent {
    let printed: String = lines.iter().map(|line| format!("echo '{line}'\n")).collect();
    Agent::bash(Kind::Claude, &format!("cat > prompt\n{printed}{then}"))
}

#[tokio::test]
async fn a_whole_run_is_told_with_what_it_took() {
    let agent = says(&[INIT, "{broken", r#"{"type":"brand_new","x":1}"#, DONE], "echo \"$@\" > arguments");
    let watched = Watched::start();
    let outcome = agent.run_with(&machine(), &watched.controls).await;
    assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Completed, "done"));
    assert_eq!(agent.file("prompt").await, "do it");
    assert!(agent.file("arguments").await.starts_with("-p --output-format stream-json --verbose "));
    let told = serde_json::to_value(&outcome.metadata).unwrap();
    let expected = serde_json::json!({
        "agent": "fake", "session_id": "s-1", "model": "m-1", "total_cost_usd": 0.5, "num_turns": 2,
        "usage": {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
        "terminal_reason": "completed", "exit": "exit 0", "broken_lines": 1,
    });
    assert_eq!(told, expected);
    let transcript: String = watched.transcript().await.into_iter().map(|chunk| chunk.text).collect();
    assert_eq!(transcript, format!("{INIT}\n{{broken\n{{\"type\":\"brand_new\",\"x\":1}}\n{DONE}\n"));
}

#[tokio::test]
async fn a_process_that_stays_after_its_result_is_ended_and_its_result_stands() {
    let agent = says(&[INIT, DONE], &format!("trap \"echo '{LATE}'; exit 1\" INT\nwhile true; do sleep 0.05; done"));
    let outcome = agent.run().await;
    assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Completed, "done"));
    assert_eq!(outcome.metadata.total_cost_usd, Some(0.5));
}

#[tokio::test]
async fn a_result_is_not_waited_past_while_a_task_runs_in_the_background() {
    let task = r#"{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_id":"t"}]}"#;
    let none = r#"{"type":"system","subtype":"background_tasks_changed","tasks":[]}"#;
    let second = DONE.replace("\"done\"", "\"second\"");
    // Three times as long as a process may stay after its result.
    let agent = says(&[INIT, task, DONE], &format!("sleep 1\necho '{none}'; echo '{INIT}'; echo '{second}'"));
    let outcome = agent.run().await;
    assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Completed, "second"));
}

#[tokio::test]
async fn refused_credentials_end_a_run_at_once() {
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"error_status":401,"error":"authentication_failed"}"#;
    let agent = says(&[INIT, retry], &format!("trap \"echo '{LATE}'; exit 0\" INT\nwhile true; do sleep 0.05; done"));
    let outcome = agent.run().await;
    assert!(matches!(&outcome.ending, Ending::AuthenticationFailed { error } if error.contains("401")), "{outcome:?}");
}

#[tokio::test]
async fn a_plan_limit_names_its_reset() {
    let event = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795166013}}"#;
    let result = r#"{"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error","api_error_status":429,"result":"You have hit your limit"}"#;
    let outcome = says(&[INIT, event, result], "exit 1").run().await;
    let expected = Ending::PlanLimit { until: Some(1_795_166_013_000), error: "You have hit your limit".to_owned() };
    assert_eq!(outcome.ending, expected);
}

#[tokio::test]
async fn a_run_without_result_failed_whatever_its_exit_status() {
    for (then, how) in [("echo oops >&2; exit 0", "exit 0"), ("echo oops >&2; kill -9 $$", "signal SIGKILL")] {
        let outcome = says(&[INIT], then).run().await;
        let error = outcome.error().unwrap();
        assert_eq!(error, format!("Claude Code ended without a result ({how}); stderr: oops"));
    }
}
