//! What is put into the outbox, and for whom.

use baton_engine::{Principal, webhooks::Showing};
use baton_model::{
    DirectiveRequest,
    principal::Scope,
    webhook::{DeliveryState, EndpointChange, EndpointRequest},
};
use serde_json::json;

use super::yard::Yard;
use crate::house::{directive, report};

fn hears(url: String, events: &[&str]) -> EndpointRequest {
    EndpointRequest { events: events.iter().map(|event| (*event).to_owned()).collect(), ..EndpointRequest::to(&url) }
}

#[tokio::test]
async fn there_is_one_message_for_the_final_result_alone() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let house = &yard.house;
    let id = house
        .submit(DirectiveRequest {
            retry_on_failure: true,
            max_retries: 1,
            retry_delay: 10.0,
            tags: vec!["a".to_owned()],
            ..directive("try")
        })
        .await;
    house.take().await;
    house.report(report(&id, false, "no")).await.unwrap();
    assert_eq!(yard.deliveries(&hook.id, None).await.len(), 0, "it is tried again");
    house.pass(10_000).await;
    let token = house.take().await.1;
    let last = crate::house::with_token(&id, true, "yes", &token);
    house.report(last.clone()).await.unwrap();
    house.report(last).await.unwrap();
    yard.deliver().await;

    let received = yard.receiver.received("/hook");
    assert_eq!(received.len(), 1);
    let mut body = received[0].json().unwrap();
    assert!(body["timestamp"].is_string() && body["session_id"].is_string());
    (body["timestamp"], body["session_id"]) = (json!(0), json!(0));
    assert_eq!(
        body,
        json!({
            "event": "directive_completed", "directive_id": id, "directive": "try", "result": "yes", "success": true,
            "execution_time": null, "timestamp": 0, "session_id": 0, "tags": ["a"], "error": null,
            "priority": "medium", "attempt": 2, "metadata": {},
        })
    );
    assert_eq!(received[0].header("content-type"), "application/json");
}

#[tokio::test]
async fn dead_directives_are_told_of_and_cancelled_ones_have_no_result() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let house = &yard.house;
    let dead = house.submit(DirectiveRequest { timeout_seconds: Some(1.0), ..directive("dies") }).await;
    for _ in 0..2 {
        house.take().await;
        house.pass(2_000).await;
    }
    let cancelled = house.add("cancelled").await;
    house.engine.cancel(&house.who, &cancelled).await.unwrap();
    yard.deliver().await;
    let only = yard.only(&hook.id).await;
    assert_eq!((only.directive_id.as_ref(), only.state), (Some(&dead), DeliveryState::Delivered));
    assert_eq!(yard.receiver.received("/hook")[0].json().unwrap()["success"], false);
}

#[tokio::test]
async fn each_url_is_told_once() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    assert_eq!(yard.hook("/hook").await.id, hook.id, "twice the same is one");
    let more = hears(yard.receiver.url("/hook"), &["directive_completed", "directive.dead"]);
    let same = yard.house.engine.create_webhook(&yard.house.who, more).await.unwrap();
    assert_eq!((&same.id, same.events.len(), same.secrets), (&hook.id, 2, None), "and hears of both");
    let id = yard.finish_with("/hook").await;
    yard.deliver().await;
    assert_eq!((yard.came(""), yard.of(&id).await.len()), (1, 1));
    let id = yard.finish_with("/other").await;
    yard.deliver().await;
    assert_eq!((yard.came("/hook"), yard.came("/other"), yard.of(&id).await.len()), (2, 1, 2));
}

