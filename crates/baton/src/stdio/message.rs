//! JSON-RPC messages, as far as a forwarder must understand them. Their text is passed on untouched.

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{INVALID_REQUEST, PARSE_ERROR};

/// Where a request of the modern era says its revision.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has a method and wants an answer.
    Request,
    /// It has a method and wants none.
    Notification,
    /// It is the answer to a request of the server.
    Response,
}

/// A message from the client.
#[derive(Clone, Debug)]
pub struct Message {
    text: Bytes,
    value: Value,
}

impl Message {
    /// Reads a line.
    ///
    /// # Errors
    /// The line to answer: no JSON, a batch, or nothing that is a message.
    pub fn read(line: Vec<u8>) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(&line)
            .map_err(|error| error_line(&Value::Null, PARSE_ERROR, &format!("the line is no JSON: {error}")))?;
        let refuse = |why: &str| error_line(value.get("id").unwrap_or(&Value::Null), INVALID_REQUEST, why);
        if value.is_array() {
            return Err(refuse("batches are not part of MCP: write one message on a line"));
        }
        if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(refuse("no JSON-RPC message: it must be an object with \"jsonrpc\": \"2.0\""));
        }
        let is_message = value.get("method").is_some_and(Value::is_string)
            || (value.get("method").is_none() && value.get("id").is_some());
        if !is_message {
            return Err(refuse("no JSON-RPC message: it has neither a method nor an id"));
        }
        Ok(Message { text: line.into(), value })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match (self.method().is_some(), self.value.get("id").is_some()) {
            (true, true) => Kind::Request,
            (true, false) => Kind::Notification,
            (false, _) => Kind::Response,
        }
    }

    /// Its bytes, as they came.
    pub fn text(&self) -> Bytes {
        self.text.clone()
    }

    /// Its id; `null` if it has none.
    pub fn id(&self) -> &Value {
        self.value.get("id").unwrap_or(&Value::Null)
    }

    /// Its method; none for a response.
    pub fn method(&self) -> Option<&str> {
        self.value.get("method")?.as_str()
    }

    /// A parameter.
    pub fn param(&self, name: &str) -> Option<&Value> {
        self.value.get("params")?.get(name)
    }

    /// The revision it names, if it is of the modern era. `initialize` never is, whatever it carries.
    pub fn modern_version(&self) -> Option<&str> {
        let version = self.param("_meta")?.get(META_VERSION)?.as_str()?;
        (!self.is_initialize()).then_some(version)
    }

    /// Whether it opens a session.
    pub fn is_initialize(&self) -> bool {
        self.method() == Some("initialize")
    }

    /// The answer when something went wrong on the way.
    pub fn error_line(&self, code: i64, what: &str) -> String {
        error_line(self.id(), code, what)
    }
}

/// A JSON-RPC error on one line.
pub fn error_line(id: &Value, code: i64, what: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": what}}).to_string()
}

/// A message from the server, on one line.
#[derive(Debug)]
pub struct Reply {
    /// The line.
    pub line: String,
    id: Option<Value>,
    method: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "jsonrpc")]
    _jsonrpc: IgnoredAny,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
}

impl Reply {
    /// Reads what should be a JSON-RPC message. Line ends in it can only stand between its tokens, so that spaces may
    /// take their place.
    pub fn read(text: &str) -> Option<Self> {
        let head: Head = serde_json::from_str(text).ok()?;
        Some(Reply { line: text.trim().replace(['\r', '\n'], " "), id: head.id, method: head.method })
    }

    /// Whether it is the answer to a request with this id.
    pub fn answers(&self, id: &Value) -> bool {
        self.method.is_none() && self.id.as_ref() == Some(id)
    }

    /// Whether it is an answer that does not say to what.
    pub fn is_for_nobody(&self) -> bool {
        self.method.is_none() && self.id.is_none()
    }

    /// Its method, if it is a request or a notification.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// Gives an answer to the request with this id.
    pub fn give_to(&mut self, id: &Value) {
        if let Ok(Value::Object(mut message)) = serde_json::from_str(&self.line) {
            message.insert("id".to_owned(), id.clone());
            self.line = Value::Object(message).to_string();
            self.id = Some(id.clone());
        }
    }

    /// The revision that the answer to `initialize` agrees to.
    pub fn agreed_version(&self) -> Option<String> {
        let message: Value = serde_json::from_str(&self.line).ok()?;
        Some(message.get("result")?.get("protocolVersion")?.as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests;
