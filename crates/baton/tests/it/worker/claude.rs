//! The real Claude Code as the agent, its model played by the stand-in.

use std::net::Ipv4Addr;

use axum::{Json, Router, http::StatusCode};
use baton_model::{Clock, SystemClock};
use baton_testkit::{
    claude::Claude,
    messages_api::{Block, MessagesApi, Reply, Request},
};
use tokio::net::TcpListener;

use super::*;

/// Settings in which `claude` asks this model with these credentials.
async fn place(base_url: &str, credentials: &str) -> Place {
    let (place, program) = (Place::new(), Claude::find().await.unwrap());
    let settings = format!(
        "{}\n[agents.claude]\nkind = \"claude\"\ncommand = \"{}\"\nenv = {{ ANTHROPIC_BASE_URL = \"{base_url}\", \
         {credentials}, {MARK} = \"{}\" }}\n",
        fs::read_to_string(place.at("baton.toml")).unwrap(),
        program.program().display(),
        place.dir.path().display(),
    );
    fs::write(place.at("baton.toml"), settings).unwrap();
    place
}

const KEY: &str = "ANTHROPIC_API_KEY = \"dummy\"";

fn writes_a_file(request: &Request) -> Reply {
    match request.finished_calls() {
        0 => Reply::Message(vec![Block::tool("Write", json!({"file_path": "made.txt", "content": "by Claude\n"}))]),
        _ => Reply::says("The file is written."),
    }
}

#[tokio::test]
async fn it_does_a_directive_and_tells_what_it_took() {
    let (server, api) = (Server::start(BATON, &[]).await.unwrap(), MessagesApi::start().await.unwrap());
    let place = place(&api.play("write", writes_a_file), KEY).await;
    let directive = json!({"directive": "Write made.txt.", "repository": "acme/app", "budget_usd": 5});
    let id = submit(&server, directive).await;
    let mut worker = place.worker(&server, &["--agent", "claude", "--once"]);
    assert_eq!(worker.ended().await.code(), Some(0), "{:#?}\n{}", worker.all(), worker.stderr());
    let done = ended(&server, &id).await;
    let result = &done["result"];
    assert_eq!((&done["state"], &result["result"]), (&json!("completed"), &json!("The file is written.")), "{done:#}");
    assert_eq!(fs::read_to_string(place.at("projects/acme/app/made.txt")).unwrap(), "by Claude\n");
    let metadata = &result["metadata"];
    assert!(metadata["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{done:#}");
    for key in ["input_tokens", "output_tokens", "num_turns", "duration_ms"] {
        assert!(metadata[key].as_u64().is_some_and(|number| number > 0), "{key}: {done:#}");
    }
    assert!(metadata["model"].is_string() && metadata["session_id"].is_string(), "{done:#}");
    assert_eq!((&metadata["permission_denials"], &metadata["exit_code"]), (&json!(0), &json!(0)), "{done:#}");
    assert!(transcript(&server, &id).await.contains("\"type\":\"result\""));
    assert!(worker.said("progress", 1).await.iter().any(|one| one["directive_id"] == json!(id)));
}

#[tokio::test]
async fn refused_credentials_end_the_worker_and_lose_nothing() {
    let (server, api) = (Server::start(BATON, &[]).await.unwrap(), MessagesApi::start().await.unwrap());
    let refusal = |_: &Request| Reply::Error(401, "authentication_error", "invalid x-api-key".to_owned());
    let place = place(&api.play("refuse", refusal), KEY).await;
    let id = script(&server, "Write made.txt.").await;
    let mut worker = place.worker(&server, &["--agent", "claude"]);
    assert_eq!(worker.ended().await.code(), Some(1), "{:#?}", worker.all());
    until(|| worker.stderr().contains("log in"), "advice").await;
    assert_eq!(worker.said("released", 1).await[0]["directive_id"], json!(id));
    assert_eq!(directive(&server, &id).await["state"], "queued");
    place.is_quiet().await;
}

#[tokio::test]
async fn the_plans_limit_pauses_the_worker_until_its_reset() {
    let server = Server::start(BATON, &[]).await.unwrap();
    // Far enough that the CLI does not wait for it by itself.
    let reset = SystemClock::start().now() / 1000 + 5400;
    let place = place(&limited(reset).await, "CLAUDE_CODE_OAUTH_TOKEN = \"dummy\"").await;
    let id = script(&server, "Write made.txt.").await;
    let mut worker = place.worker(&server, &["--agent", "claude", "--concurrency", "2"]);
    let released = worker.said("released", 1).await;
    assert!(released[0]["reason"].as_str().unwrap().contains("limit"), "{released:?}");
    let seconds = released[0]["seconds"].as_i64().unwrap();
    assert!((5000..=5400).contains(&seconds), "{released:?}");
    assert_eq!(worker.said("paused", 1).await.len(), 1);
    let shown = directive(&server, &id).await;
    assert_eq!(shown["state"], "scheduled", "{shown:#}");
    let left = script(&server, "Another one.").await;
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.stderr());
    assert_eq!(directive(&server, &left).await["attempts"], json!([]), "nothing was taken meanwhile");
}

/// A model whose plan is used up until then.
async fn limited(reset: i64) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async move || {
        let headers = [
            ("anthropic-ratelimit-unified-status", "rejected".to_owned()),
            ("anthropic-ratelimit-unified-reset", reset.to_string()),
            ("anthropic-ratelimit-unified-representative-claim", "five_hour".to_owned()),
            ("anthropic-ratelimit-unified-5h-status", "rejected".to_owned()),
            ("anthropic-ratelimit-unified-5h-reset", reset.to_string()),
            ("anthropic-ratelimit-unified-5h-utilization", "1.0".to_owned()),
            ("retry-after", "5400".to_owned()),
        ];
        let error =
            json!({"type": "rate_limit_error", "message": "This request would exceed your account's rate limit"});
        (StatusCode::TOO_MANY_REQUESTS, headers, Json(json!({"type": "error", "error": error})))
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}
