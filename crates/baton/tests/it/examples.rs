//! The examples in Python and TypeScript, as a user runs them, against a server that wants tokens: an analysis with
//! follow-ups is sent, an agent (the test) reports, its result arrives signed, and the monitor shows it.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod place;
mod program;
mod receiver;
mod reconnecting;
mod types;

use serde_json::json;

use place::Place;
use program::Language;

const ANALYSIS: &str = "Analyze Q4 sales performance by region and product category";
const ACTION_PLAN: &str = "Create a detailed action plan against the declining sales that the analysis found";
const PRESENTATION: &str = "Prepare an executive presentation of the growth strategies that worked";
const INQUIRY: &str = "Find out why the analysis of Q4 sales fails, and say what is missing";

/// A result that fits the first follow-up rule alone.
async fn success(language: Language) {
    let place = Place::new(language).await;
    let mut receiver = place.receiver(&place.secret().await).await;
    let monitor = &mut place.program("monitor", &["0"]).start();
    assert_eq!(monitor.line().await, "queue: 0 pending, 0 active, 0 completed");
    assert_eq!(monitor.line().await, "results: 0 in all, success rate 0.0%, average 0.0 s");
    let id = place.send(&receiver.url).await;
    assert_eq!(monitor.line().await, format!("event 1: directive.queued {id}"));

    let poll = place.poll().await;
    assert_eq!((&poll["directive"], &poll["priority"]), (&json!(ANALYSIS), &json!("urgent")));
    assert_eq!(poll["metadata"]["tags"], json!(["sales", "quarterly-review", "executive"]));
    assert_eq!(monitor.line().await, format!("event 2: directive.leased {id}"));
    place
        .report(&poll, json!({"success": true, "result": "Sales are DECLINING\nin the north", "execution_time": 67.5}))
        .await;

    let message = receiver.message().await;
    assert!(message["webhook_id"].as_str().unwrap().starts_with("msg_"), "{message}");
    let told = ["event", "directive_id", "directive", "success", "result", "error", "action"].map(|key| &message[key]);
    let expected = json!([
        "directive_completed",
        id,
        ANALYSIS,
        true,
        "Sales are DECLINING\nin the north",
        null,
        "update_sales_dashboard"
    ]);
    assert_eq!(json!(told), expected);

    let follow_up = place.poll().await;
    assert_eq!((&follow_up["directive"], &follow_up["priority"]), (&json!(ACTION_PLAN), &json!("high")));
    assert_eq!(place.children(&id).await, [(ACTION_PLAN.to_owned(), "leased".to_owned())]);

    assert_eq!(monitor.line().await, format!("event 3: directive.completed {id}"));
    assert!(monitor.line().await.starts_with("queue: "));
    assert_eq!(monitor.line().await, "results: 1 in all, success rate 100.0%, average 67.5 s");
    assert_eq!(monitor.line().await, "recent: ok  Sales are DECLINING in the north");
    let follow_up = follow_up["directive_id"].as_str().unwrap();
    assert_eq!(monitor.line().await, format!("event 4: directive.queued {follow_up}"));
    assert_eq!(monitor.line().await, format!("event 5: directive.leased {follow_up}"));
}

#[tokio::test]
async fn python_sends_receives_and_monitors() {
    success(Language::Python).await;
}

#[tokio::test]
async fn typescript_sends_receives_and_monitors() {
    success(Language::TypeScript).await;
}

/// A follow-up with a delay waits for its time.
async fn growth(language: Language) {
    let place = Place::new(language).await;
    let id = place.send("http://127.0.0.1:9/nobody").await;
    let poll = place.poll().await;
    place.report(&poll, json!({"success": true, "result": "Growth everywhere"})).await;
    assert_eq!(place.children(&id).await, [(PRESENTATION.to_owned(), "scheduled".to_owned())]);
}

#[tokio::test]
async fn python_follow_ups_wait_for_their_time() {
    growth(Language::Python).await;
}

#[tokio::test]
async fn typescript_follow_ups_wait_for_their_time() {
    growth(Language::TypeScript).await;
}

/// Every attempt fails: one message in the end, and the rule for errors.
async fn failure(language: Language) {
    let place = Place::new(language).await;
    let mut receiver = place.receiver(&place.secret().await).await;
    let id = place.send(&receiver.url).await;
    for (attempt, state) in [(1, "scheduled"), (2, "scheduled"), (3, "failed")] {
        let poll = place.poll().await;
        assert_eq!(poll["metadata"]["attempt"], attempt);
        place.report(&poll, json!({"success": false, "result": "", "error": format!("timeout {attempt}")})).await;
        assert_eq!(place.state(&id).await, state);
        if state == "scheduled" {
            place.hurry(&id).await;
        }
    }
    let message = receiver.message().await;
    let told = ["directive_id", "success", "error", "action"].map(|key| &message[key]);
    assert_eq!(json!(told), json!([id, false, "timeout 3", "escalate_to_human"]));
    assert_eq!(place.children(&id).await, [(INQUIRY.to_owned(), "queued".to_owned())]);

    let monitor = &mut place.program("monitor", &[]).start();
    assert_eq!(monitor.line().await, "queue: 1 pending, 0 active, 1 completed");
    assert_eq!(monitor.line().await, "results: 1 in all, success rate 0.0%, average 0.0 s");
    assert_eq!(monitor.line().await, "failures: timeout: 1");
    assert_eq!(monitor.line().await, "recent: FAILED  timeout 3");
}

#[tokio::test]
async fn python_escalates_a_failure() {
    failure(Language::Python).await;
}

#[tokio::test]
async fn typescript_escalates_a_failure() {
    failure(Language::TypeScript).await;
}

/// What cannot be done is said on stderr, with exit code 1 and nothing on stdout.
async fn refusals(language: Language) {
    let place = Place::new(language).await;
    let no_url = place.program("send_with_follow_ups", &["ftp://example.org"]).fails().await;
    assert!(no_url.contains("400 invalid") && no_url.contains("webhook"), "{no_url}");
    for name in ["send_with_follow_ups", "webhook_secret", "monitor"] {
        let stranger = place.program(name, &[]).env("BATON_TOKEN", "").fails().await;
        assert!(stranger.contains("401 unauthenticated"), "{stranger}");
        let wrong = place.program(name, &[]).env("BATON_TOKEN", "baton_wrong").fails().await;
        assert!(wrong.contains("401 "), "{wrong}");
    }
    let worker = place.program("send_with_follow_ups", &[]).env("BATON_TOKEN", &place.work).fails().await;
    assert!(worker.contains("403 insufficient_scope"), "{worker}");
    let unknown = place.program("monitor", &["999"]).fails().await;
    assert!(unknown.contains("400 invalid"), "{unknown}");
    let unset = place.program("receive_webhooks", &["0"]).fails().await;
    assert!(unset.contains("BATON_WEBHOOK_SECRET is not set"), "{unset}");
}

#[tokio::test]
async fn python_says_what_is_refused() {
    refusals(Language::Python).await;
}

#[tokio::test]
async fn typescript_says_what_is_refused() {
    refusals(Language::TypeScript).await;
}
