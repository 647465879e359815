//! A request as the stand-in saw it.

use std::collections::BTreeMap;

use axum::http::{header, request::Parts};
use serde_json::Value;

/// A request as the stand-in saw it: what a script decides by, and what a test may look at afterwards.
#[derive(Clone, Debug)]
pub struct Request {
    /// From the base URL; empty if it named none.
    pub scenario: String,
    /// `POST`, `HEAD`, …
    pub method: String,
    /// Path below the scenario, with the query: `/v1/messages?beta=true`.
    pub path: String,
    /// Names in lower case; credentials are left out.
    pub headers: BTreeMap<String, String>,
    /// The JSON body; null if it is none.
    pub body: Value,
}

impl Request {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Self {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let (scenario, path) = match target.strip_prefix("/s/").and_then(|rest| rest.split_once('/')) {
            Some((scenario, path)) => (scenario.to_owned(), format!("/{path}")),
            None => (String::new(), target.to_owned()),
        };
        let open = parts.headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION && *name != "x-api-key");
        let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Request {
            scenario,
            method: parts.method.to_string(),
            path,
            headers: open.map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// The conversation so far; may hold messages of the role `system` as well.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// How many calls of tools have a result in the conversation so far.
    pub fn finished_calls(&self) -> usize {
        let blocks = self.messages().iter().filter_map(|message| message["content"].as_array()).flatten();
        blocks.filter(|block| block["type"] == "tool_result").count()
    }

    /// Names of the tools on offer.
    pub fn tools(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    pub(super) fn wants_stream(&self) -> bool {
        self.body["stream"].as_bool().unwrap_or(false)
    }
}
