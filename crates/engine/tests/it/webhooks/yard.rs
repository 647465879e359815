//! A house with a receiver of webhooks beside it.

use std::time::Duration;

use baton_engine::{Limits, Retention, Settings, webhooks};
use baton_model::{
    DirectiveRequest, Faults, Millis,
    address::Allow,
    webhook::{DeliveryState, DeliveryView, EndpointRequest, EndpointView},
};
use baton_testkit::webhook_receiver::Receiver;

use crate::house::{House, directive, report};

pub(super) const SECOND: Millis = 1_000;
pub(super) const DAY: Millis = 24 * 3600 * SECOND;

pub(super) struct Yard {
    pub house: House,
    pub receiver: Receiver,
}

impl Yard {
    /// The receiver may be called.
    pub async fn new() -> Self {
        let yard = Yard { house: House::new().await, receiver: Receiver::start().await.unwrap() };
        yard.allow(&["127.0.0.0/8"]);
        yard
    }

    /// Calls time out after a quarter of a second.
    pub fn allow(&self, entries: &[&str]) {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let mut faults = Faults::default();
        let allow = Allow::parse("outbound.allow", &entries, &mut faults);
        assert_eq!(faults.0, []);
        self.set(webhooks::Settings { timeout: Duration::from_millis(250), allow, ..Default::default() });
    }

    /// The receiver may be called, and may take so long to answer.
    pub fn call_for(&self, timeout: Duration) {
        let mut faults = Faults::default();
        let allow = Allow::parse("outbound.allow", &["127.0.0.0/8".to_owned()], &mut faults);
        assert_eq!(faults.0, []);
        self.set(webhooks::Settings { timeout, allow, ..Default::default() });
    }

    fn set(&self, settings: webhooks::Settings) {
        let queue = Settings { max_deliveries: 2, ..Settings::default() };
        self.house.engine.reconfigure(queue, Retention::default(), Limits::default(), settings);
    }

    pub async fn hook(&self, path: &str) -> EndpointView {
        self.hook_at(&self.receiver.url(path)).await
    }

    pub async fn hook_at(&self, url: &str) -> EndpointView {
        self.house.engine.create_webhook(&self.house.who, EndpointRequest::to(url)).await.unwrap()
    }

    pub async fn endpoint(&self, id: &str) -> EndpointView {
        let plain = webhooks::Showing::Plain;
        self.house.engine.webhook(&self.house.who, id, plain).await.unwrap()
    }

    /// A directive that ends well; answers its id.
    pub async fn finish(&self, text: &str) -> String {
        self.finish_this(directive(text)).await
    }

    pub async fn finish_this(&self, request: DirectiveRequest) -> String {
        let id = self.house.submit(request).await;
        self.house.take().await;
        self.house.report(report(&id, true, "done")).await.unwrap();
        id
    }

    /// One that tells a URL of its own.
    pub async fn finish_with(&self, path: &str) -> String {
        let webhook = Some(self.receiver.url(path));
        self.finish_this(DirectiveRequest { webhook, ..directive("tell") }).await
    }

    /// Makes what is due now; answers how many attempts that were.
    pub async fn deliver(&self) -> usize {
        self.house.engine.deliver_due().await.unwrap()
    }

    pub async fn after(&self, millis: Millis) -> usize {
        self.house.clock.advance(millis);
        self.deliver().await
    }

    /// All deliveries of an endpoint, or those that stand so.
    pub async fn deliveries(&self, webhook: &str, state: Option<DeliveryState>) -> Vec<DeliveryView> {
        self.house.engine.deliveries(&self.house.who, webhook, state, 1000, None).await.unwrap().items
    }

    /// What tells of a directive.
    pub async fn of(&self, directive: &str) -> Vec<DeliveryView> {
        self.house.show(directive).await.deliveries
    }

    /// The one delivery of an endpoint, with what was answered.
    pub async fn only(&self, webhook: &str) -> DeliveryView {
        let all = self.deliveries(webhook, None).await;
        assert_eq!(all.len(), 1);
        self.house.engine.delivery(&self.house.who, &all[0].id).await.unwrap()
    }

    /// Milliseconds until the one delivery of an endpoint is tried again.
    pub async fn wait_of(&self, webhook: &str) -> Millis {
        let next = self.only(webhook).await.next_at.expect("it is pending");
        baton_model::clock::parse_iso(&next).unwrap() - self.house.engine.now()
    }

    /// How many requests came for a path.
    pub fn came(&self, path: &str) -> usize {
        self.receiver.received(path).len()
    }
}
