//! A server of a test's own, spoken to over REST.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::collections::HashMap;

use baton_testkit::server::Server;
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// A server of the test's own, with a record of what was said.
pub struct Api {
    pub server: Server,
    documented: Value,
    record: Vec<Value>,
    names: HashMap<String, String>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The word for programs of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }

    /// A text in the body.
    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("`{field}` is missing: {self:?}")).to_owned()
    }
}

impl Api {
    /// A server on which monitoring has not been started.
    pub async fn new() -> Self {
        let server = Server::start(env!("CARGO_BIN_EXE_baton"), &[]).await.unwrap();
        let (_, documented) = server.get("/openapi.json").await.unwrap();
        Api { server, documented, record: Vec::new(), names: HashMap::new() }
    }

    /// A server on which monitoring has been started.
    pub async fn started() -> Self {
        let mut api = Api::new().await;
        assert_eq!(api.post("/mcp/start_monitoring", Value::Null).await.status, 200);
        api.record.clear();
        api
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.server.client().get(self.url(path));
        self.send("GET", path, request).await
    }

    /// Posts a JSON body; null stands for none.
    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        let request = self.server.client().post(self.url(path));
        let answer = self.send("POST", path, if body.is_null() { request } else { request.json(&body) }).await;
        if !body.is_null() {
            self.record.last_mut().unwrap()["sent"] = body;
        }
        answer
    }

    /// Sends anything; the answer must be documented if the path is.
    pub async fn send(&mut self, method: &str, path: &str, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        assert!(status < 500, "{method} {path}: {status} {body}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        if status >= 400 {
            assert_eq!(headers["content-type"], "application/problem+json", "{method} {path}");
            assert_eq!(body["status"], status);
        }
        self.check_documented(method, path, status);
        let shown = json!({"request": format!("{method} {path}"), "status": status, "body": body.clone()});
        self.record.push(shown);
        Answer { status, headers, body }
    }

    fn check_documented(&self, method: &str, path: &str, status: u16) {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (mut given, mut known) = (path.split('/'), template.split('/'));
            loop {
                match (given.next(), known.next()) {
                    (None, None) => return true,
                    (Some(given), Some(known)) if given == known || known.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        let paths = self.documented["paths"].as_object().unwrap();
        let operation =
            paths.iter().find(|(template, _)| fits(template)).and_then(|(_, item)| item.get(method.to_lowercase()));
        if let Some(operation) = operation {
            assert!(
                operation["responses"].get(status.to_string()).is_some(),
                "{method} {path} answers {status}, which is not documented: {operation}"
            );
        }
    }

    /// Puts a directive in the queue and answers its id.
    pub async fn add(&mut self, text: &str) -> String {
        self.add_with(json!({"directive": text})).await
    }

    /// The same with more fields.
    pub async fn add_with(&mut self, body: Value) -> String {
        let answer = self.post("/api/directives", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("directive_id")
    }

    /// Takes the next directive; waits a little for one.
    pub async fn take(&mut self) -> Value {
        let answer = self.post("/mcp/get_next_directive?wait_seconds=20", Value::Null).await;
        assert_eq!(answer.body["has_directive"], true, "{answer:?}");
        answer.body
    }

    /// Reports success or failure without asking for more than is there, and answers what the poll said.
    pub async fn report(&mut self, id: &str, success: bool, result: &str) -> Answer {
        let body = json!({"directive_id": id, "success": success, "result": result});
        self.post("/mcp/get_next_directive", body).await
    }

    /// What was said since the start or the last call, with ids, tokens and times by name.
    pub fn said(&mut self) -> Value {
        let said = Value::Array(std::mem::take(&mut self.record));
        self.without_chance(said)
    }

    /// Leaves out of the record what only prepares.
    pub fn forget(&mut self) {
        self.record.clear();
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    fn without_chance(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(&text)),
            Value::Array(list) => list.into_iter().map(|value| self.without_chance(value)).collect(),
            Value::Object(map) => {
                let masked = map.into_iter().map(|(key, value)| match key.as_str() {
                    "version" => (key, json!("<version>")),
                    _ => (self.mask(&key), self.without_chance(value)),
                });
                Value::Object(masked.collect())
            }
            other => other,
        }
    }

    /// Names each id, token and moment in a text: the same one always by the same name.
    fn mask(&mut self, text: &str) -> String {
        const SHAPES: [(&str, &str); 4] = [
            ("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", "id"),
            ("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "token"),
            ("dddd-dd-ddTdd:dd:dd.ddd+dd:dd", "time"),
            ("dddd-dd-dd", "day"),
        ];
        let mut masked = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let found = SHAPES.iter().find_map(|(shape, kind)| {
                Some((rest.get(..shape.len())?, shape, *kind)).filter(|(text, shape, _)| has_shape(text, shape))
            });
            match found {
                Some((text, _, kind @ ("time" | "day"))) => {
                    masked.push_str(&format!("<{kind}>"));
                    rest = &rest[text.len()..];
                }
                Some((text, _, kind)) => {
                    let count = self.names.values().filter(|name| name.starts_with(&format!("<{kind}"))).count() + 1;
                    masked.push_str(self.names.entry(text.to_owned()).or_insert_with(|| format!("<{kind} {count}>")));
                    rest = &rest[text.len()..];
                }
                None => {
                    masked.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        masked
    }
}

fn has_shape(text: &str, shape: &str) -> bool {
    text.chars().zip(shape.chars()).all(|(given, wanted)| match wanted {
        'h' => given.is_ascii_hexdigit(),
        'd' => given.is_ascii_digit(),
        other => given == other,
    })
}
