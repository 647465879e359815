//! The defects of the first seed's sketch, one test each, under the numbers they were found by. Where the contract
//! disagrees with what was expected then, the contract holds. Not here: what belongs to MCP (D30, D33), to webhooks
//! (D20, D21, D34) and to the bench (D36).
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::time::Duration;

use baton_testkit::server::Port;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

const POLL: &str = "/mcp/get_next_directive";

/// Puts a directive with one rule in the queue, lets it end so, and answers the texts of what followed.
async fn follow_ups(rules: Value, success: bool, result: &str) -> Vec<String> {
    let mut api = Api::started().await;
    let id = api.add_with(json!({"directive": "first", "follow_up_rules": rules})).await;
    api.take().await;
    assert_eq!(api.report(&id, success, result).await.status, 200);
    let children = api.get(&format!("/api/directives?parent={id}")).await;
    children.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["directive"].as_str().unwrap().to_owned())
        .collect()
}

fn rule(condition: &str, next: &str) -> Value {
    json!([{"condition": condition, "next_directive": next}])
}

/// Reports without taking another directive.
async fn report_only(api: &mut Api, body: Value) -> Answer {
    api.post("/mcp/get_next_directive?tags=none", body).await
}

/// Milliseconds between two moments of an answer.
fn span(from: &Value, to: &Value) -> i64 {
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    at(to) - at(from)
}

