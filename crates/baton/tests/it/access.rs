//! Who gets in, what the scopes let do, and that everybody sees what is their own.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod doors;
mod limits;
mod mcp_sessions;
mod migration;
mod owners;
mod routes;
mod secrets;
mod start;
mod tokens;
mod workers;

use std::{collections::HashMap, fs, time::Duration};

use baton_testkit::server::{Port, Server};
use reqwest::{Method, Response, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{interval, timeout};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const PATIENCE: Duration = Duration::from_secs(60);
/// An id that no row has.
const UNKNOWN: &str = "01a1f906-0000-7000-8000-000000000000";

/// Principals with their scopes, as every test of access has them.
const PRINCIPALS: [(&str, &[&str]); 6] = [
    ("alice", &["submit"]),
    ("bob", &["submit"]),
    ("reader", &["read"]),
    ("worker", &["work"]),
    ("mate", &["work"]),
    ("boss", &["admin"]),
];

/// A server that wants a token for everything.
struct Gated {
    server: Server,
    tokens: HashMap<String, String>,
    _home: TempDir,
}

/// A whole answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Gated {
    /// With further settings as TOML.
    async fn with(settings: &str) -> Self {
        let home = TempDir::new().unwrap();
        let file = home.path().join("gated.toml");
        fs::write(&file, settings).unwrap();
        let server = Server::start(BATON, &["--config", &file.display().to_string()]).await.unwrap();
        let mut gated = Gated { server, tokens: HashMap::new(), _home: home };
        for (principal, scopes) in PRINCIPALS {
            gated.make(principal, &json!({"principal": principal, "scopes": scopes})).await;
        }
        fs::write(&file, format!("auth = {{ mode = \"required\" }}\n{settings}")).unwrap();
        assert!(gated.server.terminate().await.unwrap().success());
        gated.server.restart(Port::Any).await.unwrap();
        gated
    }

    async fn new() -> Self {
        Gated::with("outbound = { allow = [\"127.0.0.0/8\"] }\n").await
    }

    /// Makes a token, known by a name from then on, and returns its id.
    async fn make(&mut self, name: &str, request: &Value) -> String {
        let by = self.tokens.get("boss").cloned();
        let made = self.ask(Method::POST, "/api/tokens", by.as_deref(), Some(request)).await;
        assert_eq!(made.status, 200, "{made:?}");
        self.tokens.insert(name.to_owned(), made.body["token"].as_str().unwrap().to_owned());
        made.body["id"].as_str().unwrap().to_owned()
    }

    fn token(&self, name: &str) -> &str {
        &self.tokens[name]
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Response {
        let mut request = self.server.client().request(method, format!("{}{path}", self.server.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        timeout(PATIENCE, request.send()).await.expect("it is answered").unwrap()
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let response = self.send(method, path, token, body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = timeout(PATIENCE, response.text()).await.expect("it is read").unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    async fn get(&self, path: &str, who: &str) -> Answer {
        self.ask(Method::GET, path, Some(self.token(who)), None).await
    }

    async fn post(&self, path: &str, who: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(self.token(who)), Some(&body)).await
    }

    /// Adds a directive and returns its id.
    async fn add(&self, who: &str, body: Value) -> String {
        let added = self.post("/api/directives", who, body).await;
        assert_eq!(added.status, 200, "{added:?}");
        added.body["directive_id"].as_str().unwrap().to_owned()
    }

    /// Takes the next directive: its id and lease token.
    async fn take(&self, who: &str) -> (String, String) {
        let taken = self.post("/api/directives/next", who, Value::Null).await;
        assert_eq!(taken.body["has_directive"], true, "{taken:?}");
        let token = taken.body["metadata"]["lease_token"].as_str().unwrap();
        (taken.body["directive_id"].as_str().unwrap().to_owned(), token.to_owned())
    }
}

/// Looks every few milliseconds until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let looking = async {
        let mut ticks = interval(Duration::from_millis(10));
        while !look().await {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}
