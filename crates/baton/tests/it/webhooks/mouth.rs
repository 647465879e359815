//! A server that may call receivers on this machine, and short words for what tests do with it.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use baton_testkit::{server::Server, webhook_receiver::Receiver};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Submitters and agents that work at the same time.
const HANDS: usize = 8;

pub struct Mouth {
    pub server: Server,
    pub receiver: Receiver,
    _config: tempfile::NamedTempFile,
}

impl Mouth {
    /// Monitoring is on.
    pub async fn new(settings: &str) -> Self {
        let config = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(config.path(), format!("[outbound]\nallow = [\"127.0.0.0/8\"]\n{settings}")).unwrap();
        let args = ["--config", config.path().to_str().unwrap()];
        let server = Server::start(env!("CARGO_BIN_EXE_baton"), &args).await.unwrap();
        let mouth = Mouth { server, receiver: Receiver::start().await.unwrap(), _config: config };
        mouth.post("/mcp/start_monitoring", Value::Null).await;
        mouth
    }

    /// The body of an answer that must be 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.server.get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The same for a call with a body.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.server.post(path, &body).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Makes an endpoint: its id and its secret.
    pub async fn hook(&self, url: &str) -> (String, String) {
        let made = self.post("/api/webhooks", json!({ "url": url })).await;
        (text(&made["id"]), text(&made["secrets"][0]))
    }

    /// A directive that ends well; `more` are further fields of its request.
    pub async fn finish(&self, more: Value) -> String {
        let mut body = json!({"directive": "tell"});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let id = text(&self.post("/api/directives", body).await["directive_id"]);
        let taken = self.post("/mcp/get_next_directive", Value::Null).await;
        self.post("/mcp/get_next_directive", result_of(&taken)).await;
        id
    }

    /// So many directives that end well, by several hands at once.
    pub async fn finish_many(&self, count: usize) {
        let (client, url) = (self.server.client().clone(), self.server.url().to_owned());
        let left = Arc::new(AtomicUsize::new(count));
        let mut hands = JoinSet::new();
        for _ in 0..HANDS {
            let (client, url, left) = (client.clone(), url.clone(), left.clone());
            hands.spawn(async move {
                let post = async |path: &str, body: Value| -> Value {
                    let answer = client.post(format!("{url}{path}")).json(&body).send().await.unwrap();
                    answer.error_for_status().unwrap().json().await.unwrap()
                };
                let mut report = Value::Null;
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    post("/api/directives", json!({"directive": "tell"})).await;
                    report = result_of(&post("/mcp/get_next_directive", report).await);
                }
                // The last report may bring another hand's directive.
                while !report.is_null() {
                    report = result_of(&post("/mcp/get_next_directive", report).await);
                }
            });
        }
        while let Some(ended) = hands.join_next().await {
            ended.unwrap();
        }
    }

    /// How an endpoint stands: pending, delivered, dead.
    pub async fn counts(&self, hook: &str) -> [i64; 3] {
        let shown = self.get(&format!("/api/webhooks/{hook}")).await;
        ["pending", "delivered", "dead"].map(|state| shown[state].as_i64().unwrap())
    }

    /// Waits until nothing is left to be delivered to an endpoint.
    pub async fn drained(&self, hook: &str) {
        while self.counts(hook).await[0] > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// The one delivery of an endpoint, once it was tried so often.
    pub async fn tried(&self, hook: &str, attempts: i64) -> Value {
        loop {
            let listed = self.get(&format!("/api/webhooks/{hook}/deliveries")).await;
            let items = listed["items"].as_array().unwrap();
            assert!(items.len() <= 1, "{listed}");
            if let Some(only) = items.first().filter(|only| only["attempts"].as_i64() >= Some(attempts)) {
                return self.get(&format!("/api/deliveries/{}", text(&only["id"]))).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// What an agent says of a directive that it was handed.
fn result_of(taken: &Value) -> Value {
    if taken["has_directive"] == false {
        return Value::Null;
    }
    json!({
        "directive_id": taken["directive_id"], "success": true, "result": "done", "execution_time": 1.5,
        "lease_token": taken["metadata"]["lease_token"],
    })
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
