//! The headers of a POST (specification 2026-07-28, basic/transports/streamable-http; SEP-2243).

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{message::Message, session::Open};

/// The session of a client of 2025-11-25 and before.
pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The revision that is spoken.
pub const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What every call carries.
pub fn common(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(mut value) = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// What a message carries besides: in the modern era what its body says, before that the session it belongs to.
pub fn of(message: &Message, session: Option<&Open>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(version) = message.modern_version() else {
        if let Some(session) = session {
            headers.extend(session.headers());
        }
        return headers;
    };
    let mut insert = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(&encode(value)) {
            headers.insert(name, value);
        }
    };
    insert(VERSION, version);
    if let Some(method) = message.method() {
        insert(METHOD, method);
    }
    if let Some(name) = name(message) {
        insert(NAME, name);
    }
    headers
}

/// What the call is about, for those methods that say it in a header.
fn name(message: &Message) -> Option<&str> {
    let parameter = match message.method()? {
        "tools/call" | "prompts/get" => "name",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return None,
    };
    message.param(parameter).and_then(Value::as_str)
}

/// A header value as it is, or as `=?base64?…?=` where it could not travel or be mistaken for one.
fn encode(value: &str) -> String {
    let travels = value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && value.trim() == value;
    let mistaken = value.starts_with("=?base64?") && value.ends_with("?=");
    if travels && !mistaken { value.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(value)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(method: &str, params: Value) -> Vec<(String, String)> {
        let mut params = params;
        params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let message = Message::read(message.into_bytes()).unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        of(&message, None).iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    #[test]
    fn a_modern_message_says_version_method_and_name() {
        for (method, params, name) in [
            ("tools/call", json!({"name": "get_next_directive", "uri": "no"}), Some("get_next_directive")),
            ("prompts/get", json!({"name": "loop"}), Some("loop")),
            ("resources/read", json!({"uri": "context://sessions", "name": "no"}), Some("context://sessions")),
            ("tasks/get", json!({"taskId": "t-1"}), Some("t-1")),
            ("tasks/update", json!({"taskId": "t-1"}), Some("t-1")),
            ("tasks/cancel", json!({"taskId": "t-1"}), Some("t-1")),
            ("tools/list", json!({"name": "no"}), None),
            ("server/discover", json!({}), None),
            ("tools/call", json!({"name": 7}), None),
        ] {
            let mut expected = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
            expected.extend(name.map(|name| ("mcp-name", name)));
            let expected: Vec<_> = expected.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            assert_eq!(headers(method, params), expected, "{method}");
        }
    }

    #[test]
    fn names_that_cannot_travel_are_wrapped() {
        for (name, header) in [
            ("plain name", "plain name"),
            ("größe", "=?base64?Z3LDtsOfZQ==?="),
            (" edge", "=?base64?IGVkZ2U=?="),
            ("a\nb", "=?base64?YQpi?="),
            ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
        ] {
            assert_eq!(encode(name), header);
        }
    }

    #[test]
    fn a_message_of_old_carries_no_modern_headers() {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}}).to_string();
        assert!(of(&Message::read(message.into_bytes()).unwrap(), None).is_empty());
    }

    #[test]
    fn a_token_is_sent_as_bearer_and_kept_out_of_logs() {
        let headers = common(Some("secret"));
        assert_eq!(headers[AUTHORIZATION], "Bearer secret");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!common(None).contains_key(AUTHORIZATION));
    }
}
