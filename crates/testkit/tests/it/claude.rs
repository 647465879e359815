//! The real Claude Code with its model played by the stand-in.

use std::time::Duration;

use baton_testkit::{
    claude::{Claude, McpServer, Run, Transcript},
    messages_api::{Block, MessagesApi, Reply, queue_worker::QueueWorker},
};
use serde_json::json;

use crate::fake_queue::FakeQueue;

const LIMIT: Duration = Duration::from_secs(120);

async fn run(base_url: String, directory: &std::path::Path, server: Option<McpServer>) -> Transcript {
    let claude = Claude::find().await.unwrap();
    claude.run(Run { base_url, prompt: "Go on.", directory, server, limit: LIMIT }).await.unwrap()
}

#[tokio::test]
async fn says_what_the_script_says() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let told = run(api.play("hello", |_| Reply::says("pong from the script")), directory.path(), None).await;

    let result = told.result().unwrap();
    assert_eq!(result["result"], "pong from the script", "{told}");
    assert_eq!(result["is_error"], false);
    assert!(told.status.is_some_and(|status| status.success()));
    let requests = api.requests();
    let main = requests.iter().find(|request| !request.tools().is_empty()).unwrap();
    assert_eq!(main.scenario, "hello");
    assert!(main.path.starts_with("/v1/messages"));
    assert!(main.messages().iter().any(|message| message.to_string().contains("Go on.")));
    assert!(!main.headers.contains_key("x-api-key") && !main.headers.contains_key("authorization"));
}

#[tokio::test]
async fn runs_the_tools_that_the_script_calls() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("made.txt");
    let input = json!({"file_path": file, "content": "by Write\n"});
    let base_url = api.play("write", move |request| match request.finished_calls() {
        0 => Reply::Message(vec![Block::tool("Write", input.clone())]),
        _ => Reply::says("done"),
    });
    let told = run(base_url, directory.path(), None).await;

    assert_eq!(told.result().unwrap()["result"], "done", "{told}");
    assert_eq!(told.tool_uses("Write").len(), 1);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "by Write\n");
}

#[tokio::test]
async fn tells_a_refusal_of_the_model_as_an_error() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let base_url = api.play("broke", |_| Reply::Error(403, "permission_error", "not you".to_owned()));
    let told = run(base_url, directory.path(), None).await;

    assert_eq!(told.result().unwrap()["is_error"], true, "{told}");
    assert!(told.status.is_some_and(|status| !status.success()));
}

#[tokio::test]
async fn works_a_queue_until_it_says_stop() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let queue = FakeQueue::start(&["write a.txt: alpha", "run echo beta > b.txt && cat b.txt", "sing a song"]).await;
    let worker = QueueWorker { directory: directory.path().to_owned(), wait_seconds: 1, empty_polls: 2 };
    let base_url = api.play("queue", move |request| worker.reply(request));
    let told = run(base_url, directory.path(), Some(McpServer::Http(queue.url()))).await;

    assert_eq!(told.result().unwrap()["result"], "Baton says STOP; I end here.", "{told}");
    assert_eq!(std::fs::read_to_string(directory.path().join("a.txt")).unwrap(), "alpha");
    assert_eq!(std::fs::read_to_string(directory.path().join("b.txt")).unwrap(), "beta\n");
    let reports = queue.reports();
    let said = |index: usize| (reports[index]["success"].clone(), reports[index]["result"].clone());
    assert_eq!(reports.len(), 3, "{reports:?}");
    assert_eq!(said(0), (json!(true), json!("wrote a.txt: alpha")));
    assert_eq!(said(1), (json!(true), json!("beta")));
    assert_eq!(said(2).0, json!(false));
    assert!(reports.iter().enumerate().all(|(n, report)| report["lease_token"] == format!("lease-{n}")));
}

#[tokio::test]
async fn ends_after_empty_polls() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let queue = FakeQueue::start_endless().await;
    let worker = QueueWorker { directory: directory.path().to_owned(), wait_seconds: 1, empty_polls: 3 };
    let base_url = api.play("queue", move |request| worker.reply(request));
    let told = run(base_url, directory.path(), Some(McpServer::Http(queue.url()))).await;

    assert_eq!(told.tool_uses("mcp__baton__get_next_directive").len(), 3, "{told}");
    assert_eq!(told.result().unwrap()["result"], "Nothing to do in 3 polls; I end here.");
}

#[tokio::test]
async fn a_run_that_is_not_done_in_time_is_ended() {
    let api = MessagesApi::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let base_url = api.play("silent", |_| Reply::Silence);
    let limit = Duration::from_secs(3);
    let claude = Claude::find().await.unwrap();
    let run = Run { base_url, prompt: "Go on.", directory: directory.path(), server: None, limit };
    let error = claude.run(run).await.unwrap_err();
    assert!(error.to_string().contains("not done after 3s"), "{error}");
}
