//! The stream of events: order, completeness, and what becomes of listeners that are slow, gone or late.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod gaps;
mod listener;
mod load;
mod refusals;
mod resume;
mod slow;
mod streams;

use std::{collections::BTreeMap, time::Duration};

use baton_testkit::server::{Port, Server};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::timeout;

pub use listener::{Frame, Listener};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const PATIENCE: Duration = Duration::from_secs(120);
/// Requests that writers have under way.
const WRITERS: usize = 16;

async fn server() -> Server {
    Server::start(BATON, &[]).await.unwrap()
}

fn url(server: &Server, query: &str) -> String {
    format!("{}/api/events{query}", server.url())
}

async fn listen(server: &Server, query: &str) -> Listener {
    Listener::open(&url(server, query), None, None).await
}

/// Adds directives, many at a time, and returns their ids.
async fn add(server: &Server, count: usize) -> Vec<String> {
    let posts = (0..count).map(|number| async move {
        let body = json!({"directive": format!("number {number}")});
        let (status, added) = server.post("/api/directives", &body).await.unwrap();
        assert_eq!(status, 200, "{added}");
        added["directive_id"].as_str().unwrap().to_owned()
    });
    timeout(PATIENCE, stream::iter(posts).buffer_unordered(WRITERS).collect()).await.expect("they are added")
}

/// Takes and completes as many.
async fn work(server: &Server, count: usize) {
    let turns = (0..count).map(|_| async move {
        let (_, taken) = server.post("/api/directives/next", &Value::Null).await.unwrap();
        let id = taken["directive_id"].as_str().unwrap_or_else(|| panic!("{taken}"));
        let report = json!({"directive_id": id, "success": true, "result": "done",
                            "lease_token": taken["metadata"]["lease_token"]});
        // By an agent that was stopped, so that the report takes nothing else.
        let (status, told) = server.post("/api/directives/next?agent=reporter", &report).await.unwrap();
        assert_eq!((status, &told["has_directive"]), (200, &json!(false)), "{told}");
    });
    server.post("/mcp/start_monitoring?agent=reporter", &Value::Null).await.unwrap();
    server.post("/mcp/stop_monitoring?agent=reporter", &Value::Null).await.unwrap();
    timeout(PATIENCE, stream::iter(turns).buffer_unordered(WRITERS).collect::<()>()).await.expect("they are done");
}

/// Every event about these directives as their own pages tell them: kind by place in the log.
async fn told_elsewhere(server: &Server, ids: &[String]) -> BTreeMap<i64, String> {
    let mut events = BTreeMap::new();
    for id in ids {
        let (_, detail) = server.get(&format!("/api/directives/{id}")).await.unwrap();
        for event in detail["events"].as_array().unwrap() {
            let seq = event["id"].as_str().unwrap().parse().unwrap();
            events.insert(seq, event["type"].as_str().unwrap().to_owned());
        }
    }
    events
}
