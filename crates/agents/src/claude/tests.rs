//! Against recorded outputs of Claude Code 2.1.328 (`tests/samples`), most of them by a scripted model.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use baton_model::Priority;
use uuid::Uuid;

use super::*;
use crate::{
    Ending, Kind, Usage,
    agent::{End, Standing, Told},
    shepherd::Exit,
};

fn config(args: &[&str]) -> AgentConfig {
    AgentConfig {
        name: "coder".to_owned(),
        kind: Kind::Claude,
        command: None,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: BTreeMap::new(),
        timeout: Duration::from_secs(1),
        stall: None,
    }
}

fn end(code: i32, stderr: &str) -> End {
    End { exit: Some(Exit::Code(code)), stderr: stderr.to_owned() }
}

/// Reads bytes in steps of a length that fits nothing, and closes; also gives the standing before the close.
fn read(bytes: &[u8], end: &End) -> (Standing, Told) {
    let mut reader = Claude.reader(&config(&[]));
    bytes.chunks(997).for_each(|piece| reader.take(piece));
    (reader.standing(), reader.close(end))
}

fn sample(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A verdict in short: `completed: <result>`, `failed: <error>`, `refused: <error>`, `limit <until>: <error>`.
fn short(told: &Told) -> String {
    match &told.ending {
        Ending::Completed => format!("completed: {}", told.result),
        Ending::Failed { error } => format!("failed: {error}"),
        Ending::AuthenticationFailed { error } => format!("refused: {error}"),
        Ending::PlanLimit { until, error } => format!("limit {until:?}: {error}"),
        other => panic!("no agent says {other:?} of itself"),
    }
}

#[test]
fn every_recorded_run_gets_its_verdict() {
    use Standing::{Doomed, Resting, Working};
    let table = [
        ("bare.out", 0, Resting, "completed: pong from the stand-in"),
        ("stream_hello.out", 0, Resting, "completed: pong from the stand-in"),
        ("stream_bash.out", 0, Resting, "completed: Bash done"),
        ("stream_denied.out", 0, Resting, "completed: Bash done"),
        ("stream_hooks.out", 0, Resting, "completed: touch done"),
        ("stream_mcp.out", 0, Resting, "completed: MCP done"),
        ("stream_partial.out", 0, Resting, "completed: multi done"),
        ("stream_write.out", 0, Resting, "completed: Wrote out.txt"),
        ("think.out", 0, Resting, "completed: thought"),
        ("json_schema_never.out", 0, Resting, "completed: I refuse to call the tool"),
        // Its record stops in the middle.
        ("stream_subagent.out", 143, Working, "failed: Claude Code ended without a result (exit 143)"),
        ("cut.out", 143, Working, "failed: Claude Code ended without a result (exit 143)"),
        ("err400.out", 1, Resting, "failed: Credit balance is too low"),
        (
            "err401.out",
            143,
            Doomed,
            "refused: Claude Code's credentials are refused (authentication_failed (401), attempt 1 of 10).",
        ),
        (
            "err403.out",
            1,
            Doomed,
            "refused: Claude Code's credentials are refused (Failed to authenticate. API Error: 403 forbidden).",
        ),
        ("err404.out", 1, Resting, "failed: There's an issue with the selected model"),
        (
            "err429.out",
            143,
            Working,
            "failed: Claude Code ended without a result (exit 143); before that its model's API failed: rate_limit (429), attempt 8 of 10",
        ),
        ("err429long.out", 1, Resting, "failed: API Error: Request rejected (429) · rate limited"),
        (
            "err500.out",
            143,
            Working,
            "failed: Claude Code ended without a result (exit 143); before that its model's API failed: server_error (500)",
        ),
        ("err529.out", 1, Resting, "failed: API Error: Repeated 529 Overloaded errors."),
        ("err529r2.out", 1, Resting, "failed: API Error: Repeated 529 Overloaded errors."),
        ("hang.out", 1, Resting, "failed: Request timed out."),
        ("sseerr.out", 1, Resting, "failed: API Error: Server error mid-response."),
        ("max_budget.out", 1, Resting, "failed: Reached maximum budget ($0.5) (budget_exhausted)"),
        ("max_turns.out", 1, Resting, "failed: Reached maximum number of turns (3) (max_turns)"),
        // With an API key a 429 is an ordinary one; with a plan it names the reset.
        ("rl_limit.out", 1, Resting, "failed: API Error: Request rejected (429) · This request would exceed"),
        ("rl_limit_oauth.out", 1, Resting, "limit Some(1795166013000): You've hit your 5-hour limit"),
        ("rl_warn.out", 0, Resting, "completed: pong (default)"),
        ("rl_warn_oauth.out", 0, Resting, "completed: pong (default)"),
    ];
    let mut faults = Vec::new();
    for (name, code, standing, expected) in table {
        let (stands, told) = read(&sample(name), &end(code, ""));
        let verdict = short(&told);
        if !verdict.starts_with(expected) || stands != standing || told.metadata.broken_lines != 0 {
            faults.push(format!("{name}: {stands:?}, {verdict}\n  not {standing:?}, {expected}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn what_a_run_took_is_told_as_the_result_line_counts_it() {
    let metadata = read(&sample("stream_partial.out"), &end(0, "")).1.metadata;
    let usage = Usage {
        input_tokens: 3000,
        output_tokens: 150,
        cache_creation_input_tokens: 600,
        cache_read_input_tokens: 900,
    };
    assert_eq!(metadata.usage, Some(usage));
    assert_eq!((metadata.total_cost_usd, metadata.num_turns), (Some(0.01818), Some(5)));
    assert_eq!(metadata.model.as_deref(), Some("claude-opus-5-5"));
    assert_eq!(metadata.session_id.as_deref(), Some("65561b5a-0315-4dbb-b8fd-a5f04605fadb"));
    assert_eq!(metadata.terminal_reason.as_deref(), Some("completed"));
    assert_eq!(metadata.agent, "coder");

    assert_eq!(read(&sample("stream_denied.out"), &end(0, "")).1.metadata.permission_denials, Some(1));
    assert_eq!(read(&sample("max_budget.out"), &end(1, "")).1.metadata.total_cost_usd, Some(0.51036));
    let warned = read(&sample("rl_warn_oauth.out"), &end(0, "")).1.metadata.rate_limit_info.unwrap();
    assert_eq!((&warned["status"], &warned["utilization"]), (&"allowed_warning".into(), &0.93.into()));
}

#[test]
fn a_run_rests_only_when_nothing_runs_in_its_background() {
    let init = r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}"#;
    let result =
        |text: &str| format!(r#"{{"type":"result","is_error":false,"terminal_reason":"completed","result":"{text}"}}"#);
    let tasks = |tasks: &str| format!(r#"{{"type":"system","subtype":"background_tasks_changed","tasks":[{tasks}]}}"#);
    let mut reader = Claude.reader(&config(&[]));
    let mut after = |line: &str| {
        reader.take(format!("{line}\n").as_bytes());
        reader.standing()
    };
    assert_eq!(after(init), Standing::Working);
    assert_eq!(after(&tasks(r#"{"task_id":"t1"}"#)), Standing::Working);
    assert_eq!(after(&result("launched")), Standing::Working, "a task runs in the background");
    assert_eq!(after(&tasks("")), Standing::Resting);
    assert_eq!(after(init), Standing::Working, "the task's end began another turn");
    assert_eq!(after(&result("all done")), Standing::Resting);
    let told = reader.close(&end(0, ""));
    assert_eq!(short(&told), "completed: all done", "the last result counts");
}

#[test]
fn broken_and_unknown_lines_are_passed_over() {
    let mut bytes =
        b"{\"type\":\"assistant\",\"mess\nnot json\n[1]\n\n{\"type\":\"new_thing\",\"x\":[{}]}\n\xFF\xFE\n".to_vec();
    bytes.extend(vec![b'x'; 9 * 1024 * 1024]);
    bytes.extend(b"\n{\"type\":\"result\",\"is_error\":false,\"subtype\":\"new\",\"result\":\"fine\",\"extra\":1}");
    let (_, told) = read(&bytes, &end(0, ""));
    assert_eq!(short(&told), "completed: fine", "the last line needs no end");
    assert_eq!(told.metadata.broken_lines, 5);
}

#[test]
fn a_run_without_result_tells_what_it_said_instead() {
    let (_, told) = read(b"", &end(1, &String::from_utf8(sample("noverbose.err")).unwrap()));
    assert!(short(&told).starts_with("failed: Claude Code ended without a result (exit 1); stderr: Error: When using"));
    for said in ["Not logged in · Please run /login", "Invalid API key · Fix external API key"] {
        let (_, told) = read(b"", &end(1, said));
        assert!(short(&told).starts_with("refused: "), "{told:?}");
        assert!(short(&told).contains("agents.coder.env"), "{told:?}");
    }
    let (_, told) = read(&sample("stream_bash.out")[..5000], &End::default());
    assert!(short(&told).contains("its end is unknown"), "{told:?}");
}

#[test]
fn the_command_line_is_headless_and_the_prompt_is_not_on_it() {
    let mut task = Task {
        directive_id: "d-1".to_owned(),
        attempt: 1,
        text: "--help".to_owned(),
        dir: "/".into(),
        priority: Priority::Medium,
        timeout: None,
        budget_usd: None,
        session_id: Uuid::from_u128(7),
    };
    let config = config(&["--allowedTools", "Bash"]);
    let fixed = "-p --output-format stream-json --verbose --permission-mode acceptEdits --strict-mcp-config \
                 --setting-sources user --session-id 00000000-0000-0000-0000-000000000007";
    assert_eq!(Claude.arguments(&config, &task).unwrap().join(" "), format!("{fixed} --allowedTools Bash"));
    assert_eq!(Claude.stdin(&config, &task).as_deref(), Some("--help"));
    task.budget_usd = Some(0.5);
    assert_eq!(
        Claude.arguments(&config, &task).unwrap().join(" "),
        format!("{fixed} --max-budget-usd 0.5 --allowedTools Bash")
    );
}

#[test]
fn only_a_rejection_that_failed_the_run_is_a_plan_limit() {
    let verdict = |info: &str, reason: &str| {
        let event = format!(r#"{{"type":"rate_limit_event","rate_limit_info":{info}}}"#);
        let result = format!(r#"{{"type":"result","is_error":true,"terminal_reason":"{reason}","result":"no"}}"#);
        short(&read(format!("{event}\n{result}\n").as_bytes(), &end(1, "")).1)
    };
    assert_eq!(verdict(r#"{"status":"rejected","resetsAt":7}"#, "api_error"), "limit Some(7000): no");
    assert_eq!(verdict(r#"{"status":"rejected"}"#, "api_error"), "limit None: no");
    assert_eq!(verdict(r#"{"status":"allowed_warning","resetsAt":7}"#, "api_error"), "failed: no");
    assert_eq!(verdict(r#"{"status":"rejected","isUsingOverage":true}"#, "api_error"), "failed: no");
    assert_eq!(verdict(r#"{"status":"rejected","resetsAt":7}"#, "max_turns"), "failed: no (max_turns)");
}
