//! What of a POST's body is looked at before the protocol library reads it.
//!
//! The library takes the first shape that fits and is silent about the rest: a message with a doubled or misspelt key
//! would be read as something that its sender did not mean. Here it is refused, with a JSON-RPC error that says why.

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use baton_gate::{Input, Problem, json, read_body};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// JSON-RPC 2.0 §5.1: the body is no JSON.
const PARSE_ERROR: i64 = -32700;
/// JSON-RPC 2.0 §5.1: the JSON is no request.
pub const INVALID_REQUEST: i64 = -32600;
/// JSON-RPC 2.0 §5.1.
const INVALID_PARAMS: i64 = -32602;

/// A body that holds one JSON-RPC message.
pub struct Message {
    /// The body as it came.
    pub bytes: Bytes,
    /// The id that the answer must carry; `None` for notifications and for answers of the client.
    pub request_id: Option<Value>,
    /// Whether it calls a tool.
    pub is_tool_call: bool,
}

impl Message {
    /// Reads a whole body.
    ///
    /// # Errors
    /// The answer to give: 413 for a body that is too long, 408 for one that does not come, else 400.
    pub async fn read(body: Body) -> Result<Self, Response> {
        let bytes = read_body(body).await.map_err(|problem| refuse(problem.status(), unread(&problem)))?;
        let members = check(&bytes).map_err(|wrong| refuse(StatusCode::BAD_REQUEST, wrong))?;
        let method = members.get("method");
        Ok(Message {
            bytes,
            request_id: method.and(members.get("id")).cloned(),
            is_tool_call: method.is_some_and(|method| method == "tools/call"),
        })
    }
}

fn refuse(status: StatusCode, Wrong { code, why, id }: Wrong) -> Response {
    (status, axum::Json(error_object(code, why, id.as_ref()))).into_response()
}

/// A JSON-RPC error; without `id` when the request's is not known (MCP 2026-07-28, basic, Error Responses).
pub fn error_object(code: i64, why: String, id: Option<&Value>) -> Value {
    let mut object = json!({"jsonrpc": "2.0", "error": {"code": code, "message": why}});
    if let Some(id) = id {
        object["id"] = id.clone();
    }
    object
}

/// The members of a message, unread.
#[derive(Deserialize)]
#[serde(transparent)]
struct Members(Map<String, Value>);

impl Input for Members {}

struct Wrong {
    code: i64,
    why: String,
    id: Option<Value>,
}

/// Checks the frame of a message.
fn check(bytes: &[u8]) -> Result<Map<String, Value>, Wrong> {
    let Members(message) = json::read(bytes).map_err(|problem| unread(&problem))?;
    let id = message.get("id");
    let wrong = |code, why: String| Wrong { code, why, id: id.filter(|id| is_id(id)).cloned() };
    if let Some(why) = misplaced(&message) {
        return Err(wrong(INVALID_REQUEST, why));
    }
    if message.get("jsonrpc").is_none_or(|version| version != "2.0") {
        return Err(wrong(INVALID_REQUEST, missing(&message, "jsonrpc", "it must be \"2.0\"")));
    }
    if id.is_some_and(|id| !is_id(id)) {
        return Err(wrong(INVALID_REQUEST, "`id` must be a string or an integer".into()));
    }
    if !message.contains_key("method") && (message.contains_key("result") || message.contains_key("error")) {
        return Ok(message);
    }
    if !message.get("method").is_some_and(Value::is_string) {
        return Err(wrong(INVALID_REQUEST, missing(&message, "method", "it must be a string")));
    }
    if message.get("params").is_some_and(|params| !params.is_object()) {
        return Err(wrong(INVALID_PARAMS, "`params` must be an object".into()));
    }
    Ok(message)
}

fn unread(problem: &Problem) -> Wrong {
    let told = serde_json::to_value(problem.body()).unwrap_or_default();
    let is_no_json = told["code"] == "invalid_json" || told["code"] == "body_incomplete";
    let code = if is_no_json { PARSE_ERROR } else { INVALID_REQUEST };
    Wrong { code, why: told["detail"].as_str().unwrap_or_default().to_owned(), id: None }
}

/// MCP's ids are strings or integers, never `null`.
fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64()
}

/// A key that the library would pass over although its sender meant something by it.
fn misplaced(message: &Map<String, Value>) -> Option<String> {
    const FRAME: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
    const PARAMS: [&str; 3] = ["name", "arguments", "_meta"];
    let other_case = |keys: &Map<String, Value>, known: &[&str]| {
        let slip = |given: &String| known.iter().find(|name| *name != given && name.eq_ignore_ascii_case(given));
        keys.keys()
            .find_map(|given| slip(given).map(|name| format!("`{given}` is not `{name}`: names are case-sensitive")))
    };
    if let Some(why) = other_case(message, &FRAME) {
        return Some(why);
    }
    if let Some(given) = message.keys().find(|given| PARAMS.contains(&given.as_str())) {
        return Some(format!("`{given}` stands beside `params`; it belongs into it"));
    }
    let params = message.get("params").and_then(Value::as_object)?;
    if message.get("method").is_some_and(|method| method == "tools/call") { other_case(params, &PARAMS) } else { None }
}

fn missing(message: &Map<String, Value>, key: &str, rule: &str) -> String {
    match message.keys().find(|given| *given != key && given.eq_ignore_ascii_case(key)) {
        Some(given) => format!("`{given}` is not `{key}`: names are case-sensitive, and {rule}"),
        None => format!("`{key}` is missing or wrong: {rule}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (i64, String) {
        let wrong = check(body.as_bytes()).err().unwrap_or_else(|| panic!("{body} was taken"));
        (wrong.code, wrong.why)
    }

    #[test]
    fn messages_are_taken() {
        for body in [
            r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","error":{"code":1,"message":"no"}}"#,
        ] {
            assert!(check(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn frames_that_mean_something_else_are_refused() {
        for (body, code, part) in [
            (r#"{"jsonrpc":"2.0","id":1,"Method":"tools/list"}"#, INVALID_REQUEST, "`Method` is not `method`"),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Arguments":{}}}"#,
                INVALID_REQUEST,
                "`Arguments` is not `arguments`",
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"arguments":{}}"#,
                INVALID_REQUEST,
                "`arguments` stands beside `params`",
            ),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST, "`method` is missing"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST, "`id` must be"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST, "`id` must be"),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST, "`jsonrpc`"),
            (r#"{"id":1,"method":"ping"}"#, INVALID_REQUEST, "`jsonrpc`"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, INVALID_REQUEST, "`method`: stands twice"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":{"y":1,"y":2}}}"#, INVALID_REQUEST, "`params.x.y`"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, INVALID_PARAMS, "`params`"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST, "must be a JSON object"),
            (r#""text""#, INVALID_REQUEST, "must be a JSON object"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"#, PARSE_ERROR, "no JSON"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, PARSE_ERROR, "no JSON"),
            ("", PARSE_ERROR, "is required"),
            ("\u{0}", PARSE_ERROR, "no JSON"),
        ] {
            let (found, why) = refused(body);
            assert_eq!(found, code, "{body}: {why}");
            assert!(why.contains(part), "{body}: {why}");
        }
    }

    #[test]
    fn nesting_is_taken_up_to_the_limit() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#, "[".repeat(inner), "]".repeat(inner))
        };
        assert!(check(nested(64).as_bytes()).is_ok());
        assert!(refused(&nested(65)).1.contains("64 deep"));
        assert!(refused(&nested(100_000)).1.contains("64 deep"));
    }
}