#[tokio::test]
async fn d00_analytics_of_nothing_have_all_fields() {
    let mut api = Api::new().await;
    let answer = api.get("/mcp/analytics").await;
    let expected = json!({
        "total_completed": 0, "success_rate": 0.0, "average_execution_time": 0.0, "pending_count": 0, "active_count": 0,
        "daily_volume": {}, "success_by_priority": {}, "common_failure_patterns": []
    });
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[tokio::test]
async fn d01_monitoring_once_started_outlives_a_restart() {
    let mut api = Api::new().await;
    api.add("x").await;
    assert_eq!(api.post(POLL, Value::Null).await.body["next_action"], "STOP", "before the first start");
    api.post("/mcp/start_monitoring", Value::Null).await;
    api.server.kill9().await.unwrap();
    api.server.restart(Port::Any).await.unwrap();
    assert_eq!(api.post(POLL, Value::Null).await.body["directive"], "x");
}

#[tokio::test]
async fn d02_urgent_goes_first_and_inside_a_priority_the_oldest() {
    let mut api = Api::started().await;
    for (text, priority) in [
        ("l1", "low"),
        ("m1", "medium"),
        ("h1", "high"),
        ("u1", "urgent"),
        ("m2", "medium"),
        ("u2", "URGENT"),
        ("l2", "Low"),
    ] {
        api.add_with(json!({"directive": text, "priority": priority})).await;
    }
    let mut order = Vec::new();
    for _ in 0..7 {
        order.push(api.take().await["directive"].as_str().unwrap().to_owned());
    }
    assert_eq!(order, ["u1", "u2", "h1", "m1", "m2", "l1", "l2"]);
}

#[tokio::test]
async fn d03_a_condition_with_and_needs_both_sides() {
    let rules = || rule("success AND result.contains('declining')", "PLAN");
    assert_eq!(follow_ups(rules(), true, "all stable").await, [""; 0]);
    assert_eq!(follow_ups(rules(), true, "Sales are DECLINING in the north").await, ["PLAN"]);
}

#[tokio::test]
async fn d04_single_quotes_are_quotes() {
    let found = "3 vulnerabilities found";
    assert_eq!(follow_ups(rule("result.contains('vulnerabilities')", "FIX"), true, found).await, ["FIX"]);
    assert_eq!(follow_ups(rule("result.contains(\"vulnerabilities\")", "FIX"), true, found).await, ["FIX"]);
}

#[tokio::test]
async fn d05_an_error_rule_follows_a_failure() {
    assert_eq!(follow_ups(rule("error", "ESCALATE"), false, "broke").await, ["ESCALATE"]);
    assert_eq!(follow_ups(rule("error", "ESCALATE"), true, "fine").await, [""; 0]);
}

#[tokio::test]
async fn d06_a_text_that_is_looked_for_is_no_keyword() {
    assert_eq!(follow_ups(rule("result.contains(\"unsuccessful\")", "X"), true, "fine").await, [""; 0]);
}

#[tokio::test]
async fn d07_a_delayed_follow_up_does_not_hold_up_the_reporter() {
    let mut api = Api::started().await;
    let rules = json!([{"condition": "success", "next_directive": "later", "delay_seconds": 600}]);
    let id = api.add_with(json!({"directive": "first", "follow_up_rules": rules})).await;
    api.take().await;
    let answer = api.report(&id, true, "done").await;
    assert_eq!(answer.body["next_action"], "WAIT_THEN_POLL");
    let ended = api.get(&format!("/api/directives/{id}")).await.body["ended_at"].clone();
    let child = api.get(&format!("/api/directives?parent={id}")).await.body["items"][0].clone();
    assert_eq!(child["state"], "scheduled");
    let delay = span(&ended, &child["due_at"]);
    assert!((600_000..605_000).contains(&delay), "{delay} ms after the result");
}

#[tokio::test]
async fn d08_delays_of_several_rules_do_not_add_up() {
    let mut api = Api::started().await;
    let one = |text: &str| json!({"condition": "success", "next_directive": text, "delay_seconds": 0.3});
    let id = api.add_with(json!({"directive": "first", "follow_up_rules": [one("a"), one("b")]})).await;
    api.take().await;
    api.report(&id, true, "done").await;
    let children = api.get(&format!("/api/directives?parent={id}")).await.body["items"].clone();
    assert!(span(&children[0]["due_at"], &children[1]["due_at"]).abs() < 50, "{children}");
    let mut texts = [api.take().await["directive"].clone(), api.take().await["directive"].clone()];
    texts.sort_by_key(Value::to_string);
    assert_eq!(texts, [json!("a"), json!("b")]);
}

#[tokio::test]
async fn d09_nothing_is_lost_to_a_client_that_gave_up() {
    let mut api = Api::started().await;
    let request = api.server.client().post(api.url("/mcp/get_next_directive?wait_seconds=60"));
    let gone = request.timeout(Duration::from_millis(200)).send().await;
    assert!(gone.is_err_and(|error| error.is_timeout()));
    let id = api.add("not lost").await;
    let taken = api.take().await;
    assert_eq!((&taken["directive_id"], &taken["metadata"]["attempt"]), (&json!(id), &json!(1)));
}

#[tokio::test]
async fn d10_a_result_of_an_unknown_directive_is_not_counted() {
    let mut api = Api::started().await;
    let answer = api.report("01a1f854-5b11-7000-904e-e3e671c62b8d", true, "x").await;
    assert_eq!((answer.status, answer.code()), (404, "not_found"));
    assert!(answer.text("detail").contains("01a1f854-5b11-7000-904e-e3e671c62b8d"));
    assert_eq!(api.get("/api/queue").await.body["completed_directives"], 0);
}

#[tokio::test]
async fn d11_the_first_result_stands() {
    let mut api = Api::started().await;
    let id = api.add("x").await;
    api.take().await;
    api.report(&id, true, "good").await;
    let second = api.report(&id, false, "bad").await;
    assert_eq!((second.status, second.code()), (409, "already_reported"));
    assert_eq!(second.body["stored"]["result"], "good");
    let results = api.get("/api/results").await.body;
    assert_eq!((results.as_array().unwrap().len(), &results[0]["result"]), (1, &json!("good")));
}

#[tokio::test]
async fn d12_what_nobody_took_cannot_be_reported() {
    let mut api = Api::started().await;
    let id = api.add("x").await;
    let answer = api.report(&id, true, "done").await;
    assert_eq!((answer.status, answer.code()), (409, "not_leased"));
    let queue = api.get("/api/queue").await.body;
    assert_eq!((&queue["pending_directives"], &queue["completed_directives"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn d13_a_dead_agents_directive_is_handed_out_again() {
    let mut api = Api::started().await;
    let id = api.add_with(json!({"directive": "x", "timeout_seconds": 0.2})).await;
    let first = api.take().await;
    let second = api.take().await;
    assert_eq!(second["directive_id"], json!(id));
    assert_eq!((&first["metadata"]["attempt"], &second["metadata"]["attempt"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn d14_retry_delay_and_timeout_are_kept() {
    let mut api = Api::started().await;
    let id = api.add_with(json!({"directive": "x", "retry_delay": 1, "timeout_seconds": 9})).await;
    let shown = api.get(&format!("/api/directives/{id}")).await.body;
    assert_eq!((&shown["retry_delay"], &shown["timeout_seconds"]), (&json!(1.0), &json!(9.0)));
    assert_eq!(api.take().await["metadata"]["timeout"], 9.0);
}

/// Fails a directive until it has no attempt left; answers the texts that were handed out.
async fn attempts(max_retries: i64) -> Vec<String> {
    let mut api = Api::started().await;
    let id = api
        .add_with(json!({"directive": "two", "retry_on_failure": true, "max_retries": max_retries, "retry_delay": 0.1}))
        .await;
    let mut texts = Vec::new();
    loop {
        let taken = api.take().await;
        assert_eq!(taken["metadata"]["retry_count"], texts.len());
        texts.push(taken["directive"].as_str().unwrap().to_owned());
        let error = format!("E{}", texts.len());
        let body = json!({"directive_id": id, "success": false, "result": "no", "error": error});
        let outcome = report_only(&mut api, body).await.body["previous_result"]["outcome"].clone();
        if outcome != "retry_scheduled" {
            assert_eq!(outcome, "failed");
            return texts;
        }
    }
}

#[tokio::test]
async fn d15_one_retry_is_one_further_attempt() {
    assert_eq!(attempts(1).await, ["two", "two (Retry #1, previous error: E1)"]);
    assert_eq!(attempts(0).await, ["two"]);
}

#[tokio::test]
async fn d16_a_retry_does_not_hold_up_the_reporter() {
    let mut api = Api::started().await;
    let id = api
        .add_with(json!({"directive": "two", "priority": "urgent", "retry_on_failure": true, "retry_delay": 600}))
        .await;
    api.add("other").await;
    api.take().await;
    assert_eq!(api.report(&id, false, "no").await.body["directive"], "other");
    let shown = api.get(&format!("/api/directives/{id}")).await.body;
    assert_eq!((&shown["state"], &shown["retry_count"]), (&json!("scheduled"), &json!(1)));
}

#[tokio::test]
async fn d17_two_retries_are_two_further_attempts() {
    let expected = ["two", "two (Retry #1, previous error: E1)", "two (Retry #2, previous error: E2)"];
    assert_eq!(attempts(2).await, expected);
}

#[tokio::test]
async fn d18_rates_are_by_the_directives_own_priority() {
    let mut api = Api::started().await;
    for (priority, success) in [("urgent", true), ("high", true), ("high", false), ("medium", false)] {
        let id = api.add_with(json!({"directive": "x", "priority": priority})).await;
        api.take().await;
        api.report(&id, success, "x").await;
    }
    let analytics = api.get("/mcp/analytics").await.body;
    assert_eq!(analytics["success_by_priority"], json!({"urgent": 1.0, "high": 0.5, "medium": 0.0}));
    assert_eq!(analytics["success_rate"], 0.5);
}

#[tokio::test]
async fn d19_the_average_leaves_out_results_without_a_time() {
    let mut api = Api::started().await;
    for (success, time) in [(true, json!(10.0)), (true, Value::Null), (false, json!(90.0)), (true, json!(20.0))] {
        let id = api.add("x").await;
        api.take().await;
        let body = json!({"directive_id": id, "success": success, "result": "x", "execution_time": time});
        assert_eq!(report_only(&mut api, body).await.status, 200);
    }
    assert_eq!(api.get("/mcp/analytics").await.body["average_execution_time"], 15.0);
}

#[tokio::test]
async fn d22_a_rules_priority_is_read_like_a_directives() {
    let rules = json!([{"condition": "success", "next_directive": "Y", "priority": "HIGH"}]);
    assert_eq!(follow_ups(rules, true, "x").await, ["Y"]);
    let mut api = Api::new().await;
    let rules = json!([{"condition": "success", "next_directive": "Y", "priority": "asap"}]);
    let refused = api.post("/api/directives", json!({"directive": "x", "follow_up_rules": rules})).await;
    assert_eq!((refused.status, refused.fields()), (400, vec!["follow_up_rules[0].priority"]));
}

#[tokio::test]
async fn d23_every_bad_field_is_named() {
    let mut api = Api::new().await;
    let body = json!({
        "directive": "", "follow_up_rules": [{"delay_seconds": -1}], "max_retries": -5, "webhook": "zzz",
        "priorty": "urgent"
    });
    let refused = api.post("/api/directives", body).await;
    let mut fields = refused.fields();
    fields.sort_unstable();
    let expected = [
        "directive",
        "follow_up_rules[0].condition",
        "follow_up_rules[0].delay_seconds",
        "follow_up_rules[0].next_directive",
        "max_retries",
        "priorty",
        "webhook",
    ];
    assert_eq!((refused.status, fields), (400, expected.to_vec()));
}

#[tokio::test]
async fn d24_an_empty_object_is_no_result() {
    let mut api = Api::started().await;
    for body in [json!({}), Value::Null] {
        assert_eq!(api.post(POLL, body).await.body["next_action"], "WAIT_THEN_POLL");
    }
    let null = api.server.client().post(api.url(POLL)).header("content-type", "application/json").body("null");
    assert_eq!(api.send("POST", POLL, null).await.status, 200);
}

#[tokio::test]
async fn d25_lists_have_bounds_and_pages() {
    let mut api = Api::started().await;
    for n in 0..3 {
        let id = api.add(&n.to_string()).await;
        api.take().await;
        api.report(&id, true, "x").await;
    }
    assert_eq!(api.get("/api/results?limit=-1").await.status, 400);
    assert_eq!(api.get("/api/results?limit=1001").await.status, 400);
    let page = api.get("/api/results?limit=2").await;
    assert_eq!(page.body.as_array().unwrap().len(), 2);
    assert!(page.headers["link"].to_str().unwrap().ends_with("rel=\"next\""));
}

#[tokio::test]
async fn d26_a_result_tells_what_it_is_the_result_of() {
    let mut api = Api::started().await;
    let id = api.add_with(json!({"directive": "the text", "priority": "high", "tags": ["t"]})).await;
    api.post("/mcp/get_next_directive?agent=ada", Value::Null).await;
    api.report(&id, true, "done").await;
    let result = api.get("/api/results?limit=1").await.body[0].clone();
    for (field, expected) in [
        ("directive", json!("the text")),
        ("priority", json!("high")),
        ("tags", json!(["t"])),
        ("agent", json!("ada")),
        ("attempt", json!(1)),
    ] {
        assert_eq!(result[field], expected, "{field}");
    }
    assert!(result["timestamp"].as_str().unwrap().ends_with("+00:00"), "{result}");
}

#[tokio::test]
async fn d27_no_other_site_may_read_anything() {
    let mut api = Api::new().await;
    let request = api.server.client().get(api.url("/health")).header("origin", "https://evil.example");
    let answer = api.send("GET", "/health", request).await;
    assert_eq!((answer.status, answer.code()), (403, "origin_not_allowed"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn d28_a_second_agent_joins_the_session_and_leaves_alone() {
    let mut api = Api::new().await;
    let first = api.post("/mcp/start_monitoring?agent=ada", Value::Null).await.text("session_id");
    let second = api.post("/mcp/start_monitoring?agent=bob", Value::Null).await.text("session_id");
    assert_eq!(first, second);
    api.post("/mcp/stop_monitoring?agent=ada", Value::Null).await;
    assert_eq!(api.post("/mcp/get_next_directive?agent=ada", Value::Null).await.body["next_action"], "STOP");
    assert_eq!(api.post("/mcp/get_next_directive?agent=bob", Value::Null).await.body["next_action"], "WAIT_THEN_POLL");
}

#[tokio::test]
async fn d29_pending_means_the_same_everywhere() {
    let mut api = Api::started().await;
    for _ in 0..3 {
        api.add("x").await;
    }
    api.take().await;
    let queue = api.get("/api/queue").await.body;
    assert_eq!((&queue["pending_directives"], &queue["active_directives"]), (&json!(2), &json!(1)));
    assert_eq!(api.post("/mcp/stop_monitoring", Value::Null).await.body["pending_directives"], 2);
    let analytics = api.get("/mcp/analytics").await.body;
    assert_eq!((&analytics["pending_count"], &analytics["active_count"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn d31_a_directive_can_be_looked_up_listed_and_called_off() {
    let mut api = Api::started().await;
    let id = api.add("x").await;
    assert_eq!(api.get(&format!("/api/directives/{id}")).await.body["state"], "queued");
    assert_eq!(api.get("/api/directives").await.body["items"][0]["directive_id"], json!(id));
    assert_eq!(api.post(&format!("/api/directives/{id}/cancel"), Value::Null).await.body["state"], "cancelled");
    assert_eq!(api.post(POLL, Value::Null).await.body["has_directive"], false);
}

#[tokio::test]
async fn d32_everything_survives_a_kill() {
    let mut api = Api::started().await;
    let done = api.add("done").await;
    api.take().await;
    api.report(&done, true, "kept").await;
    let leased = api.add("leased").await;
    let token = api.take().await["metadata"]["lease_token"].clone();
    api.add("queued").await;
    api.server.kill9().await.unwrap();
    api.server.restart(Port::Any).await.unwrap();
    assert_eq!(api.get("/api/results").await.body[0]["result"], "kept");
    let body = json!({"directive_id": leased, "success": true, "result": "after the kill", "lease_token": token});
    assert_eq!(api.post(POLL, body).await.body["directive"], "queued");
}

#[tokio::test]
async fn d35_a_result_is_not_kept_in_memory() {
    let mut api = Api::started().await;
    let long = "x".repeat(512 << 10);
    let mut resident = Vec::new();
    for _ in 0..30 {
        let id = api.add("x").await;
        api.take().await;
        let body = json!({"directive_id": id, "success": true, "result": long});
        assert_eq!(report_only(&mut api, body).await.status, 200);
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", api.server.pid().unwrap())).unwrap();
        resident.push(statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4);
        api.forget();
    }
    let grown = resident[29].saturating_sub(resident[9]);
    assert!(grown < 6 << 10, "20 results of 512 KiB later it holds {grown} KiB more: {resident:?}");
}

#[tokio::test]
async fn d37_a_mixed_set_is_counted_right() {
    let mut api = Api::started().await;
    for (priority, success, time) in [
        ("urgent", true, json!(10.0)),
        ("high", true, json!(10.0)),
        ("high", false, Value::Null),
        ("medium", false, Value::Null),
        ("low", false, json!(30.0)),
    ] {
        let id = api.add_with(json!({"directive": "x", "priority": priority})).await;
        api.take().await;
        let error = if success { Value::Null } else { json!("Connection timeout") };
        let body =
            json!({"directive_id": id, "success": success, "result": "x", "execution_time": time, "error": error});
        assert_eq!(report_only(&mut api, body).await.status, 200);
    }
    let analytics = api.get("/mcp/analytics").await.body;
    assert_eq!(analytics["success_by_priority"], json!({"urgent": 1.0, "high": 0.5, "medium": 0.0, "low": 0.0}));
    assert_eq!(analytics["average_execution_time"], 10.0);
    assert_eq!((&analytics["success_rate"], &analytics["total_completed"]), (&json!(0.4), &json!(5)));
    assert_eq!(analytics["common_failure_patterns"], json!(["timeout: 3"]));
    let days = analytics["daily_volume"].as_object().unwrap();
    assert_eq!(days.values().filter_map(Value::as_i64).sum::<i64>(), 5, "{days:?}");
}