#[tokio::test]
async fn what_is_said_when_an_endpoint_is_added_again_or_changed_counts() {
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    let first = yard.hook("/hook").await;
    assert!(first.everybody);
    let old = first.secrets.unwrap().remove(0);
    let own = format!("whsec_{}", "c2VjcmV0".repeat(4));
    let again = EndpointRequest {
        secret: Some(own.clone()),
        description: Some("new words".into()),
        everybody: Some(false),
        ..EndpointRequest::to(&yard.receiver.url("/hook"))
    };
    for _ in 0..2 {
        let known = engine.create_webhook(who, again.clone()).await.unwrap();
        assert_eq!((known.id.as_str(), known.everybody), (first.id.as_str(), false));
        assert_eq!(known.description.as_deref(), Some("new words"));
        let shown = engine.webhook(who, &first.id, Showing::WithSecrets).await.unwrap();
        assert_eq!(shown.secrets.unwrap(), [own.clone(), old.clone()], "both sign for a day");
    }
    let known = yard.hook("/hook").await;
    assert_eq!(
        (known.everybody, known.description.as_deref()),
        (false, Some("new words")),
        "nothing said, nothing new"
    );
    yard.house.clock.advance(super::yard::DAY);
    let shown = engine.webhook(who, &first.id, Showing::WithSecrets).await.unwrap();
    assert_eq!(shown.secrets.unwrap(), [own]);

    let everybody = EndpointChange { everybody: Some(true), ..EndpointChange::default() };
    assert!(engine.change_webhook(who, &first.id, everybody.clone()).await.unwrap().everybody);
    let scopes = [Scope::Submit, Scope::Work].into_iter().collect();
    let other = Principal { name: "other".into(), scopes, ..Principal::local() };
    let theirs = engine.create_webhook(&other, EndpointRequest::to(&yard.receiver.url("/theirs"))).await.unwrap();
    assert!(engine.change_webhook(&other, &theirs.id, everybody).await.is_err(), "that takes an admin");
}

#[tokio::test]
async fn directives_from_before_there_were_endpoints_are_told_of() {
    let mut yard = Yard::new().await;
    let old =
        yard.house.submit(DirectiveRequest { webhook: Some(yard.receiver.url("/old")), ..directive("old") }).await;
    yard.house.edit("delete from webhook").await;
    yard.house.restart();
    yard.allow(&["127.0.0.0/8"]);
    yard.house.take().await;
    yard.house.report(report(&old, true, "done")).await.unwrap();
    yard.deliver().await;
    assert_eq!((yard.came("/old"), yard.of(&old).await.len()), (1, 1));
    let signer = yard.house.engine.webhook_signer(&yard.house.who).await.unwrap();
    assert_eq!(yard.of(&old).await[0].webhook_id, signer.id);
}

#[tokio::test]
async fn a_url_that_is_written_otherwise_is_the_same() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let port = yard.receiver.address().port();
    let ways = [format!("HTTP://127.0.0.1:{port}/hook"), format!("http://127.0.0.1:{port}/a/../hook#part")];
    for url in ways {
        assert_eq!(yard.hook_at(&url).await.id, hook.id, "{url}");
        let id = yard.finish_this(DirectiveRequest { webhook: Some(url.clone()), ..directive("tell") }).await;
        yard.deliver().await;
        assert_eq!(yard.of(&id).await.len(), 1, "{url}");
    }
    assert_eq!(yard.came(""), 2);
}

#[tokio::test]
async fn each_owner_is_told_once_with_its_own_signature() {
    let yard = Yard::new().await;
    let engine = &yard.house.engine;
    let scopes = [Scope::Submit, Scope::Work].into_iter().collect();
    let other = Principal { name: "other".into(), scopes, ..Principal::local() };
    let everybodys = yard.hook("/hook").await;
    let request = DirectiveRequest { webhook: Some(yard.receiver.url("/hook")), ..directive("other's") };
    let submit = async || {
        let new = baton_model::NewDirective::check(request.clone()).unwrap();
        let id = engine.submit(&other, new).await.unwrap().directive_id;
        yard.house.take().await;
        yard.house.report(report(&id, true, "done")).await.unwrap();
        yard.deliver().await;
        let by: Vec<String> = yard.of(&id).await.into_iter().map(|one| one.webhook_id).collect();
        assert_eq!((by.len(), by.contains(&everybodys.id)), (2, true));
        by
    };
    let signer = engine.webhook_signer(&other).await.unwrap();
    assert!(submit().await.contains(&signer.id));
    let own = engine.create_webhook(&other, EndpointRequest::to(&yard.receiver.url("/hook"))).await.unwrap();
    assert!(submit().await.contains(&own.id), "its endpoint is told instead");
}

#[tokio::test]
async fn an_endpoint_that_is_switched_off_is_not_called_by_way_of_a_directive() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    let off = EndpointChange { enabled: Some(false), ..EndpointChange::default() };
    yard.house.engine.change_webhook(&yard.house.who, &hook.id, off).await.unwrap();
    let id = yard.finish_with("/hook").await;
    yard.deliver().await;
    assert_eq!((yard.came(""), yard.of(&id).await.len()), (0, 0));
}

