//! The MCP sessions of older clients are their principal's, and so are the streams that stand in them.

use std::collections::BTreeMap;

use baton_testkit::mcp_client::{LEGACY, McpClient};
use futures_util::{StreamExt, stream};
use reqwest::RequestBuilder;

use super::*;

/// How many sessions of one principal are kept although they are silent.
const KEPT: usize = 1_000;

impl Gated {
    /// A request of an older client, in a session or not.
    fn in_session(&self, method: Method, who: &str, session: Option<&str>) -> RequestBuilder {
        let request = self.server.client().request(method, format!("{}/mcp", self.server.url()));
        let request = request.bearer_auth(self.token(who)).header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        session.into_iter().fold(request, |request, session| {
            request.header("mcp-session-id", session).header("mcp-protocol-version", LEGACY)
        })
    }

    /// Begins a session.
    async fn begin(&self, who: &str) -> String {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
        let begun = McpClient::read(self.in_session(Method::POST, who, None).json(&hello), &json!(1)).await.unwrap();
        assert_eq!(begun.status, 200, "{}", begun.body);
        let session = begun.header("mcp-session-id").unwrap().to_owned();
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.say(who, &session, &ready).await, 202);
        session
    }

    /// Posts a message in a session; the status of the answer.
    async fn say(&self, who: &str, session: &str, message: &Value) -> u16 {
        let request = self.in_session(Method::POST, who, Some(session)).json(message);
        McpClient::read(request, &message["id"]).await.unwrap().status
    }

    /// Opens the standing stream of a session.
    async fn stand(&self, who: &str, session: &str) -> Response {
        timeout(PATIENCE, self.in_session(Method::GET, who, Some(session)).send())
            .await
            .expect("it is answered")
            .unwrap()
    }

    /// Begins a session and opens its standing stream.
    async fn begin_and_stand(&self, who: &str) -> Response {
        let stream = self.stand(who, &self.begin(who).await).await;
        assert_eq!(stream.status(), 200);
        stream
    }

    async fn waiting_polls(&self) -> Value {
        self.get("/api/queue", "boss").await.body["waiting_polls"].clone()
    }
}

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
}

/// Reads a stream up to its end, past whatever keeps it alive.
async fn ends(mut stream: Response) {
    let reading = async { while stream.chunk().await.unwrap().is_some() {} };
    timeout(PATIENCE, reading).await.expect("the stream ends");
}

/// Everything of an answer but when it came.
async fn whole(request: RequestBuilder) -> (u16, BTreeMap<String, String>, String) {
    let answer = timeout(PATIENCE, request.send()).await.expect("it is answered").unwrap();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let mut headers: BTreeMap<_, _> = answer.headers().iter().map(header).collect();
    headers.remove("date");
    let status = answer.status().as_u16();
    // A stream that was let in would have no end to read up to.
    let body = if status == 200 { String::new() } else { answer.text().await.unwrap() };
    (status, headers, body)
}

