//! The receiver of webhooks, called by hand.

use std::time::Duration;

use baton_testkit::{
    http,
    webhook_receiver::{Receiver, Reply},
};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError};

#[tokio::test]
async fn replies_come_in_the_order_of_the_script_and_the_last_one_stays() {
    let receiver = Receiver::start().await.unwrap();
    receiver.script("/a", [Reply::Status(500), Reply::RetryAfter(429, "7".into()), Reply::Says(200, "fine".into())]);
    let client = http::client();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = client.post(receiver.url("/a?x=1")).body("hello").send().await.unwrap();
        statuses.push((answer.status().as_u16(), answer.headers().contains_key("retry-after")));
    }
    assert_eq!(statuses, [(500, false), (429, true), (200, false), (200, false)]);
    assert_eq!(client.post(receiver.url("/b")).send().await.unwrap().status(), 204);

    let received = receiver.wait_for("/a", 4).await.unwrap();
    assert_eq!((received.len(), receiver.received("").len()), (4, 5));
    assert_eq!((received[0].path.as_str(), received[0].body.as_slice()), ("/a?x=1", b"hello".as_slice()));
}

#[tokio::test]
async fn it_misbehaves_as_it_is_told() {
    let receiver = Receiver::start().await.unwrap();
    let client = http::client();
    let get = async |reply: Reply| {
        receiver.script("/", [reply]);
        client.get(receiver.url("/")).timeout(Duration::from_millis(500)).send().await
    };
    let redirect = get(Reply::Redirect("http://169.254.169.254/latest".into())).await.unwrap();
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"http://169.254.169.254/latest".parse().unwrap())
    );
    assert_eq!(get(Reply::Huge(1_000_000)).await.unwrap().bytes().await.unwrap().len(), 1_000_000);
    assert!(get(Reply::CutHalfway).await.unwrap().bytes().await.is_err());
    assert!(get(Reply::HangUp).await.unwrap_err().is_request());
    assert!(get(Reply::Silence).await.unwrap_err().is_timeout());
    let mut drops = get(Reply::Drip).await.unwrap();
    assert_eq!(drops.chunk().await.unwrap().unwrap().as_ref(), b".");
    assert!(drops.text().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn it_goes_down_and_comes_up_on_the_same_port() {
    let mut receiver = Receiver::start().await.unwrap();
    let client = http::client();
    let url = receiver.url("/");
    assert!(client.get(&url).send().await.is_ok());
    receiver.down().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
    receiver.up().await.unwrap();
    assert!(client.get(&url).send().await.is_ok());
    assert_eq!(receiver.received("/").len(), 2);
}

#[tokio::test]
async fn signatures_are_checked_as_receivers_do() {
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let receiver = Receiver::start().await.unwrap();
    let send = async |body: &'static str, signed: &str, at: i64| {
        let signature = Webhook::new(SECRET).unwrap().sign("msg_1", at, signed.as_bytes()).unwrap();
        let request = http::client().post(receiver.url("/")).body(body).header(HEADER_WEBHOOK_ID, "msg_1");
        let request = request.header(HEADER_WEBHOOK_TIMESTAMP, at).header(HEADER_WEBHOOK_SIGNATURE, signature);
        request.send().await.unwrap();
        receiver.received("/").pop().unwrap()
    };
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let sound = send("{}", "{}", now).await;
    assert_eq!(sound.id(), "msg_1");
    sound.verify(SECRET).unwrap();
    assert!(matches!(sound.verify(OTHER), Err(WebhookError::InvalidSignature)));
    assert!(matches!(send("{ }", "{}", now).await.verify(SECRET), Err(WebhookError::InvalidSignature)));
    assert!(matches!(send("{}", "{}", now - 3600).await.verify(SECRET), Err(WebhookError::TimestampTooOldError)));
}
