//! What servers do to a call, and what it makes of it.

use std::{sync::Arc, time::Duration};

use baton_model::SystemClock;
use baton_outbound::{Call, End, Error, MAX_ANSWER, Outbound, Reach};
use baton_testkit::webhook_receiver::{Receiver, Reply};
use http::{HeaderName, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use crate::{Names, outbound};

/// Long enough for anything on this machine to happen, short enough to wait for it.
const SHORT: Duration = Duration::from_secs(1);

fn local() -> Outbound {
    outbound(&["127.0.0.1"])
}

#[tokio::test]
async fn a_call_arrives_as_it_was_meant() {
    let receiver = Receiver::start().await.unwrap();
    receiver.script("/a/b", [Reply::Says(200, "thanks".to_owned())]);
    let call = Call::post_json(receiver.url("/a/b?c=d"), r#"{"n": 1}"#)
        .header(HeaderName::from_static("webhook-id"), HeaderValue::from_static("msg_1"));
    let answer = local().send(call).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text().as_str(), answer.end), (200, "thanks", End::Whole));

    let received = receiver.received("/a/b").pop().unwrap();
    assert_eq!((received.path.as_str(), received.body.as_slice()), ("/a/b?c=d", br#"{"n": 1}"#.as_slice()));
    let header = |name| received.header(name).to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("webhook-id"), "msg_1");
    assert_eq!(header("content-length"), "8");
    assert_eq!(header("user-agent"), concat!("baton/", env!("CARGO_PKG_VERSION")));
    assert_eq!(header("accept-encoding"), "", "a packed answer could be a bomb");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let receiver = Receiver::start().await.unwrap();
    let outbound = local();
    for status in [200, 204, 304, 400, 404, 410, 429, 500, 503] {
        receiver.script("/", [Reply::Status(status)]);
        let answer = outbound.send(Call::new(Method::PUT, receiver.url("/"))).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.end), (status, End::Whole));
    }
}

#[tokio::test]
async fn an_answer_is_read_as_far_as_the_call_allows() {
    let receiver = Receiver::start().await.unwrap();
    for (sent, read, end) in [
        (MAX_ANSWER as u64, MAX_ANSWER, End::Whole),
        (MAX_ANSWER as u64 + 1, MAX_ANSWER, End::TooLong),
        (10_000_000_000, MAX_ANSWER, End::TooLong),
    ] {
        receiver.script("/", [Reply::Huge(sent)]);
        let answer = local().send(Call::new(Method::GET, receiver.url("/"))).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len(), answer.end), (200, read, end));
    }
}

#[tokio::test]
async fn a_body_that_never_ends_or_breaks_leaves_the_status_as_it_is() {
    let receiver = Receiver::start().await.unwrap();
    receiver.script("/", [Reply::Drip, Reply::CutHalfway]);
    let dripping = local().send(Call::new(Method::GET, receiver.url("/")).timeout(SHORT)).await.unwrap();
    assert_eq!((dripping.status.as_u16(), dripping.end), (200, End::TooSlow));
    assert!(dripping.text().starts_with('.'), "{:?}", dripping.text());
    let broken = local().send(Call::new(Method::GET, receiver.url("/"))).await.unwrap();
    assert_eq!((broken.status.as_u16(), broken.end), (200, End::Broken));
}

#[tokio::test]
async fn silence_ends_with_the_time() {
    let receiver = Receiver::start().await.unwrap();
    receiver.script("/secret-path", [Reply::Silence]);
    let call = Call::post_json(receiver.url("/secret-path?token=secret"), "{}").timeout(SHORT);
    let error = local().send(call).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert_eq!(error.to_string(), format!("no answer from `{}` within 1 s", receiver.address()));
    assert_eq!(receiver.received("").len(), 1);
}

#[tokio::test]
async fn a_look_up_and_headers_that_never_end_end_with_the_time() {
    let stuck = Outbound::with_lookup(
        crate::allow(&[]),
        Arc::new(SystemClock::start()),
        Arc::new(|_| Box::pin(std::future::pending())),
    );
    let error = stuck.send(Call::new(Method::GET, "http://stuck.example/").timeout(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");

    let dripping = raw(async |mut socket| {
        for byte in format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(5_000)).into_bytes() {
            if socket.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let error = local().send(Call::new(Method::GET, dripping.await.0).timeout(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn giving_a_call_up_closes_its_connection() {
    let (url, ended) = raw(async |mut socket| {
        // Returns at the end of the connection.
        let _ = socket.read_to_end(&mut Vec::new()).await;
    })
    .await;
    local().send(Call::new(Method::GET, url).timeout(SHORT)).await.unwrap_err();
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_its_kind_and_without_secrets() {
    let mut receiver = Receiver::start().await.unwrap();
    receiver.script("/secret", [Reply::HangUp]);
    let nonsense = raw(async |mut socket| socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap()).await.0;
    let names = Names::new([("empty.example", &[""])]);
    let outbound = names.outbound(&["127.0.0.1"]);
    let fail = async |url: String| {
        let url = format!("{url}/secret?token=secret");
        let error = outbound.send(Call::post_json(url, "secret")).await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        error
    };
    assert!(matches!(fail(receiver.url("")).await, Error::Broken { .. }));
    assert!(matches!(fail(nonsense).await, Error::Broken { .. }));
    assert!(matches!(fail("http://unknown.example".to_owned()).await, Error::Resolve { .. }));
    assert!(matches!(fail("http://empty.example".to_owned()).await, Error::Resolve { .. }));
    let plain = receiver.url("").replace("http://", "https://");
    assert!(matches!(fail(plain).await, Error::Tls { .. }));
    receiver.down().await;
    assert!(matches!(fail(receiver.url("")).await, Error::Connect { .. }));
}

#[tokio::test]
async fn connections_are_kept_and_a_server_that_restarted_is_found_again() {
    let mut receiver = Receiver::start().await.unwrap();
    let names = Names::new([("hooks.example", &["127.0.0.1"])]);
    let outbound = names.outbound(&["127.0.0.1"]);
    let url = format!("http://hooks.example:{}/", receiver.address().port());
    for _ in 0..5 {
        outbound.send(Call::post_json(&url, "{}")).await.unwrap();
    }
    assert_eq!(names.asked(), 1, "one look-up for one connection");
    receiver.down().await;
    assert!(outbound.send(Call::post_json(&url, "{}")).await.is_err());
    receiver.up().await.unwrap();
    outbound.send(Call::post_json(&url, "{}")).await.unwrap();
    assert_eq!(receiver.received("").len(), 6);
}

#[tokio::test]
async fn the_address_that_answers_is_taken_when_the_first_does_not() {
    let receiver = Receiver::start().await.unwrap();
    // Nobody listens on ::1 there.
    let names = Names::new([("two.example", &["::1 127.0.0.1"])]);
    let url = format!("http://two.example:{}/", receiver.address().port());
    let call = Call { reach: Reach::Free, ..Call::new(Method::GET, url) };
    assert_eq!(names.outbound(&[]).send(call).await.unwrap().status, 204);
}

/// A server that takes one connection, reads what comes first and goes on as `then` says. Its URL, and the end.
async fn raw<F>(then: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static) -> (String, oneshot::Receiver<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        then(socket).await;
        let _ = end.send(());
    });
    (url, ended)
}