#[tokio::test]
async fn endpoints_hear_of_what_they_asked_for() {
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    for (path, events) in [
        ("/one", &["directive.completed"][..]),
        ("/family", &["directive.*"][..]),
        ("/results", &["directive_completed"][..]),
    ] {
        engine.create_webhook(who, hears(yard.receiver.url(path), events)).await.unwrap();
    }
    let id = yard.finish("tell").await;
    yard.deliver().await;
    let kinds = |path: &str| -> Vec<String> {
        let mut kinds: Vec<String> = yard
            .receiver
            .received(path)
            .iter()
            .map(|one| one.json().unwrap()["event"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds("/one"), ["directive.completed"]);
    assert_eq!(kinds("/results"), ["directive_completed"]);
    assert_eq!(kinds("/family"), ["directive.completed", "directive.leased", "directive.queued"]);
    let one = yard.receiver.received("/one")[0].json().unwrap();
    assert_eq!((&one["directive_id"], &one["data"]["success"]), (&json!(id), &json!(true)));
}

#[tokio::test]
async fn principals_hear_of_their_own_and_admins_of_everybodys() {
    let yard = Yard::new().await;
    let engine = &yard.house.engine;
    let scopes = [Scope::Submit, Scope::Work].into_iter().collect();
    let other = Principal { name: "other".into(), scopes, ..Principal::local() };
    engine.create_webhook(&other, EndpointRequest::to(&yard.receiver.url("/others"))).await.unwrap();
    yard.hook("/everybodys").await;
    let own = EndpointRequest { everybody: Some(false), ..EndpointRequest::to(&yard.receiver.url("/own")) };
    engine.create_webhook(&yard.house.who, own).await.unwrap();
    let everybody = EndpointRequest { everybody: Some(true), ..EndpointRequest::to(&yard.receiver.url("/x")) };
    assert!(engine.create_webhook(&other, everybody).await.is_err());

    let new = baton_model::NewDirective::check(directive("other's")).unwrap();
    let theirs = engine.submit(&other, new).await.unwrap().directive_id;
    yard.house.take().await;
    yard.house.report(report(&theirs, true, "done")).await.unwrap();
    yard.finish("mine").await;
    yard.deliver().await;
    assert_eq!((yard.came("/everybodys"), yard.came("/others"), yard.came("/own")), (2, 1, 1));
    assert_eq!(yard.receiver.received("/others")[0].json().unwrap()["directive_id"], theirs.as_str());
}

#[tokio::test]
async fn what_was_for_an_endpoint_that_is_removed_goes_with_it() {
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    let (hook, stays) = (yard.hook("/hook").await, yard.hook("/stays").await);
    let id = yard.finish("tell").await;
    engine.remove_webhook(who, &hook.id).await.unwrap();
    yard.deliver().await;
    yard.finish("tell more").await;
    yard.deliver().await;
    assert_eq!((yard.came("/hook"), yard.came("/stays")), (0, 2));
    let left: Vec<String> = yard.of(&id).await.into_iter().map(|one| one.webhook_id).collect();
    assert_eq!(left, [stays.id]);
}

#[tokio::test]
async fn dead_letters_are_told_of_once_and_not_to_the_dead() {
    use baton_testkit::webhook_receiver::Reply;
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    for path in ["/a", "/b"] {
        yard.receiver.script(path, [Reply::Status(500)]);
        engine
            .create_webhook(who, hears(yard.receiver.url(path), &["directive_completed", "webhook.*"]))
            .await
            .unwrap();
    }
    let watcher = engine.create_webhook(who, hears(yard.receiver.url("/watch"), &["webhook.dead"])).await.unwrap();
    yard.finish("tell").await;
    for _ in 0..14 {
        yard.after(super::yard::DAY).await;
    }
    // Each of the two results died and was told to the other and to the watcher; those died in silence.
    assert_eq!(yard.came("/watch"), 2);
    assert_eq!(yard.endpoint(&watcher.id).await.delivered, 2);
    for hook in engine.webhooks(who, 10, None).await.unwrap().items.iter().filter(|hook| hook.id != watcher.id) {
        assert_eq!((hook.pending, hook.dead), (0, 2), "{}", hook.url);
    }
}
