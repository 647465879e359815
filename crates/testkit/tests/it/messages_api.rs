//! The stand-in over plain HTTP.

use std::time::Duration;

use baton_testkit::{
    http,
    messages_api::{Block, MessagesApi, Reply},
};
use reqwest::Response;
use serde_json::{Value, json};

/// A request as the CLI makes it; `tools` tells a conversation from a side call.
async fn ask(base_url: &str, stream: bool) -> Response {
    let body = json!({
        "model": "some-model", "stream": stream, "tools": [{"name": "Bash"}],
        "messages": [{"role": "user", "content": "hi"}],
    });
    let request = http::client().post(format!("{base_url}/v1/messages?beta=true")).header("x-api-key", "secret");
    request.json(&body).send().await.unwrap()
}

fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_streamed_message_is_what_the_whole_one_is() {
    let api = MessagesApi::start().await.unwrap();
    let call = Block::tool("Bash", json!({"command": "ls"}));
    let base_url = api.play("tools", move |_| Reply::Message(vec![Block::text("I look."), call.clone()]));
    let whole: Value = ask(&base_url, false).await.json().await.unwrap();
    let events = data(&ask(&base_url, true).await.text().await.unwrap());

    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(whole["content"][0], json!({"type": "text", "text": "I look."}));
    assert_eq!(whole["content"][1]["input"], json!({"command": "ls"}));
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    assert_eq!(kinds, [&["message_start"][..], &block, &block, &["message_delta", "message_stop"]].concat());
    assert_eq!(events[2]["delta"]["text"], "I look.");
    assert_eq!(events[4]["content_block"]["name"], "Bash");
    assert_eq!(events[5]["delta"]["partial_json"], r#"{"command":"ls"}"#);
    assert_eq!(events[7]["delta"]["stop_reason"], "tool_use");
    assert_ne!(events[0]["message"]["id"], whole["id"], "each message has an id of its own");
}

#[tokio::test]
async fn requests_are_kept_without_credentials() {
    let api = MessagesApi::start().await.unwrap();
    ask(&api.play("hello", |_| Reply::says("hi")), false).await;
    let requests = api.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/v1/messages?beta=true");
    assert_eq!(requests[0].tools(), ["Bash"]);
    assert_eq!(requests[0].finished_calls(), 0);
    assert!(requests[0].headers.contains_key("content-type"));
    assert!(!format!("{:?}", requests[0]).contains("secret"));
}

#[tokio::test]
async fn failures_are_played_as_well() {
    let api = MessagesApi::start().await.unwrap();
    let busy = ask(&api.play("busy", |_| Reply::Error(529, "overloaded_error", "later".into())), true).await;
    assert_eq!(busy.status(), 529);
    let told: Value = busy.json().await.unwrap();
    assert_eq!(told["error"], json!({"type": "overloaded_error", "message": "later"}));

    let cut = ask(&api.play("cut", |_| Reply::CutAfter("half a".into())), true).await;
    assert_eq!(cut.status(), 200);
    assert!(cut.text().await.is_err(), "the body breaks off");

    let silent = api.play("silent", |_| Reply::Silence);
    assert!(tokio::time::timeout(Duration::from_millis(200), ask(&silent, true)).await.is_err());

    let unknown = ask(&silent.replace("silent", "no-such"), true).await;
    assert_eq!(unknown.status(), 404);
    assert!(unknown.text().await.unwrap().contains("no scenario `no-such`"));
}

#[tokio::test]
async fn side_calls_do_not_reach_the_script() {
    let api = MessagesApi::start().await.unwrap();
    let base_url = api.play("strict", |_| Reply::Error(500, "api_error", "not for you".into()));
    let side = json!({"model": "small", "messages": [{"role": "user", "content": "a title, please"}]});
    let client = http::client();
    let title = client.post(format!("{base_url}/v1/messages")).json(&side).send().await.unwrap();
    assert_eq!(title.status(), 200);
    let count = client.post(format!("{base_url}/v1/messages/count_tokens")).json(&side).send().await.unwrap();
    assert!(http::read(count).await.unwrap().1["input_tokens"].is_u64());
    assert_eq!(client.head(format!("{base_url}/api/hello")).send().await.unwrap().status(), 200);
    assert_eq!(client.get(format!("{base_url}/v1/models")).send().await.unwrap().status(), 404);
}
