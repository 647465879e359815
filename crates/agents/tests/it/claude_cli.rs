//! The real Claude Code with its model played by the stand-in.

use std::{collections::BTreeMap, time::Duration};

use baton_agents::{AgentConfig, Ambient, Availability, Ending, Kind, Limits, Machine, Outcome, Task, detect, run};
use baton_model::{Ids, Priority, SystemRng};
use baton_testkit::{
    claude::{Claude, VERSION},
    messages_api::{Block, MessagesApi, Reply, Request},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{LIMIT, MARK, Watched, appeared, machine, marked};

/// Where Claude Code works and lives, and the stand-in of its model.
struct Place {
    home: TempDir,
    work: TempDir,
    _api: MessagesApi,
    machine: Machine,
    config: AgentConfig,
}

impl Place {
    async fn new(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let program = Claude::find().await.unwrap().program().display().to_string();
        let api = MessagesApi::start().await.unwrap();
        let (home, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let variables = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", home.path().display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            ("ANTHROPIC_BASE_URL", api.play("agents", script)),
            ("ANTHROPIC_API_KEY", "dummy".to_owned()),
            // A nested Claude Code would behave as one.
            ("CLAUDECODE", "1".to_owned()),
        ];
        let mut machine = machine();
        machine.ambient = Ambient::of(variables.map(|(name, value)| (name.to_owned(), value)));
        machine.limits = Limits { interrupt: LIMIT, ..Limits::default() };
        let config = AgentConfig {
            name: "coder".to_owned(),
            kind: Kind::Claude,
            command: Some(program),
            args: ["--allowedTools", "Bash"].map(str::to_owned).to_vec(),
            env: BTreeMap::from([(MARK.to_owned(), work.path().display().to_string())]),
            timeout: LIMIT,
            stall: Some(Duration::from_secs(60)),
        };
        Place { home, work, _api: api, machine, config }
    }

    fn task(&self) -> Task {
        Task {
            directive_id: "d-1".to_owned(),
            attempt: 1,
            text: "Write the file.".to_owned(),
            dir: self.work.path().to_owned(),
            priority: Priority::Medium,
            timeout: None,
            budget_usd: Some(5.0),
            session_id: Ids::new(std::sync::Arc::new(SystemRng::from_machine())).next(0),
        }
    }

    async fn run(&self, task: &Task, watched: &Watched) -> Outcome {
        assert!(self.home.path().exists());
        let outcome = run(&self.machine, &self.config, task, &watched.controls).await;
        assert_eq!(marked(&self.work.path().display().to_string()), Vec::<i32>::new(), "{outcome:?}");
        outcome
    }
}

#[tokio::test]
async fn it_works_and_tells_what_it_took() {
    let place = Place::new(|request| match request.finished_calls() {
        0 => Reply::Message(vec![Block::tool("Write", json!({"file_path": "made.txt", "content": "by Write\n"}))]),
        _ => Reply::says("The file is written."),
    })
    .await;
    let (task, watched) = (place.task(), Watched::start());
    let outcome = place.run(&task, &watched).await;
    assert_eq!((&outcome.ending, outcome.result.as_str()), (&Ending::Completed, "The file is written."));
    let metadata = &outcome.metadata;
    assert_eq!(metadata.session_id, Some(task.session_id.to_string()));
    assert_eq!((metadata.num_turns, metadata.permission_denials), (Some(2), Some(0)));
    assert!(metadata.total_cost_usd.is_some_and(|cost| cost > 0.0) && metadata.model.is_some(), "{metadata:?}");
    assert!(metadata.usage.is_some_and(|usage| usage.output_tokens > 0), "{metadata:?}");
    assert_eq!(metadata.broken_lines, 0);
    let transcript: String = watched.transcript().await.into_iter().map(|chunk| chunk.text).collect();
    assert!(transcript.contains("\"type\":\"result\""));
}

#[tokio::test]
async fn it_is_ended_with_the_children_of_its_tools() {
    let place = Place::new(|_| {
        let command = "tail -f /dev/null & setsid tail -f /dev/null & echo up > up; wait";
        Reply::Message(vec![Block::tool("Bash", json!({"command": command, "description": "wait"}))])
    })
    .await;
    let (task, watched) = (place.task(), Watched::start());
    let (outcome, ()) = tokio::join!(place.run(&task, &watched), async {
        appeared(&place.work.path().join("up")).await;
        watched.controls.cancel.cancel();
    });
    assert_eq!(outcome.ending, Ending::Cancelled);
    assert!(outcome.metadata.total_cost_usd.is_some(), "an interrupted run tells its cost: {:?}", outcome.metadata);
}

#[tokio::test]
async fn refused_credentials_end_it_at_once() {
    let place = Place::new(|_| Reply::Error(401, "authentication_error", "invalid x-api-key".to_owned())).await;
    let outcome = place.run(&place.task(), &Watched::start()).await;
    assert!(matches!(outcome.ending, Ending::AuthenticationFailed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn without_credentials_it_asks_for_them() {
    let mut place = Place::new(|_| Reply::says("never asked")).await;
    place.config.env.insert("ANTHROPIC_API_KEY".to_owned(), String::new());
    let outcome = place.run(&place.task(), &Watched::start()).await;
    assert!(matches!(outcome.ending, Ending::AuthenticationFailed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_model_that_is_silent_is_a_stall() {
    let mut place = Place::new(|_| Reply::Silence).await;
    place.config.stall = Some(Duration::from_secs(8));
    let outcome = place.run(&place.task(), &Watched::start()).await;
    assert_eq!(outcome.ending, Ending::Stalled);
}

#[tokio::test]
async fn it_is_found_with_its_version() {
    let place = Place::new(|_| Reply::says("never asked")).await;
    match detect(&place.machine, &place.config).await {
        Availability::Found { version: Some(version), .. } => assert!(version.starts_with(VERSION), "{version}"),
        other => panic!("{other:?}"),
    }
}
