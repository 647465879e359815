//! Delivery as it runs by itself, with wakes and an end.

use std::{net::TcpListener, time::Duration};

use baton_engine::Principal;
use baton_model::{
    DirectiveRequest, NewDirective,
    principal::Scope,
    webhook::{DeliveryState, EndpointRequest},
};
use baton_testkit::webhook_receiver::Reply;
use tokio_util::sync::CancellationToken;

use super::yard::{SECOND, Yard};
use crate::house::{directive, report};

struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(yard: &Yard) -> Self {
        let (stop, engine) = (CancellationToken::new(), yard.house.engine.clone());
        let until = stop.clone();
        Running { stop, task: tokio::spawn(async move { engine.run_background(until).await }) }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_new_goes_out_and_what_failed_when_its_time_comes() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Status(500), Reply::Status(204)]);
    let running = Running::start(&yard);
    yard.finish("tell").await;
    yard.receiver.wait_for("/hook", 1).await.unwrap();
    while yard.only(&hook.id).await.attempts == 0 {
        tokio::task::yield_now().await; // its time counts from when it failed
    }
    yard.house.clock.advance(10 * SECOND);
    yard.receiver.wait_for("/hook", 2).await.unwrap();
    running.end().await;
    assert_eq!(yard.only(&hook.id).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_stop_lets_calls_end_and_begins_none() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Silence]);
    let running = Running::start(&yard);
    yard.finish("tell").await;
    yard.receiver.wait_for("/hook", 1).await.unwrap();
    running.end().await;
    let failed = yard.only(&hook.id).await;
    assert_eq!((failed.state, failed.attempts), (DeliveryState::Pending, 1), "what came of it is in the table");
    assert!(failed.error.unwrap().contains("no answer"));
    yard.finish("tell more").await;
    assert_eq!(yard.came(""), 1);
    // Whoever comes next takes over.
    yard.receiver.script("/hook", [Reply::Status(204)]);
    assert_eq!(yard.after(10 * SECOND).await, 2);
}

#[tokio::test]
async fn many_messages_arrive_once_each() {
    let yard = Yard::new().await;
    let hooks = [yard.hook("/a").await, yard.hook("/b").await];
    let running = Running::start(&yard);
    for n in 0..300 {
        yard.finish(&format!("{n}")).await;
    }
    for path in ["/a", "/b"] {
        let received = yard.receiver.wait_for(path, 300).await.unwrap();
        let ids: std::collections::BTreeSet<&str> = received.iter().map(|one| one.id()).collect();
        assert_eq!((ids.len(), received.len()), (300, 300), "{path}");
    }
    running.end().await;
    for hook in hooks {
        let shown = yard.endpoint(&hook.id).await;
        assert_eq!((shown.pending, shown.delivered), (0, 300));
    }
}

/// Submits as somebody and has it done; the URLs in it are told.
async fn finish_as(yard: &Yard, who: &Principal, webhook: &str) -> String {
    let request = DirectiveRequest { webhook: Some(webhook.to_owned()), ..directive("tell") };
    let id = yard.house.engine.submit(who, NewDirective::check(request).unwrap()).await.unwrap().directive_id;
    yard.house.take().await;
    yard.house.report(report(&id, true, "done")).await.unwrap();
    id
}

#[tokio::test]
async fn hundreds_of_hosts_that_hang_delay_nobody_else() {
    const HOSTS: usize = 200;
    const EACH: usize = 8;
    let yard = Yard::new().await;
    yard.call_for(Duration::from_secs(3_600)); // whoever waits for one of them waits for ever
    let scopes = [Scope::Submit, Scope::Work].into_iter().collect();
    let other = Principal { name: "other".into(), scopes, ..Principal::local() };
    // They take connections and never say a word.
    let silent: Vec<TcpListener> = (0..HOSTS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut told = Vec::new();
    for _ in 0..EACH {
        for host in &silent {
            let url = format!("http://{}/hook", host.local_addr().unwrap());
            told.push(finish_as(&yard, &other, &url).await);
        }
    }
    let running = Running::start(&yard);
    // The operator's and even the other's own endpoints have everything meanwhile.
    for (who, path) in [(&yard.house.who, "/healthy"), (&other, "/others")] {
        let own = EndpointRequest { everybody: Some(false), ..EndpointRequest::to(&yard.receiver.url(path)) };
        yard.house.engine.create_webhook(who, own).await.unwrap();
    }
    for _ in 0..50 {
        yard.finish("tell").await;
        finish_as(&yard, &other, &yard.receiver.url("/others")).await;
    }
    for path in ["/healthy", "/others"] {
        yard.receiver.wait_for(path, 50).await.unwrap();
    }
    for id in told.iter().step_by(97) {
        assert_eq!(yard.of(id).await[0].state, DeliveryState::Pending);
    }
    running.end().await;
}
