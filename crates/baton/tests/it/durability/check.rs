//! Compares what the server holds with what it acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::Duration,
};

use baton_testkit::server::Server;
use reqwest::header::LINK;
use serde_json::Value;
use tokio::time::{interval, timeout};

use super::crew::Log;

/// How long the queue may take to become empty.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a number in `GET /api/queue` is as wanted.
pub async fn queue(server: &Server, what: &str, wanted: impl Fn(&Value) -> bool) {
    let mut ticks = interval(Duration::from_millis(20));
    let reached = timeout(PATIENCE, async {
        loop {
            ticks.tick().await;
            let (status, told) = server.get("/api/queue").await.expect("the server answers");
            assert_eq!(status, 200, "{told}");
            if wanted(&told) {
                break;
            }
        }
    });
    if reached.await.is_err() {
        panic!("not {what} after {PATIENCE:?}: {:?}\n{}", server.get("/api/queue").await, server.log());
    }
}

/// Waits until every directive has a result.
pub async fn drained(server: &Server) {
    queue(server, "drained", |told| told["pending_directives"] == 0 && told["active_directives"] == 0).await;
}

/// What the server holds at the end.
pub struct Stored {
    /// Directives, each with one result.
    pub directives: usize,
    /// How many of them were handed out more than once, because a delivery did not arrive.
    pub redelivered: usize,
}

/// Nothing acknowledged was lost and nothing was recorded twice.
pub async fn nothing_lost_nothing_twice(server: &Server, log: &Log) -> Stored {
    let directives = every(server, "/api/directives?limit=1000").await;
    let results = every(server, "/api/results?limit=1000").await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();

    let mut stored: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for directive in &directives {
        assert_eq!(directive["state"], "completed", "{directive}");
        stored.entry(text(&directive["directive"])).or_default().insert(text(&directive["directive_id"]));
    }
    for (asked, ids) in &log.directives {
        assert_eq!(stored.get(asked), Some(ids), "`{asked}` was acknowledged with {ids:?}");
        assert_eq!(ids.len(), 1, "`{asked}` was queued more than once although its key was the same");
    }

    let by_id: BTreeMap<String, String> =
        results.iter().map(|result| (text(&result["directive_id"]), text(&result["result"]))).collect();
    assert_eq!(by_id.len(), results.len(), "a directive has two results");
    assert_eq!(by_id.len(), directives.len(), "as many results as directives");
    for (id, acknowledged) in &log.results {
        let stored = by_id.get(id).into_iter().cloned().collect();
        assert_eq!(*acknowledged, stored, "results of {id}: acknowledged, and stored");
    }

    let (_, analytics) = server.get("/mcp/analytics").await.expect("the server answers");
    assert_eq!(analytics["total_completed"], results.len(), "{analytics}");
    assert_eq!(analytics["success_rate"], 1.0, "{analytics}");
    sound(server, directives.len());
    let redelivered = results.iter().filter(|result| result["attempt"].as_i64() > Some(1)).count();
    Stored { directives: directives.len(), redelivered }
}

/// The database is whole: a backup is checked page by page before it is given out.
fn sound(server: &Server, directives: usize) {
    let copies = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(["backup", "--json", "--data-dir"]).arg(server.data_dir()).arg(copies.path().join("copy.db"));
    let told = command.output().expect("baton can be started");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).expect("--json prints JSON");
    assert_eq!(told["holds"]["directives"], directives, "{told}");
    assert_eq!(told["holds"]["results"], directives, "{told}");
}

/// All pages of a list: those that name the next cursor in the body as well as those that name it in `Link`.
async fn every(server: &Server, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(page) = next {
        let answer = server.client().get(format!("{}{page}", server.url())).send().await.expect("the server answers");
        assert!(answer.status().is_success(), "{page}: {}", answer.status());
        let link = answer.headers().get(LINK).map(|link| link.to_str().expect("plain text").to_owned());
        let body: Value = answer.json().await.expect("a whole list");
        next = link
            .and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()))
            .or_else(|| body["next_cursor"].as_str().map(|cursor| format!("{path}&cursor={cursor}")));
        let items = body.as_array().or_else(|| body["items"].as_array()).expect("a list");
        all.extend(items.iter().cloned());
    }
    all
}
