//! Every REST endpoint of the real binary: the good case and each refusal, as status and body.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

/// Compares what was said with what is kept in `snapshots/`.
macro_rules! snapshot {
    ($api:expr) => {
        insta::assert_json_snapshot!($api.said())
    };
}

#[tokio::test]
async fn a_directive_is_submitted_shown_and_listed() {
    let mut api = Api::new().await;
    let id = api
        .add_with(json!({
            "directive": "Summarise yesterday's error log", "priority": "High", "tags": ["ops", "weekly"],
            "webhook": "https://hooks.example/result", "retry_on_failure": true, "max_retries": 2, "retry_delay": 1.5,
            "retry_backoff": 2, "timeout_seconds": 90, "agent": "claude", "budget_usd": 0.5, "acceptance": "tests",
            "metadata": {"ticket": 7, "deep": {"list": [1, null, "x"]}}, "repository": "octo/cat",
            "follow_up_rules": [
                {"condition": "error", "next_directive": "Escalate", "priority": "urgent", "delay_seconds": 5}
            ]
        }))
        .await;
    let after = api.add_with(json!({"directive": "Then this", "depends_on": [id]})).await;
    api.add_with(json!({"directive": "Later", "delay_seconds": 3600})).await;
    api.get(&format!("/api/directives/{id}")).await;
    api.get(&format!("/api/directives/{after}")).await;
    api.get("/api/directives").await;
    api.get("/api/queue").await;
    snapshot!(api);
}

#[tokio::test]
async fn an_agent_starts_polls_reports_and_stops() {
    let mut api = Api::new().await;
    let id = api.add("First").await;
    api.add_with(json!({"directive": "Second", "priority": "low", "tags": ["b"]})).await;
    api.post("/mcp/get_next_directive", Value::Null).await;
    api.post("/mcp/start_monitoring", Value::Null).await;
    api.post("/mcp/get_next_directive?agent=claude", json!({})).await;
    api.post(
        "/mcp/get_next_directive?agent=claude",
        json!({"directive_id": id, "success": true, "result": "done", "execution_time": 12.5, "metadata": {"rows": 3}}),
    )
    .await;
    api.get("/api/results").await;
    api.get("/mcp/analytics").await;
    api.get("/api/analytics").await;
    api.get("/api/queue").await;
    api.get(&format!("/api/directives/{id}")).await;
    api.post("/mcp/stop_monitoring", json!({})).await;
    api.get("/health").await;
    snapshot!(api);
}

#[tokio::test]
async fn a_submission_that_cannot_be_accepted_names_its_fields() {
    let mut api = Api::new().await;
    let rule = |condition: &str| json!({"condition": condition, "next_directive": "x"});
    let rule_with = |field: &str, value: Value| {
        let mut rule = rule("success");
        rule[field] = value;
        rule
    };
    for body in [
        json!({}),
        json!({"directive": "  \n "}),
        json!({"directive": 5}),
        json!({"directive": null}),
        json!({"directive": "x", "priority": "soon"}),
        json!({"directive": "x", "priority": 1}),
        json!({"directive": "x", "webhook": "ftp://files.example"}),
        json!({"directive": "x", "webhook": "file:///etc/passwd"}),
        json!({"directive": "x", "max_retries": -1}),
        json!({"directive": "x", "max_retries": 1.5}),
        json!({"directive": "x", "retry_delay": -0.1}),
        json!({"directive": "x", "retry_backoff": 0.5}),
        json!({"directive": "x", "timeout_seconds": 0}),
        json!({"directive": "x", "delay_seconds": -1}),
        json!({"directive": "x", "run_at": "tomorrow"}),
        json!({"directive": "x", "run_at": "2026-11-20T09:00:00"}),
        json!({"directive": "x", "run_at": "2090-01-01T00:00:00Z", "delay_seconds": 1}),
        json!({"directive": "x", "tags": ["a", ""]}),
        json!({"directive": "x", "tags": "a"}),
        json!({"directive": "x", "agent": "a\u{7}"}),
        json!({"directive": "x", "idempotency_key": ""}),
        json!({"directive": "x", "budget_usd": -1}),
        json!({"directive": "x", "metadata": []}),
        json!({"directive": "x", "depends_on": ["no-such-directive"]}),
        json!({"directive": "x", "follow_up_rules": [rule("")]}),
        json!({"directive": "x", "follow_up_rules": [rule("success AND")]}),
        json!({"directive": "x", "follow_up_rules": [{"condition": "success"}]}),
        json!({"directive": "x", "follow_up_rules": [rule_with("next_directive", json!(" "))]}),
        json!({"directive": "x", "follow_up_rules": [rule_with("priority", json!("now"))]}),
        json!({"directive": "x", "follow_up_rules": [rule_with("delay_seconds", json!(-1))]}),
        json!({"directive": "x", "follow_up_rules": {"condition": "success"}}),
        json!({"Directive": "x"}),
        json!({"directive": "x", "maxRetries": 1}),
        json!(["x"]),
        json!("x"),
    ] {
        api.post("/api/directives", body).await;
    }
    let nothing = api.get("/api/directives").await;
    assert_eq!(nothing.body["items"], json!([]), "nothing is half-written");
    snapshot!(api);
}