#[tokio::test]
async fn the_session_of_another_is_as_one_that_never_was() {
    let mut gated = Gated::new().await;
    gated.make("second", &json!({"principal": "worker", "scopes": ["work"]})).await;
    gated.post("/mcp/start_monitoring", "worker", Value::Null).await;
    let session = gated.begin("worker").await;
    let poll = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "get_next_directive", "arguments": {"wait_seconds": 200}}});
    let request = gated.in_session(Method::POST, "worker", Some(&session)).json(&poll);
    let poll = McpClient::read(request, &poll["id"]);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    let (gated, session) = (&gated, session.as_str());
    let trespass = async {
        until("the poll waits", || async { gated.waiting_polls().await == 1 }).await;
        for who in ["mate", "reader", "boss"] {
            for (what, method, body) in [
                ("a call", Method::POST, Some(list())),
                ("a cancellation", Method::POST, Some(cancel.clone())),
                ("the standing stream", Method::GET, None),
                ("the end", Method::DELETE, None),
            ] {
                let ask = |session| {
                    let request = gated.in_session(method.clone(), who, Some(session));
                    whole(body.iter().fold(request, |request, body| request.json(body)))
                };
                let (theirs, unknown) = (ask(session).await, ask(UNKNOWN).await);
                assert_eq!(theirs, unknown, "{who}: {what}");
                assert_eq!(theirs.0, 404, "{who}: {what}: {theirs:?}");
            }
            let missed = gated.in_session(Method::GET, who, Some(session)).header("last-event-id", "0/0");
            assert_eq!(whole(missed).await.0, 404, "{who}: what was missed");
        }
        // The session lives, and another token of its owner may enter it.
        for who in ["worker", "second"] {
            assert_eq!(gated.say(who, session, &list()).await, 200, "{who}");
        }
        gated.add("alice", json!({"directive": "x"})).await
    };
    let (polled, added) = timeout(PATIENCE, async { tokio::join!(poll, trespass) }).await.unwrap();
    let polled = polled.unwrap();
    assert_eq!(polled.tool_json().unwrap()["directive_id"], json!(added), "it was not cancelled: {}", polled.body);

    let end = || gated.in_session(Method::DELETE, "second", Some(session));
    assert_eq!(whole(end()).await.0, 204);
    assert_eq!(whole(end()).await.0, 404, "it has ended");
    assert_eq!(gated.say("worker", session, &list()).await, 404);
}

#[tokio::test]
async fn many_sessions_of_one_push_out_none_of_another() {
    let gated = Gated::new().await;
    let theirs = gated.begin("worker").await;
    let first = gated.begin("alice").await;
    stream::iter(0..KEPT + 50).for_each_concurrent(8, |_| async { drop(gated.begin("alice").await) }).await;
    assert_eq!(gated.say("alice", &first, &list()).await, 404, "her own longest silent one is given up");
    assert_eq!(gated.say("worker", &theirs, &list()).await, 200);
}

#[tokio::test]
async fn standing_streams_are_counted_for_each_caller_and_given_back() {
    let gated = Gated::with("limits = { event_streams = 2 }\n").await;
    let (one, two) = (gated.begin_and_stand("worker").await, gated.begin_and_stand("worker").await);
    let session = gated.begin("worker").await;
    let third = gated.stand("worker", &session).await;
    assert_eq!(third.status(), 429);
    assert!(third.headers().contains_key("retry-after"));
    assert_eq!(third.headers()["content-type"], "application/problem+json");
    let problem: Value = third.json().await.unwrap();
    assert_eq!(problem["code"], "too_many_requests");
    assert!(problem["detail"].as_str().unwrap().contains("limits.event_streams"), "{problem}");
    assert_eq!(gated.get("/api/events", "worker").await.status, 429, "they are counted with the streams of events");
    assert_eq!(gated.say("worker", &session, &list()).await, 200, "calls need no place");

    let _other = gated.begin_and_stand("mate").await;
    drop((one, two));
    until("the places were given back", || async { gated.stand("worker", &session).await.status() == 200 }).await;
}

#[tokio::test]
async fn standing_streams_end_with_their_token() {
    let mut gated = Gated::with("limits = { event_streams = 1 }\n").await;
    let id = gated.make("short", &json!({"principal": "short", "scopes": ["work"]})).await;
    let _other = gated.begin_and_stand("mate").await;
    let revoked = gated.begin_and_stand("short").await;
    let boss = Some(gated.token("boss"));
    assert_eq!(gated.ask(Method::DELETE, &format!("/api/tokens/{id}"), boss, None).await.status, 200);
    ends(revoked).await;

    gated.make("brief", &json!({"principal": "brief", "scopes": ["work"], "expires_in_seconds": 8})).await;
    ends(gated.begin_and_stand("brief").await).await;

    let session = gated.begin("mate").await;
    assert_eq!(gated.stand("mate", &session).await.status(), 429, "another's stream has kept its place: it stands");
}
