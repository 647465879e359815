//! What breaks on the way is bridged: a restart of Baton, an answer that is lost.

use baton_testkit::{
    proxy::{Cut, Proxy},
    server::Port,
};
use serde_json::json;

use super::{place::Place, program::Language};

/// The monitor tells every event once, whatever became of the server in between.
async fn monitor_goes_on(language: Language) {
    let mut place = Place::new(language).await;
    let mut monitor = place.program("monitor", &["0"]).start();
    let mut told: Vec<String> = Vec::new();
    let mut expected = Vec::new();
    for round in 1..=3 {
        let id = place.send("http://127.0.0.1:9/nobody").await;
        let poll = place.poll().await;
        place.report(&poll, json!({"success": true, "result": format!("flat {round}")})).await;
        expected.extend(["queued", "leased", "completed"].map(|kind| format!("directive.{kind} {id}")));
        while told.len() < expected.len() {
            let line = monitor.line().await;
            told.extend(line.strip_prefix("event ").map(str::to_owned));
        }
        place.server.kill9().await.unwrap();
        place.server.restart(Port::Same).await.unwrap();
    }
    let expected: Vec<_> = expected.iter().zip(1..).map(|(event, id)| format!("{id}: {event}")).collect();
    assert_eq!(told, expected);
    assert!(monitor.complaints().contains("connecting again"), "{}", monitor.complaints());

    // And a monitor that is started later goes on where the first one was.
    let mut later = place.program("monitor", &["8"]).start();
    while !later.line().await.starts_with(&format!("event {}", expected[8])) {}
}

#[tokio::test]
async fn python_monitor_goes_on_after_a_crash() {
    monitor_goes_on(Language::Python).await;
}

#[tokio::test]
async fn typescript_monitor_goes_on_after_a_crash() {
    monitor_goes_on(Language::TypeScript).await;
}

/// Twice the request arrives and its answer is lost: there is still one directive.
async fn sends_once(language: Language) {
    let mut place = Place::new(language).await;
    let mut cuts = [Cut::AfterBytes(0), Cut::AfterBytes(50)].into_iter();
    let proxy = Proxy::start(place.address(), move || cuts.next().unwrap_or(Cut::Never)).await.unwrap();
    let host = proxy.url().trim_start_matches("http://").to_owned();
    place.settle(&format!("allowed_hosts = [\"{host}\"]")).await;
    place.url = proxy.url();
    let id = place.send("http://127.0.0.1:9/nobody").await;
    assert_eq!(proxy.cuts(), 2);
    let ids: Vec<_> = place.directives().await.iter().map(|one| one["directive_id"].clone()).collect();
    assert_eq!(ids, [json!(id)]);
}

#[tokio::test]
async fn python_sends_once_though_answers_are_lost() {
    sends_once(Language::Python).await;
}

#[tokio::test]
async fn typescript_sends_once_though_answers_are_lost() {
    sends_once(Language::TypeScript).await;
}