#[tokio::test]
async fn every_limit_holds_at_the_limit_and_one_past_it() {
    let mut api = Api::new().await;
    let known: Vec<String> = {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(api.add("x").await);
        }
        ids
    };
    let with = |field: &str, value: Value| {
        let mut body = json!({"directive": "x"});
        body[field] = value;
        body
    };
    let rules = |count: usize| Value::from(vec![json!({"condition": "success", "next_directive": "y"}); count]);
    let tags = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Value>();
    let needs = |count: usize| known.iter().cycle().take(count).cloned().collect::<Value>();
    let name = |length: usize| Value::from("ü".repeat(length));
    let url = |length: usize| Value::from(format!("https://a.example/{}", "x".repeat(length - 18)));
    let ten_years = 315_360_000.0;
    for (field, last, past) in [
        ("follow_up_rules", rules(64), rules(65)),
        ("tags", tags(64), tags(65)),
        ("depends_on", needs(256), needs(257)),
        ("tags", json!([name(255)]), json!([name(256)])),
        ("agent", name(255), name(256)),
        ("idempotency_key", name(255), name(256)),
        ("acceptance", name(255), name(256)),
        ("repository", name(255), name(256)),
        ("webhook", url(2048), url(2049)),
        ("max_retries", json!(1000), json!(1001)),
        ("max_retries", json!(0), json!(-1)),
        ("retry_delay", json!(ten_years), json!(ten_years + 1.0)),
        ("retry_backoff", json!(100), json!(100.5)),
        ("retry_backoff", json!(1), json!(0.99)),
        ("timeout_seconds", json!(0.001), json!(0.0009)),
        ("timeout_seconds", json!(ten_years), json!(ten_years + 1.0)),
        ("delay_seconds", json!(ten_years), json!(ten_years + 1.0)),
        ("budget_usd", json!(0), json!(-0.01)),
    ] {
        let taken = api.post("/api/directives", with(field, last)).await;
        assert_eq!(taken.status, 200, "{field} at its limit: {taken:?}");
        let refused = api.post("/api/directives", with(field, past)).await;
        assert_eq!(refused.status, 400, "{field} past its limit");
        assert!(refused.fields().iter().any(|named| named.starts_with(field)), "{field}: {refused:?}");
    }
    for (path, status) in [
        ("/api/results?limit=1", 200),
        ("/api/results?limit=1000", 200),
        ("/api/results?limit=0", 400),
        ("/api/results?limit=1001", 400),
        ("/api/results?limit=-1", 400),
        ("/api/results?limit=1e3", 400),
        ("/api/results?limit=99999999999999999999", 400),
        ("/api/results?limit=", 400),
        ("/api/directives?limit=1000", 200),
        ("/api/directives?limit=0", 400),
        ("/api/directives?limit=1001", 400),
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(status == 200 || answer.fields() == ["limit"], "{answer:?}");
    }
    // Monitoring has not been started, so each of them is answered at once.
    for (wait, status) in [
        ("0", 200),
        ("240", 200),
        ("0.25", 200),
        ("240.1", 400),
        ("241", 400),
        ("-1", 400),
        ("NaN", 400),
        ("inf", 400),
        ("1e300", 400),
        ("", 400),
        ("soon", 400),
    ] {
        let answer = api.post(&format!("/mcp/get_next_directive?wait_seconds={wait}"), Value::Null).await;
        assert_eq!(answer.status, status, "wait_seconds={wait}");
        assert!(status == 200 || answer.fields() == ["wait_seconds"], "{answer:?}");
    }
    for (query, field) in [("agent=", "agent"), ("session_id=%07", "session_id"), ("tags=a&tags=%00", "tags[1]")] {
        let answer = api.post(&format!("/mcp/get_next_directive?{query}"), Value::Null).await;
        assert_eq!((answer.status, answer.fields()), (400, vec![field]));
    }
}

