//! The real Claude Code pulls directives from the real Baton over MCP, does them and reports. Its model is played by a
//! script; the CLI, its MCP client and its tools are the real ones.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::{convert::Infallible, path::PathBuf, time::Duration};

use baton_testkit::{
    claude::{Claude, McpServer, Run, Transcript},
    messages_api::{MessagesApi, Request, queue_worker::QueueWorker},
    server::Server,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::sleep};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const NEXT: &str = "mcp__baton__get_next_directive";
/// How long anything but a wait on purpose may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Claude Code gives up on an HTTP call that was silent for exactly 60 s.
const LONGER_THAN_ITS_SILENCE_LIMIT: Duration = Duration::from_secs(66);

/// Baton, the stand-in of the model, and Claude's directory.
struct Scene {
    server: Server,
    api: MessagesApi,
    directory: TempDir,
}

impl Scene {
    async fn set() -> Self {
        Scene {
            server: Server::start(BATON, &[]).await.unwrap(),
            api: MessagesApi::start().await.unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn over_http(&self) -> McpServer {
        McpServer::Http(format!("{}/mcp", self.server.url()))
    }

    fn over_stdio(&self) -> McpServer {
        let args = ["mcp", "--url", self.server.url()].map(str::to_owned).to_vec();
        McpServer::Stdio { command: PathBuf::from(BATON), args, env: Vec::new() }
    }

    /// The same, started so late that the CLI has given up its first question and asks as an older client would.
    fn over_late_stdio(&self) -> McpServer {
        let late = ["-c", "sleep 5; exec \"$@\"", "sh", BATON, "mcp", "--url", self.server.url()];
        McpServer::Stdio { command: PathBuf::from("sh"), args: late.map(str::to_owned).to_vec(), env: Vec::new() }
    }

    /// A model with these polls. The channel tells before each of its steps how many calls of tools are done.
    fn model(&self, wait_seconds: u64, empty_polls: usize) -> (String, mpsc::UnboundedReceiver<usize>) {
        let worker = QueueWorker { directory: self.directory.path().to_owned(), wait_seconds, empty_polls };
        let (told, steps) = mpsc::unbounded_channel();
        let script = move |request: &Request| {
            // A test that does not look at the steps has dropped the other end.
            let _ = told.send(request.finished_calls());
            worker.reply(request)
        };
        (self.api.play("queue", script), steps)
    }

    async fn claude(&self, base_url: String, server: McpServer, limit: Duration) -> Transcript {
        let claude = Claude::find().await.unwrap();
        let prompt = "Work the queue of Baton until it says STOP.";
        let told = claude.run(Run { base_url, prompt, directory: self.directory.path(), server: Some(server), limit });
        told.await.unwrap_or_else(|error| panic!("{error:#}\nBaton said:\n{}", self.server.log()))
    }

    async fn submit(&self, directive: Value) -> String {
        let (status, answer) = self.server.post("/api/directives", &directive).await.unwrap();
        assert!((200..300).contains(&status), "{status} {answer}");
        answer["directive_id"].as_str().unwrap().to_owned()
    }

    async fn stop(&self) {
        let (status, answer) = self.server.post("/mcp/stop_monitoring", &json!({})).await.unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    /// The results, oldest first: directive, success, result.
    async fn results(&self) -> Vec<(String, bool, String)> {
        let (status, answer) = self.server.get("/api/results?limit=100").await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = answer.as_array().unwrap().iter().rev();
        entries.map(|one| (text(&one["directive"]), one["success"] == true, text(&one["result"]))).collect()
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Waits until the model is about to take its next step after `calls` finished calls of tools.
async fn after_calls(steps: &mut mpsc::UnboundedReceiver<usize>, calls: usize) {
    while steps.recv().await.expect("the stand-in ended") < calls {}
}

/// Claude's run to its end, with something that happens meanwhile. If Claude ends too early, so does the other.
async fn beside(claude: impl Future<Output = Transcript>, other: impl Future<Output = ()>) -> Transcript {
    let other = async {
        other.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        told = claude => told,
        never = other => match never {},
    }
}

/// Two directives, one of them with two rules of which one holds, and what comes of it.
async fn works_the_queue(scene: &Scene, server: McpServer) {
    scene
        .submit(json!({"directive": "run cat no-such-file", "priority": "low", "follow_up_rules": [
            {"condition": "error", "next_directive": "write sorry.txt: it was not there"},
        ]}))
        .await;
    scene
        .submit(json!({"directive": "write first.txt: alpha", "priority": "urgent", "follow_up_rules": [
            {"condition": "success AND result.contains('FIRST.txt')", "priority": "high",
             "next_directive": "run tr a-z A-Z < first.txt > second.txt; cat second.txt"},
            {"condition": "success AND result.contains('nothing of it')", "next_directive": "write never.txt: no"},
        ]}))
        .await;

    let (base_url, _steps) = scene.model(1, 2);
    let told = scene.claude(base_url, server, PATIENCE).await;

    assert_eq!(told.result().unwrap()["result"], "Nothing to do in 2 polls; I end here.", "{told}");
    assert_eq!(scene.file("first.txt"), "alpha");
    assert_eq!(scene.file("second.txt"), "ALPHA");
    assert_eq!(scene.file("sorry.txt"), "it was not there");
    assert!(!scene.directory.path().join("never.txt").exists());

    let results = scene.results().await;
    let done: Vec<_> = results.iter().map(|(directive, success, _)| (directive.as_str(), *success)).collect();
    let expected = [
        ("write first.txt: alpha", true),
        ("run tr a-z A-Z < first.txt > second.txt; cat second.txt", true),
        ("run cat no-such-file", false),
        ("write sorry.txt: it was not there", true),
    ];
    assert_eq!(done, expected, "{told}");
    assert_eq!(results[1].2, "ALPHA");
    assert!(results[2].2.contains("No such file"), "{:?}", results[2]);

    // The one error is the command's own.
    assert_eq!(told.tool_errors().len(), 1, "{told}");
    let polls = told.tool_uses(NEXT);
    assert_eq!(polls.iter().filter(|poll| poll["previous_result"].is_object()).count(), 4);
    assert!(
        polls
            .iter()
            .all(|poll| poll["previous_result"].is_null() || poll["previous_result"]["lease_token"].is_string())
    );
    let (_, queue) = scene.server.get("/api/queue").await.unwrap();
    let counts = ["pending_directives", "active_directives", "completed_directives"].map(|name| queue[name].clone());
    assert_eq!(counts, [json!(0), json!(0), json!(4)], "{queue}");
}

#[tokio::test]
async fn claude_code_works_the_queue_over_http() {
    let scene = Scene::set().await;
    works_the_queue(&scene, scene.over_http()).await;
}

#[tokio::test]
async fn claude_code_works_the_queue_over_stdio() {
    let scene = Scene::set().await;
    works_the_queue(&scene, scene.over_stdio()).await;
}

#[tokio::test]
async fn claude_code_works_the_queue_over_stdio_that_comes_late() {
    let scene = Scene::set().await;
    works_the_queue(&scene, scene.over_late_stdio()).await;
}

/// A stop ends the poll that waits, so the agent ends as well.
async fn stops(scene: &Scene, server: McpServer) {
    scene.submit(json!({"directive": "write one.txt: 1"})).await;
    let (base_url, mut steps) = scene.model(30, 1);
    let stop = async {
        // start, poll, Write: the next step is the poll that reports and then finds nothing.
        after_calls(&mut steps, 3).await;
        scene.stop().await;
    };
    let told = beside(scene.claude(base_url, server, PATIENCE), stop).await;

    assert_eq!(told.result().unwrap()["result"], "Baton says STOP; I end here.", "{told}");
    assert_eq!(scene.results().await, [("write one.txt: 1".into(), true, "wrote one.txt: 1".into())]);
}

#[tokio::test]
async fn stop_monitoring_ends_the_loop_over_http() {
    let scene = Scene::set().await;
    stops(&scene, scene.over_http()).await;
}

#[tokio::test]
async fn stop_monitoring_ends_the_loop_over_stdio() {
    let scene = Scene::set().await;
    stops(&scene, scene.over_stdio()).await;
}

#[tokio::test]
async fn slow_a_poll_outlives_claude_codes_silence_limit() {
    let scene = Scene::set().await;
    let (base_url, mut steps) = scene.model(90, 1);
    let late = async {
        // start: the next step is the poll that finds nothing.
        after_calls(&mut steps, 1).await;
        sleep(LONGER_THAN_ITS_SILENCE_LIMIT).await;
        scene.submit(json!({"directive": "write late.txt: worth the wait"})).await;
        // start, poll, Write: the next step reports.
        after_calls(&mut steps, 3).await;
        scene.stop().await;
    };
    let limit = PATIENCE + LONGER_THAN_ITS_SILENCE_LIMIT;
    let told = beside(scene.claude(base_url, scene.over_http(), limit), late).await;

    assert!(told.tool_errors().is_empty(), "{told}");
    assert_eq!(scene.file("late.txt"), "worth the wait");
    let polls = told.tool_uses(NEXT);
    assert_eq!(polls.len(), 2, "one poll waited for the directive, one reported it: {told}");
    assert_eq!(polls[0]["wait_seconds"], 90);
    assert!(scene.results().await[0].1);
}
