use super::*;

fn read(value: &Value) -> Message {
    Message::read(value.to_string().into_bytes()).unwrap()
}

#[test]
fn kinds_and_eras_are_told_apart() {
    let modern = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    let call = read(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": modern}}));
    assert_eq!((call.kind(), call.modern_version()), (Kind::Request, Some("2026-07-28")));
    let opening = read(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"_meta": modern}}));
    assert_eq!((opening.is_initialize(), opening.modern_version()), (true, None));
    let told = read(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    assert_eq!((told.kind(), told.modern_version()), (Kind::Notification, None));
    assert_eq!(read(&json!({"jsonrpc": "2.0", "id": 3, "result": {}})).kind(), Kind::Response);
}

#[test]
fn what_is_no_message_is_refused_with_the_id_it_has() {
    for (line, code, id, word) in [
        ("{\"jsonrpc\":", -32700, json!(null), "no JSON"),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600, json!(null), "batches"),
        ("{\"id\":4,\"method\":\"ping\"}", -32600, json!(4), "jsonrpc"),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":7}", -32600, json!("a"), "neither"),
        ("{\"jsonrpc\":\"2.0\"}", -32600, json!(null), "neither"),
        ("7", -32600, json!(null), "object"),
    ] {
        let refusal: Value = serde_json::from_str(&Message::read(line.into()).unwrap_err()).unwrap();
        assert_eq!((&refusal["error"]["code"], &refusal["id"]), (&json!(code), &id), "{line}");
        assert!(refusal["error"]["message"].as_str().unwrap().contains(word), "{refusal}");
    }
}

#[test]
fn nesting_without_end_is_refused_and_not_followed() {
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(Message::read(deep.into()).unwrap_err().contains("-32700"));
}

#[test]
fn a_reply_becomes_one_line_and_keeps_every_digit() {
    let text = "{\"jsonrpc\":\"2.0\",\r\n  \"id\":1,\n\"result\":{\"n\":12345678901234567890.10,\"s\":\"a\\nb\"}}\n";
    let reply = Reply::read(text).unwrap();
    assert_eq!(
        reply.line,
        "{\"jsonrpc\":\"2.0\",    \"id\":1, \"result\":{\"n\":12345678901234567890.10,\"s\":\"a\\nb\"}}"
    );
    assert!(reply.answers(&json!(1)) && !reply.answers(&json!("1")));
    assert!(Reply::read("{\"result\":1}").is_none(), "no JSON-RPC");
    assert!(Reply::read("{\"jsonrpc\":\"2.0\",\"id\":1,").is_none(), "cut");
}

#[test]
fn an_error_for_nobody_is_given_to_the_one_who_asked() {
    let mut reply =
        Reply::read("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32020,\"message\":\"m\"}}").unwrap();
    assert!(reply.is_for_nobody());
    reply.give_to(&json!("x"));
    assert!(reply.answers(&json!("x")));
    assert_eq!(serde_json::from_str::<Value>(&reply.line).unwrap()["error"]["code"], -32020);
}
