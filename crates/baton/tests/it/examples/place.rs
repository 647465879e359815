//! A server that wants tokens, with those of a system that submits and of an agent that works.

use std::{fs, net::SocketAddr};

use baton_testkit::{
    http,
    server::{Port, Server},
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    program::{Language, Program, Running, Runtime},
    receiver::Receiver,
};

/// Receivers of the tests are on this machine.
const OPEN: &str = "[outbound]\nallow = [\"127.0.0.0/8\"]\n";

pub struct Place {
    pub server: Server,
    /// Where the programs look for Baton.
    pub url: String,
    pub submit: String,
    pub work: String,
    runtime: Runtime,
    config: TempDir,
}

impl Place {
    pub async fn new(language: Language) -> Self {
        let runtime = Runtime::of(language).await;
        let config = tempfile::tempdir().unwrap();
        let file = config.path().join("baton.toml");
        // A server that wants tokens does not start before there is one.
        fs::write(&file, OPEN).unwrap();
        let server = Server::start(env!("CARGO_BIN_EXE_baton"), &["--config", file.to_str().unwrap()]).await.unwrap();
        let token = async |principal: &str, scope: &str| {
            let (status, made) =
                server.post("/api/tokens", &json!({"principal": principal, "scopes": [scope]})).await.unwrap();
            assert_eq!(status, 200, "{made}");
            made["token"].as_str().unwrap().to_owned()
        };
        token("operator", "admin").await;
        let (submit, work) = (token("shop", "submit").await, token("analyst", "work").await);
        let mut place = Place { url: server.url().to_owned(), server, submit, work, runtime, config };
        place.settle("").await;
        let (status, _) = place.server.get("/api/queue").await.unwrap();
        assert_eq!(status, 401, "tokens are wanted");
        place
    }

    /// Starts the server again, with tokens and further lines in its `[server]` table.
    pub async fn settle(&mut self, lines: &str) {
        let text = format!("{OPEN}[auth]\nmode = \"required\"\n[server]\n{lines}\n");
        fs::write(self.config.path().join("baton.toml"), text).unwrap();
        self.server.terminate().await.unwrap();
        self.server.restart(Port::Same).await.unwrap();
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address().unwrap()
    }

    /// An example, told where Baton is and who it is.
    pub fn program(&self, name: &str, args: &[&str]) -> Program {
        self.runtime.program(name, args).env("BATON_URL", &self.url).env("BATON_TOKEN", &self.submit)
    }

    /// Sends the analysis: its id.
    pub async fn send(&self, webhook: &str) -> String {
        let printed: Value =
            serde_json::from_str(&self.program("send_with_follow_ups", &[webhook]).prints().await).unwrap();
        printed["directive_id"].as_str().unwrap().to_owned()
    }

    /// What signs, as the example finds it out.
    pub async fn secret(&self) -> String {
        self.program("webhook_secret", &[]).prints().await.trim_end().to_owned()
    }

    /// A receiver on a free port.
    pub async fn receiver(&self, secret: &str) -> Receiver {
        let program = self.runtime.program("receive_webhooks", &["0"]);
        let running: Running = program.env("BATON_WEBHOOK_SECRET", secret).start();
        Receiver::of(running).await
    }

    /// What the agent is given; there must be something.
    pub async fn poll(&self) -> Value {
        let given = self.call(Method::POST, "/api/directives/next", &self.work, Value::Null).await;
        assert_eq!(given["has_directive"], true, "{given}");
        given
    }

    /// Reports, as the agent, on what it was given, and takes nothing further.
    pub async fn report(&self, poll: &Value, mut result: Value) {
        result["directive_id"] = poll["directive_id"].clone();
        result["lease_token"] = poll["metadata"]["lease_token"].clone();
        // Nothing has this tag.
        self.call(Method::POST, "/api/directives/next?tags=none", &self.work, result).await;
    }

    /// The directives that came of one: text and state, in the order of its rules.
    pub async fn children(&self, id: &str) -> Vec<(String, String)> {
        let mut children = Vec::new();
        for child in self.directive(id).await["children"].as_array().unwrap() {
            let child = self.directive(child.as_str().unwrap()).await;
            children.push(["directive", "state"].map(|key| child[key].as_str().unwrap().to_owned()).into());
        }
        children
    }

    pub async fn state(&self, id: &str) -> String {
        self.directive(id).await["state"].as_str().unwrap().to_owned()
    }

    /// Makes a retry that waits due now.
    pub async fn hurry(&self, id: &str) {
        self.call(Method::POST, &format!("/api/directives/{id}/retry"), &self.submit, Value::Null).await;
    }

    /// Gives the calls to the URLs in directives a new secret.
    pub async fn rotate(&self) {
        let rows = self.call(Method::GET, "/api/webhooks", &self.submit, Value::Null).await;
        let [row] = rows["items"].as_array().unwrap().as_slice() else { panic!("one row is expected: {rows}") };
        let path = format!("/api/webhooks/{}/rotate", row["id"].as_str().unwrap());
        self.call(Method::POST, &path, &self.submit, Value::Null).await;
    }

    async fn directive(&self, id: &str) -> Value {
        self.call(Method::GET, &format!("/api/directives/{id}"), &self.submit, Value::Null).await
    }

    /// All directives of the system that submits.
    pub async fn directives(&self) -> Vec<Value> {
        let page = self.call(Method::GET, "/api/directives", &self.submit, Value::Null).await;
        page["items"].as_array().unwrap().clone()
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let request = self.server.client().request(method, format!("{}{path}", self.server.url())).bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let (status, answer) = http::read(request.send().await.unwrap()).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}
