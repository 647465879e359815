use http::HeaderValue;

use super::*;

fn check(access: &Access, headers: &[(&str, &str)]) -> u16 {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        });
    match access.check(&Uri::from_static("/health"), &headers) {
        Ok(()) => 200,
        Err(refusal) => refusal.status().as_u16(),
    }
}

fn loopback() -> Access {
    Access::new("127.0.0.1:8000".parse().unwrap(), None, &[], &[]).unwrap()
}

#[test]
fn loopback_names_with_the_bound_port_are_let_in() {
    for host in ["127.0.0.1:8000", "localhost:8000", "LocalHost:8000", "[::1]:8000", "127.1.2.3:8000"] {
        assert_eq!(check(&loopback(), &[("host", host)]), 200, "{host}");
    }
}

#[test]
fn other_names_and_ports_are_refused() {
    for host in ["evil.example:8000", "evil.example", "localhost", "localhost:8001", "localhost.evil.example:8000"] {
        assert_eq!(check(&loopback(), &[("host", host)]), 403, "{host}");
    }
    assert_eq!(check(&loopback(), &[("host", "10.0.0.1:8000")]), 403, "an address that is not bound");
}

#[test]
fn a_host_that_cannot_be_read_is_a_bad_request() {
    for host in
        ["", "a/?x=", "localhost:8000/x", "user@localhost:8000", "[::1:8000", "[zz]:8000", "localhost:", ":8000"]
    {
        assert_eq!(check(&loopback(), &[("host", host)]), 400, "{host:?}");
    }
    for host in ["a b", "localhost:99999", "localhost:8000@evil", "localhost:80 00", "a,b"] {
        assert_eq!(check(&loopback(), &[("host", host)]), 400, "{host:?}");
    }
    assert_eq!(check(&loopback(), &[]), 400, "HTTP/1.0 may leave it out; this server needs it");
    assert_eq!(check(&loopback(), &[("host", "localhost:8000"), ("host", "localhost:8000")]), 400, "twice");
}

#[test]
fn a_page_may_call_only_from_a_known_origin() {
    let from = |origin| check(&loopback(), &[("host", "localhost:8000"), ("origin", origin)]);
    assert_eq!(from("http://localhost:8000"), 200);
    assert_eq!(from("https://localhost:8000"), 200, "which of both this server speaks, it knows not");
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://localhost:3000",
        "http://localhost",
        "file://",
        "chrome-extension://abcdef",
        "http://localhost:8000.evil.example",
        "http://localhost:8000/",
        "http://127.0.0.1:8000",
        "http://127.0.0.2:8000",
    ] {
        assert_eq!(from(origin), 403, "{origin:?}");
    }
    let two = [("host", "localhost:8000"), ("origin", "http://localhost:8000"), ("origin", "http://evil.example")];
    assert_eq!(check(&loopback(), &two), 403, "each of several counts");
}

#[test]
fn the_operator_can_let_in_more() {
    let access = Access::new(
        "0.0.0.0:8000".parse().unwrap(),
        Some("https://baton.example/base"),
        &["inner".to_owned(), "exact:9000".to_owned()],
        &["https://app.example".to_owned(), "chrome-extension://abcdef".to_owned()],
    )
    .unwrap();
    for host in ["baton.example", "inner", "inner:1234", "exact:9000", "192.168.1.7:8000", "localhost:8000"] {
        assert_eq!(check(&access, &[("host", host)]), 200, "{host}");
    }
    assert_eq!(check(&access, &[("host", "exact:9001")]), 403);
    assert_eq!(check(&access, &[("host", "other.example:8000")]), 403);
    for origin in ["https://baton.example", "https://app.example", "chrome-extension://abcdef"] {
        assert_eq!(check(&access, &[("host", "inner"), ("origin", origin)]), 200, "{origin}");
    }
    assert_eq!(check(&access, &[("host", "inner"), ("origin", "http://app.example")]), 403, "another scheme");
    for origin in ["http://baton.example", "https://baton.example:8443", "http://192.168.1.7:8000", "http://inner:3000"]
    {
        for host in ["baton.example", "inner", "localhost:8000"] {
            assert_eq!(check(&access, &[("host", host), ("origin", origin)]), 403, "{origin} at {host}");
        }
    }
    for (host, origin) in [("192.168.1.7:8000", "http://192.168.1.7:8000"), ("inner:1234", "http://inner:1234")] {
        assert_eq!(check(&access, &[("host", host), ("origin", origin)]), 200, "{origin}");
    }
}

#[test]
fn a_request_line_with_a_host_of_its_own_is_checked_too() {
    let headers: HeaderMap = [(header::HOST, HeaderValue::from_static("localhost:8000"))].into_iter().collect();
    let ask = |uri| loopback().check(&Uri::from_static(uri), &headers).map_err(|refusal| refusal.status().as_u16());
    assert_eq!(ask("http://localhost:8000/health"), Ok(()));
    assert_eq!(ask("http://evil.example/health"), Err(403));
    assert_eq!(ask("http://user@localhost:8000/health"), Err(400));
}

#[test]
fn settings_that_cannot_be_read_are_named() {
    let bind = "127.0.0.1:8000".parse().unwrap();
    let bad = |url: Option<&str>, host: &[&str], origin: &[&str]| {
        let own = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        Access::new(bind, url, &own(host), &own(origin)).unwrap_err().setting
    };
    assert_eq!(bad(Some("baton.example"), &[], &[]), "public_url");
    assert_eq!(bad(Some("ftp://baton.example"), &[], &[]), "public_url");
    assert_eq!(bad(None, &["https://x"], &[]), "allowed_hosts");
    assert_eq!(bad(None, &[], &["x"]), "allowed_origins");
}
