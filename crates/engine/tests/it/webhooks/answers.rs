//! What endpoints may answer, and what becomes of it.

use baton_engine::webhooks::Showing;
use baton_model::{
    DirectiveRequest,
    webhook::{DeliveryState, EndpointChange, EndpointRequest},
};
use baton_testkit::webhook_receiver::{Receiver, Reply};
use standardwebhooks::Webhook;

use super::yard::{DAY, SECOND, Yard};
use crate::house::directive;

fn enabled(enabled: bool) -> EndpointChange {
    EndpointChange { enabled: Some(enabled), ..EndpointChange::default() }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_called_until_it_is_switched_on_again() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Status(410), Reply::Status(204)]);
    yard.finish("one").await;
    assert_eq!(yard.deliver().await, 1);
    let gone = yard.endpoint(&hook.id).await;
    assert_eq!((gone.enabled, gone.reason.as_deref(), gone.pending), (false, Some("it answered 410 Gone"), 1));

    // It hears of nothing that happens now; what was for it waits.
    yard.finish("two").await;
    assert_eq!(yard.after(DAY).await, 0);
    assert_eq!(yard.endpoint(&hook.id).await.pending, 1);
    let refused = yard.house.engine.test_webhook(&yard.house.who, &hook.id).await.unwrap_err().to_string();
    assert!(refused.contains("410"), "{refused}");

    yard.house.engine.change_webhook(&yard.house.who, &hook.id, enabled(true)).await.unwrap();
    yard.finish("three").await;
    assert_eq!(yard.deliver().await, 2);
    assert_eq!(yard.endpoint(&hook.id).await.delivered, 2);
}

#[tokio::test]
async fn what_waits_for_an_endpoint_that_is_switched_off_is_given_up_after_three_days() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    for n in 0..450 {
        yard.finish(&format!("{n}")).await;
    }
    yard.house.engine.change_webhook(&yard.house.who, &hook.id, enabled(false)).await.unwrap();
    assert_eq!(yard.after(3 * DAY - SECOND).await, 0);
    assert_eq!(yard.endpoint(&hook.id).await.pending, 450);
    assert_eq!(yard.after(SECOND).await, 0);
    let hook = yard.endpoint(&hook.id).await;
    assert_eq!((hook.pending, hook.dead), (0, 450));
    assert_eq!(yard.came(""), 0);
}

