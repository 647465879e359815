//! Clients that go on whatever happens, and remember what was acknowledged to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use baton_testkit::http;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::timeout};

/// How long the last polls may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was acknowledged. The server knows nothing of it.
#[derive(Default)]
pub struct Log {
    /// Ids of accepted directives by their texts; a text that got two ids was queued twice.
    pub directives: BTreeMap<String, BTreeSet<String>>,
    /// What was acknowledged as the result of each directive; two different ones were recorded twice.
    pub results: BTreeMap<String, BTreeSet<String>>,
    /// How often work was handed out.
    pub deliveries: u64,
    /// Requests that got no whole answer.
    pub broken: u64,
    /// Results that came too late: somebody else had been given the directive.
    pub refused: u64,
}

/// Where the server is; it counts the server's lives.
#[derive(Clone)]
pub struct Place {
    /// How often it was started.
    pub life: u64,
    /// Its URL.
    pub url: String,
}

/// What a client does when it got no whole answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The server is gone: wait until it is started again.
    AwaitNextLife,
    /// Only the connection is gone: try again.
    TryAgain,
}

/// What all clients have in common.
#[derive(Clone)]
pub struct Crew {
    /// Where to go.
    pub place: watch::Receiver<Place>,
    /// Goes on as long as this is true.
    pub on: watch::Receiver<bool>,
    /// How they speak.
    pub client: Client,
    /// How long their polls wait.
    pub wait_seconds: u32,
    /// What they do when they got no whole answer.
    pub broken: Broken,
    /// What all of them were acknowledged; read by `log()`.
    pub kept: Arc<Mutex<Log>>,
}

impl Crew {
    /// Clients that go to `place` as long as `on` is true.
    pub fn new(place: watch::Receiver<Place>, on: watch::Receiver<bool>, broken: Broken) -> Self {
        Crew { place, on, client: http::client(), wait_seconds: 1, broken, kept: Arc::default() }
    }

    /// What was acknowledged so far.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a directive and comes back when it was acknowledged; asks again under the same key until it is.
    pub async fn submit(&mut self, text: String) {
        // The lease is short, so that what was handed to nobody comes back soon.
        let body = json!({"directive": text, "idempotency_key": text, "timeout_seconds": 1});
        let id = loop {
            let answer = self.post("/api/directives", Some(&body)).await;
            match answer {
                Some((200, answer)) => break answer["directive_id"].as_str().expect("an id").to_owned(),
                Some((status, answer)) => panic!("a directive was answered with {status}: {answer}"),
                None => {}
            }
        };
        self.log().directives.entry(text).or_default().insert(id);
    }

    /// Submits one directive after another as long as it goes on.
    pub async fn submit_all(mut self, name: String) {
        for number in 0_u64.. {
            if !*self.on.borrow() {
                break;
            }
            self.submit(format!("{name}-{number}")).await;
        }
    }

    /// Takes directives and reports them, as long as it goes on. A report that got no answer is sent again.
    pub async fn work(mut self, name: String) {
        let path = format!("/mcp/get_next_directive?agent={name}&wait_seconds={}", self.wait_seconds);
        let mut report: Option<Value> = None;
        while *self.on.borrow() {
            let Some((status, answer)) = self.post(&path, report.as_ref()).await else { continue };
            let reported = report.take();
            if status == 409 {
                let code = answer["code"].as_str().unwrap_or_default();
                assert!(["stale_attempt", "already_reported", "not_leased"].contains(&code), "{answer}");
                self.log().refused += 1;
                continue;
            }
            assert_eq!(status, 200, "a poll was answered with {answer}");
            let mut log = self.log();
            if let Some(reported) = reported {
                let outcome = &answer["previous_result"]["outcome"];
                assert!(*outcome == "completed" || *outcome == "already_recorded", "{answer}");
                let text = |field: &str| reported[field].as_str().expect("a text that was put there").to_owned();
                log.results.entry(text("directive_id")).or_default().insert(text("result"));
            }
            if answer["has_directive"] == true {
                log.deliveries += 1;
                report = Some(done(&name, &answer));
            }
        }
    }

    /// Status and body; `None` if there was no whole answer and it is time to ask again.
    async fn post(&mut self, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let place = self.place.borrow().clone();
        let request = self.client.post(format!("{}{path}", place.url));
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = async { http::read(request.send().await?).await }.await;
        if answer.is_err() {
            self.log().broken += 1;
            if self.broken == Broken::AwaitNextLife {
                // Fails only when the test is over.
                let _ = self.place.wait_for(|now| now.life > place.life).await;
            }
        }
        answer.ok()
    }
}

/// Waits for `future` while the clients go on; one that ends meanwhile has failed.
pub async fn meanwhile<T>(clients: &mut JoinSet<()>, future: impl Future<Output = T>) -> T {
    tokio::select! {
        done = future => done,
        Some(ended) = clients.join_next() => {
            ended.expect("no client fails");
            panic!("a client stopped before it was told to");
        }
    }
}

/// Waits until all clients have come to their end.
pub async fn all_ended(mut clients: JoinSet<()>) {
    let ended = async {
        while let Some(ended) = clients.join_next().await {
            ended.expect("no client fails");
        }
    };
    timeout(PATIENCE, ended).await.expect("clients end when they are told to");
}

/// The report of a directive: who did it, and in which of its attempts.
fn done(name: &str, answer: &Value) -> Value {
    let (id, metadata) = (&answer["directive_id"], &answer["metadata"]);
    json!({
        "directive_id": id,
        "success": true,
        "result": format!("{name} did it in attempt {}", metadata["attempt"]),
        "lease_token": metadata["lease_token"],
    })
}