#[tokio::test]
async fn parameters_that_are_unknown_are_named() {
    let mut api = Api::new().await;
    for path in [
        "/api/results?limt=5",
        "/api/results?limit=5&limit=6",
        "/api/results?cursor=nonsense",
        "/api/directives?status=queued",
        "/api/directives?state=running&priority=soon",
        "/api/directives?Limit=5",
    ] {
        assert_eq!(api.get(path).await.status, 400, "{path}");
    }
    for path in
        ["/mcp/get_next_directive?wait=5", "/mcp/start_monitoring?name=a", "/mcp/get_next_directive?agent=a&agent=b"]
    {
        assert_eq!(api.post(path, Value::Null).await.status, 400, "{path}");
    }
    snapshot!(api);
}

#[tokio::test]
async fn a_repeated_submission_with_a_key_is_the_same_directive() {
    let mut api = Api::new().await;
    let body = json!({"directive": "once", "idempotency_key": "k-1", "metadata": {"a": 1}});
    let first = api.add_with(body.clone()).await;
    assert_eq!(api.add_with(body.clone()).await, first);
    let by_header = |api: &Api, body: Value, keys: &[&str]| {
        let request = api.server.client().post(api.url("/api/directives")).json(&body);
        keys.iter().fold(request, |request, key| request.header("Idempotency-Key", *key))
    };
    let without = json!({"directive": "once", "metadata": {"a": 1}});
    for (body, keys, status) in [
        (without.clone(), vec!["k-1"], 200),
        (body.clone(), vec!["k-1"], 200),
        (body.clone(), vec!["k-2"], 400),
        (without.clone(), vec!["k-1", "k-1"], 400),
        (without.clone(), vec!["k\u{fc}"], 400),
        (json!({"directive": "another"}), vec!["k-1"], 409),
    ] {
        let request = by_header(&api, body, &keys);
        let answer = api.send("POST", "/api/directives", request).await;
        assert_eq!(answer.status, status, "{keys:?}: {answer:?}");
    }
    let many = (0..20).map(|_| by_header(&api, json!({"directive": "all at once"}), &["k-3"]).send());
    let mut ids: Vec<String> = Vec::new();
    for answer in futures_util::future::join_all(many).await {
        ids.push(answer.unwrap().json::<Value>().await.unwrap()["directive_id"].as_str().unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "twenty at once are one directive");
    assert_eq!(api.get("/api/queue").await.body["pending_directives"], 2);
    snapshot!(api);
}

#[tokio::test]
async fn a_report_is_taken_once() {
    let mut api = Api::started().await;
    let waiting = api.add_with(json!({"directive": "nobody has it", "priority": "low"})).await;
    let id = api.add("report me").await;
    let token = api.take().await["metadata"]["lease_token"].as_str().unwrap().to_owned();
    api.forget();
    let other = "0".repeat(32);
    let report = |success: bool, result: &str| json!({"directive_id": id, "success": success, "result": result});
    let path = "/mcp/get_next_directive?tags=none";
    for (body, status) in [
        (json!({"directive_id": "no-such-directive", "success": true, "result": "x"}), 404),
        (json!({"directive_id": waiting, "success": true, "result": "x"}), 409),
        (json!({"directive_id": id, "success": true, "result": "x", "lease_token": other}), 409),
        (json!({"directive_id": id, "success": "yes"}), 400),
        (json!({"directive_id": " ", "success": true, "result": "", "execution_time": -1}), 400),
        (json!({"directive_id": id, "success": true, "result": "x", "lease": token}), 400),
        (json!({"directive_id": id, "success": true, "result": "done", "lease_token": token}), 200),
        (report(true, "done"), 200),
        (report(false, "done"), 409),
        (report(true, "done otherwise"), 409),
    ] {
        let answer = api.post(path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    snapshot!(api);
}

#[tokio::test]
async fn a_directive_is_changed_or_the_change_is_refused() {
    let mut api = Api::started().await;
    let id = api.add("change me").await;
    let at = |what: &str| format!("/api/directives/{id}/{what}");
    api.forget();
    api.post(&at("priority"), json!({"priority": "URGENT"})).await;
    api.post(&at("extend"), json!({"lease_token": "none yet"})).await;
    api.post(&at("retry"), Value::Null).await;
    let taken = api.take().await;
    let token = taken["metadata"]["lease_token"].clone();
    api.post(&at("extend"), json!({"lease_token": token})).await;
    api.post(&at("extend"), json!({"lease_token": token, "seconds": 7200.5})).await;
    api.post(&at("extend"), json!({"lease_token": "00000000000000000000000000000000"})).await;
    api.post(&at("extend"), json!({"lease_token": token, "seconds": 0})).await;
    api.post(&at("extend"), json!({"seconds": "long"})).await;
    api.post(&at("priority"), json!({"priority": "higher"})).await;
    api.post(&at("priority"), Value::Null).await;
    api.post(&at("cancel"), json!({"reason": "none"})).await;
    api.post(&at("cancel"), json!({})).await;
    api.post(&at("cancel"), Value::Null).await;
    api.report(&id, true, "too late").await;
    api.post(&at("priority"), json!({"priority": "low"})).await;
    let again = api.post(&at("retry"), Value::Null).await;
    api.get(&format!("/api/directives?parent={id}")).await;
    api.get(&at("")[..at("").len() - 1]).await;
    let again = again.text("directive_id");
    api.take().await;
    api.report(&again, true, "done").await;
    api.post(&format!("/api/directives/{again}/cancel"), Value::Null).await;
    api.post(&format!("/api/directives/{again}/retry"), Value::Null).await;
    snapshot!(api);
}

#[tokio::test]
async fn an_unknown_id_is_not_found_whatever_it_looks_like() {
    let mut api = Api::new().await;
    for id in ["01a1f854-5b11-7000-904e-e3e671c62b8d", "x", "%20", "..%2f..", "%00", "a%22b", "%ff%fe", "ü"] {
        let answer = api.get(&format!("/api/directives/{id}")).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{id}");
        for (what, body) in [
            ("cancel", Value::Null),
            ("retry", Value::Null),
            ("priority", json!({"priority": "low"})),
            ("extend", json!({"lease_token": "x"})),
        ] {
            let answer = api.post(&format!("/api/directives/{id}/{what}"), body).await;
            assert_eq!((answer.status, answer.code()), (404, "not_found"), "{id} {what}");
        }
    }
    assert!(api.get("/api/directives/a%22b").await.text("detail").contains("`a\"b`"), "the id is quoted");
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    let mut api = Api::started().await;
    for n in 0..7 {
        let priority = if n % 2 == 0 { "high" } else { "low" };
        api.add_with(
            json!({"directive": format!("number {n}"), "priority": priority, "tags": [format!("t{}", n % 3)]}),
        )
        .await;
    }
    let texts = |answer: &Answer| -> Vec<String> {
        let items = answer.body.get("items").unwrap_or(&answer.body).as_array().unwrap();
        items.iter().map(|item| item["directive"].as_str().unwrap().replace("number ", "")).collect()
    };
    assert_eq!(texts(&api.get("/api/directives").await), ["6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(texts(&api.get("/api/directives?priority=LOW&state=queued").await), ["5", "3", "1"]);
    assert_eq!(texts(&api.get("/api/directives?tag=t1").await), ["4", "1"]);
    assert_eq!(texts(&api.get("/api/directives?state=dead").await), [""; 0]);
    assert_eq!(texts(&api.get("/api/directives?parent=no-such").await), [""; 0]);

    let (mut seen, mut path) = (Vec::new(), "/api/directives?limit=3".to_owned());
    loop {
        let page = api.get(&path).await;
        seen.extend(texts(&page));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/api/directives?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);

    for _ in 0..7 {
        let id = api.take().await["directive_id"].as_str().unwrap().to_owned();
        api.post("/mcp/get_next_directive?tags=none", json!({"directive_id": id, "success": true, "result": "ok"}))
            .await;
    }
    let (mut seen, mut path, mut pages) = (Vec::new(), "/api/results?limit=3".to_owned(), 0);
    loop {
        let page = api.get(&path).await;
        pages += 1;
        seen.extend(texts(&page));
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!((seen, pages), (["5", "3", "1", "6", "4", "2", "0"].map(str::to_owned).to_vec(), 3));
    assert_eq!(texts(&api.get("/api/results").await).len(), 7, "ten by default");
}

#[tokio::test]
async fn a_waiting_poll_gets_what_comes_and_fits() {
    let mut api = Api::started().await;
    let poll = |query: &str| {
        let request = api.server.client().post(api.url(&format!("/mcp/get_next_directive?{query}")));
        tokio::spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() })
    };
    let named = poll("wait_seconds=60&agent=ada");
    let tagged = poll("wait_seconds=60&tags=x,%20y&tags=z");
    let nobody = poll("wait_seconds=0.3&tags=none");
    assert_eq!(nobody.await.unwrap()["next_action"], "WAIT_THEN_POLL", "it waits no longer than it said");
    api.add_with(json!({"directive": "for ada", "agent": "ada"})).await;
    api.add_with(json!({"directive": "for z", "tags": ["other", "z"], "agent": "bob"})).await;
    assert_eq!(named.await.unwrap()["directive"], "for ada");
    api.add_with(json!({"directive": "for y", "tags": ["y"]})).await;
    assert_eq!(tagged.await.unwrap()["directive"], "for y", "the one for z is for bob alone");
    let bob = api.post("/mcp/get_next_directive?agent=bob&session_id=s-1", Value::Null).await;
    assert_eq!(bob.body["directive"], "for z");
}

#[tokio::test]
async fn one_agent_can_be_stopped_alone() {
    let mut api = Api::new().await;
    let first = api.post("/mcp/start_monitoring", json!({"agent": "ada"})).await;
    let second = api.post("/mcp/start_monitoring?agent=bob", Value::Null).await;
    assert_eq!(first.body["session_id"], second.body["session_id"]);
    api.post("/mcp/stop_monitoring?agent=bob", json!({"agent": "bob"})).await;
    api.add("x").await;
    assert_eq!(api.post("/mcp/get_next_directive?agent=bob", Value::Null).await.body["next_action"], "STOP");
    assert_eq!(api.post("/mcp/get_next_directive?agent=ada", Value::Null).await.body["directive"], "x");
    let differs = api.post("/mcp/stop_monitoring?agent=bob", json!({"agent": "ada"})).await;
    assert_eq!((differs.status, differs.fields()), (400, vec!["agent"]));
    assert_eq!(api.post("/mcp/stop_monitoring", json!({"agents": []})).await.fields(), ["agents"]);
}

#[tokio::test]
async fn the_system_tells_about_itself() {
    let mut api = Api::started().await;
    api.add("x").await;
    api.forget();
    api.get("/health").await;
    api.get("/readyz").await;
    api.get("/api/direcives").await;
    api.get("/nowhere/at/all").await;
    let delete = api.server.client().request(Method::DELETE, api.url("/api/queue"));
    let deleted = api.send("DELETE", "/api/queue", delete).await;
    assert_eq!(deleted.headers["allow"], "GET,HEAD");
    let patch = api.server.client().request(Method::PATCH, api.url("/api/directives"));
    api.send("PATCH", "/api/directives", patch).await;
    snapshot!(api);

    let metrics = api.get("/metrics").await;
    assert!(metrics.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = metrics.body.as_str().unwrap();
    for line in ["baton_directives{state=\"pending\"} 1", "baton_directives_submitted_total 1", "baton_polls_waiting 0"]
    {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn the_api_describes_itself() {
    let mut api = Api::new().await;
    let description = api.get("/openapi.json").await.body;
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(format!(
                "{} {path}: {}",
                method.to_uppercase(),
                operation["operationId"].as_str().unwrap()
            ));
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let kind = if status.starts_with('2') { "application/json" } else { "application/problem+json" };
                let kind = match path.as_str() {
                    "/metrics" | "/api/directives/{id}/transcript" if status == "200" && method == "get" => {
                        "text/plain"
                    }
                    "/api/events" if status == "200" => "text/event-stream",
                    "/health" if status == "503" => "application/json",
                    _ => kind,
                };
                assert!(answer["content"][kind]["schema"].is_object(), "{method} {path} {status}: {answer}");
            }
        }
    }
    operations.sort();
    insta::assert_json_snapshot!(operations);
    let text = description.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "the schema {name} is missing");
    }
}