#[tokio::test]
async fn a_directives_own_url_that_is_gone_is_given_up_and_others_go_on() {
    let yard = Yard::new().await;
    yard.receiver.script("/gone", [Reply::Status(410)]);
    let gone = yard.finish_with("/gone").await;
    let good = yard.finish_with("/good").await;
    assert_eq!(yard.deliver().await, 2);
    assert_eq!(yard.of(&gone).await[0].state, DeliveryState::Dead);
    assert_eq!(yard.of(&good).await[0].state, DeliveryState::Delivered);
    yard.finish_with("/good").await;
    assert_eq!(yard.deliver().await, 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    for to in [yard.receiver.url("/elsewhere"), "http://169.254.169.254/latest/meta-data/".to_owned()] {
        yard.receiver.script("/hook", [Reply::Redirect(to)]);
        yard.house.engine.test_webhook(&yard.house.who, &hook.id).await.unwrap();
        yard.deliver().await;
    }
    let all = yard.deliveries(&hook.id, None).await;
    for one in &all {
        assert_eq!((one.state, one.status), (DeliveryState::Pending, Some(302)));
        let error = one.error.as_deref().unwrap();
        assert_eq!(error, "it answered 302 Found; redirects are not followed: change the URL");
    }
    assert_eq!((all.len(), yard.came("/elsewhere")), (2, 0));
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    let yard = Yard::new().await;
    let hook = yard.hook("/hook").await;
    yard.receiver.script("/hook", [Reply::Huge(10_000_000)]);
    yard.finish("tell").await;
    yard.deliver().await;
    let delivered = yard.only(&hook.id).await;
    assert_eq!((delivered.state, delivered.answer.unwrap().len()), (DeliveryState::Delivered, 65_536));
}

#[tokio::test]
async fn the_status_counts_however_the_answer_ends_and_nul_is_not_kept() {
    let yard = Yard::new().await;
    for (path, reply) in
        [("/drip", Reply::Drip), ("/cut", Reply::CutHalfway), ("/nul", Reply::Says(201, "a\0b".to_owned()))]
    {
        let hook = yard.hook(path).await;
        yard.receiver.script(path, [reply]);
        yard.house.engine.test_webhook(&yard.house.who, &hook.id).await.unwrap();
        yard.deliver().await;
        let only = yard.only(&hook.id).await;
        assert_eq!(only.state, DeliveryState::Delivered, "{path}");
        assert!(!only.answer.unwrap().contains('\0'));
    }
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_hold_nothing_secret() {
    let yard = Yard::new().await;
    let closed = {
        let mut gone = Receiver::start().await.unwrap();
        gone.down().await;
        gone.address().port()
    };
    let port = yard.receiver.address().port();
    yard.receiver.script("/silent", [Reply::Silence]);
    yard.receiver.script("/hangup", [Reply::HangUp]);
    for (url, said) in [
        (format!("http://127.0.0.1:{port}/silent?token=hush"), "no answer from `127.0.0.1:"),
        (format!("http://127.0.0.1:{port}/hangup?token=hush"), "broke before it answered"),
        (format!("http://127.0.0.1:{closed}/hook?token=hush"), "no connection to `127.0.0.1:"),
        (format!("https://127.0.0.1:{port}/hook?token=hush"), "no secure connection to `127.0.0.1:"),
        ("http://no-such-host.invalid/hook?token=hush".to_owned(), "`no-such-host.invalid:80` cannot be looked up"),
    ] {
        let hook = yard.hook_at(&url).await;
        yard.house.engine.test_webhook(&yard.house.who, &hook.id).await.unwrap();
        assert_eq!(yard.deliver().await, 1);
        let failed = yard.only(&hook.id).await;
        let error = failed.error.unwrap();
        assert!(error.contains(said) && !error.contains("hush") && !error.contains("whsec_"), "{url}: {error}");
        assert_eq!((failed.state, failed.status), (DeliveryState::Pending, None));
    }
}

#[tokio::test]
async fn private_addresses_are_refused_when_they_are_written_and_when_they_are_called() {
    let yard = Yard::new().await;
    yard.allow(&[]);
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    for url in ["http://127.0.0.1/hook", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/"] {
        let made = engine.create_webhook(who, EndpointRequest::to(url)).await;
        assert!(made.unwrap_err().to_string().contains("outbound.allow"), "{url}");
        let request = DirectiveRequest { webhook: Some(url.to_owned()), ..directive("tell") };
        assert!(engine.check(request).await.unwrap_err().to_string().contains("outbound.allow"), "{url}");
    }

    // What a name stands for is found out when it is called; the operator may change their mind.
    let hook = yard.hook_at(&format!("http://localhost:{}/hook", yard.receiver.address().port())).await;
    yard.finish("tell").await;
    yard.deliver().await;
    let refused = yard.only(&hook.id).await;
    let error = refused.error.unwrap();
    assert!(error.contains("`localhost` stands for a private address"), "{error}");
    assert_eq!((refused.state, yard.came("")), (DeliveryState::Pending, 0));
    yard.allow(&["localhost"]);
    assert_eq!(yard.after(6 * SECOND).await, 1);
    assert_eq!(yard.only(&hook.id).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn every_present_secret_signs_and_each_attempt_has_its_own_time() {
    let yard = Yard::new().await;
    let (engine, who) = (&yard.house.engine, &yard.house.who);
    let hook = yard.hook("/hook").await;
    let first = hook.secrets.unwrap().remove(0);
    yard.receiver.script("/hook", [Reply::Status(500), Reply::Status(204)]);
    yard.finish("tell").await;
    yard.deliver().await;
    let second = engine.rotate_webhook(who, &hook.id).await.unwrap().secrets.unwrap().remove(0);
    assert_ne!(first, second);
    yard.after(6 * SECOND).await;
    yard.house.clock.advance(DAY);
    yard.finish("tell more").await;
    yard.deliver().await;

    let received = yard.receiver.received("/hook");
    let fits = |index: usize, secret: &str| {
        // The library's own check compares with the machine's clock, which is not the one here.
        let one = &received[index];
        let at = one.header("webhook-timestamp").parse().unwrap();
        let signature = Webhook::new(secret).unwrap().sign(one.id(), at, &one.body).unwrap();
        one.header("webhook-signature").split(' ').any(|one| one == signature)
    };
    assert_eq!([fits(0, &first), fits(0, &second)], [true, false]);
    assert_eq!([fits(1, &first), fits(1, &second)], [true, true], "both for a day");
    assert_eq!([fits(2, &first), fits(2, &second)], [false, true]);
    let seconds = |index: usize| received[index].header("webhook-timestamp").parse::<i64>().unwrap();
    assert_eq!((seconds(1) - seconds(0), received[1].id()), (6, received[0].id()));
    let shown = engine.webhook(who, &hook.id, Showing::WithSecrets).await.unwrap();
    assert_eq!(shown.secrets.unwrap(), [second]);
}
