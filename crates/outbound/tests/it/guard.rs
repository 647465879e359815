//! What is refused, and that nothing was sent then.

use std::net::{IpAddr, Ipv4Addr};

use baton_model::address::Refusal;
use baton_outbound::{Call, Error, Outbound, Reach};
use baton_testkit::webhook_receiver::{Receiver, Reply};
use http::Method;
use tokio::net::TcpListener;

use crate::{Names, allow, outbound};

/// A server on another loopback address, the private network of these tests; with the same port as `receiver`.
struct Inside {
    listener: TcpListener,
}

impl Inside {
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

    async fn beside(receiver: &Receiver) -> Self {
        Inside { listener: TcpListener::bind((Self::ADDRESS, receiver.address().port())).await.unwrap() }
    }

    /// Whether nobody connected: one connection of the test's own is the first in line.
    async fn was_left_alone(self) -> bool {
        let own = tokio::net::TcpStream::connect(self.listener.local_addr().unwrap()).await.unwrap();
        let (_, first) = self.listener.accept().await.unwrap();
        first == own.local_addr().unwrap()
    }
}

fn refused(name: &str) -> Error {
    Error::Refused(Refusal::NameOfPrivate { name: name.to_owned(), address: IpAddr::V4(Inside::ADDRESS) })
}

fn url(receiver: &Receiver, host: &str) -> String {
    format!("http://{host}:{}/hook", receiver.address().port())
}

async fn status(outbound: &Outbound, url: String) -> Result<u16, Error> {
    outbound.send(Call::post_json(url, "{}")).await.map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let receiver = Receiver::start().await.unwrap();
    let outbound = outbound(&[]);
    for host in
        ["127.0.0.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost"]
    {
        let outcome = status(&outbound, url(&receiver, host)).await;
        assert!(matches!(outcome, Err(Error::Refused(_))), "{host}: {outcome:?}");
    }
    assert_eq!(receiver.received("").len(), 0);
}

#[tokio::test]
async fn what_the_operator_lists_is_called_and_the_list_can_change() {
    let receiver = Receiver::start().await.unwrap();
    let names = Names::new([("hooks.internal", &["127.0.0.1"]), ("other.internal", &["127.0.0.1"])]);
    let outbound = names.outbound(&[]);
    let calls = async || {
        let hosts = ["127.0.0.1", "hooks.internal", "other.internal"];
        let mut outcomes = [false; 3];
        for (host, outcome) in hosts.into_iter().zip(&mut outcomes) {
            *outcome = status(&outbound, url(&receiver, host)).await == Ok(204);
        }
        outcomes
    };
    assert_eq!(calls().await, [false, false, false]);
    outbound.set_allow(allow(&["127.0.0.0/8"]));
    assert_eq!(calls().await, [true, true, true]);
    // The connections that are still open lead where the list no longer does: they are not used.
    outbound.set_allow(allow(&["hooks.internal"]));
    assert_eq!(calls().await, [false, true, false]);
    assert_eq!(receiver.received("").len(), 4);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_connection_goes_where_it_was_judged() {
    let receiver = Receiver::start().await.unwrap();
    let inside = Inside::beside(&receiver).await;
    // Public at the first look, private ever after. A guard that looks by itself and then lets the client look again
    // would connect inside.
    let names = Names::new([("rebind.example", &["127.0.0.1", "127.0.0.2"])]);
    let outbound = names.outbound(&["127.0.0.1"]);
    assert_eq!(status(&outbound, url(&receiver, "rebind.example")).await, Ok(204));
    assert_eq!(names.asked(), 1);

    // A new connection, a new look: it is judged again.
    outbound.set_allow(allow(&["127.0.0.1"]));
    assert_eq!(status(&outbound, url(&receiver, "rebind.example")).await, Err(refused("rebind.example")));
    assert_eq!(names.asked(), 2);
    assert!(inside.was_left_alone().await);
}

#[tokio::test]
async fn one_private_address_among_others_is_enough_to_refuse_a_name() {
    let receiver = Receiver::start().await.unwrap();
    let inside = Inside::beside(&receiver).await;
    let names = Names::new([("a.example", &["127.0.0.1 127.0.0.2"]), ("b.example", &["127.0.0.2 127.0.0.1"])]);
    let outbound = names.outbound(&["127.0.0.1"]);
    for name in ["a.example", "b.example"] {
        assert_eq!(status(&outbound, url(&receiver, name)).await, Err(refused(name)));
    }
    assert_eq!(receiver.received("").len(), 0);
    assert!(inside.was_left_alone().await);
}

#[tokio::test]
async fn metadata_services_are_refused_by_address_and_by_name() {
    let names = Names::new([
        ("hooks.example", &["169.254.169.254"]),
        ("six.example", &["fd00:ec2::254"]),
        ("metadata.google.internal", &["127.0.0.1"]),
    ]);
    let outbound = names.outbound(&["0.0.0.0/0", "::/0", "hooks.example"]);
    for host in ["169.254.169.254", "[fd00:ec2::254]", "hooks.example", "six.example", "metadata.google.internal"] {
        let outcome = status(&outbound, format!("http://{host}/latest/meta-data/")).await;
        assert!(matches!(outcome, Err(Error::Refused(Refusal::Metadata { .. }))), "{host}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let receiver = Receiver::start().await.unwrap();
    let inside = Inside::beside(&receiver).await;
    for to in [format!("http://{}/", inside.listener.local_addr().unwrap()), receiver.url("/elsewhere")] {
        receiver.script("/hook", [Reply::Redirect(to.clone())]);
        let answer = outbound(&["127.0.0.0/8"]).send(Call::post_json(receiver.url("/hook"), "{}")).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers["location"].to_str().unwrap()), (302, to.as_str()));
    }
    assert_eq!(receiver.received("/elsewhere").len(), 0);
    assert!(inside.was_left_alone().await);
}

#[tokio::test]
async fn the_operators_own_urls_may_point_anywhere() {
    let receiver = Receiver::start().await.unwrap();
    let names = Names::new([("inside.example", &["127.0.0.1"])]);
    let outbound = names.outbound(&[]);
    for host in ["127.0.0.1", "inside.example"] {
        let call = Call { reach: Reach::Free, ..Call::new(Method::GET, url(&receiver, host)) };
        assert_eq!(outbound.send(call).await.unwrap().status, 204);
        // The connection that is open now is not for guarded calls.
        assert!(matches!(status(&outbound, url(&receiver, host)).await, Err(Error::Refused(_))), "{host}");
    }
    assert_eq!(receiver.received("").len(), 2);
}

#[tokio::test]
async fn what_is_no_plain_http_url_is_not_called() {
    let outbound = outbound(&["127.0.0.0/8"]);
    for url in [
        "",
        "nothing",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http://a:b@127.0.0.1/",
        "http://a@127.0.0.1/",
    ] {
        let outcome = status(&outbound, url.to_owned()).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{url}: {outcome:?}");
    }
}
