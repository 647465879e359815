use super::*;

fn allow(entries: &[&str]) -> Allow {
    let mut faults = Faults::default();
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let allow = Allow::parse("outbound.allow", &entries, &mut faults);
    assert_eq!(faults.0, []);
    allow
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// First and last address of every special range, and the neighbours outside.
#[test]
fn ranges_end_where_the_registries_say() {
    for (special, text) in [
        (true, "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 127.0.0.1 127.255.255.255 224.0.0.1 255.255.255.255"),
        (false, "1.0.0.0 9.255.255.255 11.0.0.0 126.255.255.255 128.0.0.0 223.255.255.255"),
        (true, "100.64.0.0 100.127.255.255 169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255"),
        (false, "100.63.255.255 100.128.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0"),
        (true, "192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255"),
        (false, "192.0.1.1 192.0.3.0 192.88.98.1 192.167.255.255 192.169.0.0"),
        (true, "198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.255 240.0.0.0"),
        (false, "198.17.255.255 198.20.0.0 198.51.101.0 203.0.112.255 8.8.8.8"),
        (true, ":: ::1 ::7f00:1 100:: fc00:: fdff::1 fe80::1 febf::1 fec0::1 ff02::1 4000:: 64:ff9b:1::1"),
        (true, "2001::1 2001:1ff::1 2001:db8::1 3fff::1 3fff:fff::1"),
        (false, "2000::1 2001:200::1 2001:4860:4860::8888 3ffe::1 3fff:1000::1 2a00::1"),
        (true, "::ffff:127.0.0.1 ::ffff:10.1.2.3 64:ff9b::10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2002:a9fe:a9fe::1"),
        (false, "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1"),
    ] {
        for text in text.split(' ') {
            assert_eq!(is_public(ip(text)), !special, "{text}");
        }
    }
}

#[test]
fn urls_with_private_addresses_are_refused_however_they_are_written() {
    for (url, sound) in [
        ("https://hooks.example/a?b#c", true),
        ("HTTP://8.8.8.8:8080", true),
        ("http://[2001:4860:4860::8888]/", true),
        ("http://localhost/is/found/out/when/it/is/called", true),
        ("no url at all", true),
        ("http://127.0.0.1/", false),
        ("http://127.0.0.1./", false),
        ("http://0x7f.1/", false),
        ("http://0177.0.0.1/", false),
        ("http://2130706433/", false),
        ("http://127.1:8000/", false),
        ("http://%31%32%37.0.0.1/", false),
        ("http://127。0。0。1/", false),
        ("http://①②⑦.0.0.1/", false),
        ("http://10.0.0.1", false),
        ("http://100.64.0.1", false),
        ("http://169.254.169.254/latest", false),
        ("http://0.0.0.0", false),
        ("http://[::1]/", false),
        ("http://[::ffff:127.0.0.1]/", false),
        ("http://[::ffff:7f00:1]/", false),
        ("http://[fd00::1]/", false),
        ("http://user@10.0.0.1/", false),
        ("http://metadata.google.internal/computeMetadata/v1/", false),
        ("http://METADATA.google.internal./", false),
    ] {
        let mut faults = Faults::default();
        check_public("webhook", url, &Allow::default(), &mut faults);
        assert_eq!(faults.0.is_empty(), sound, "{url}: {faults}");
    }
}

#[test]
fn what_the_operator_lists_is_called() {
    let allow = allow(&["127.0.0.0/8", "::1", "192.168.1.10", "10.1.2.3/16", "Hooks.Internal."]);
    for (host, permitted) in [
        ("127.0.0.1", true),
        ("::1", true),
        ("::ffff:127.9.9.9", true),
        ("192.168.1.10", true),
        ("192.168.1.11", false),
        ("10.1.255.255", true),
        ("10.2.0.0", false),
        // Another way in is another entry: the translated address is not the one that is listed.
        ("64:ff9b::127.0.0.1", false),
    ] {
        let host = match ip(host) {
            IpAddr::V4(v4) => Host::Ipv4(v4),
            IpAddr::V6(v6) => Host::Ipv6(v6),
        };
        assert_eq!(allow.host(&host).is_ok(), permitted, "{host}");
    }
    assert_eq!(allow.address("hooks.internal", ip("10.9.9.9")), Ok(()));
    assert_eq!(allow.address("HOOKS.internal.", ip("10.9.9.9")), Ok(()));
    assert_eq!(allow.address("other.internal", ip("127.0.0.1")), Ok(()));
    assert_eq!(
        allow.address("other.internal", ip("10.9.9.9")),
        Err(Refusal::NameOfPrivate { name: "other.internal".to_owned(), address: ip("10.9.9.9") })
    );
}

#[test]
fn a_metadata_service_is_called_only_if_it_is_listed_by_itself() {
    let wide = allow(&["0.0.0.0/0", "::/0", "hooks.internal"]);
    for address in ["169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254"] {
        assert!(is_metadata(ip(address)), "{address}");
        let refused = Err(Refusal::Metadata { host: "hooks.internal".to_owned() });
        assert_eq!(wide.address("hooks.internal", ip(address)), refused, "{address}");
    }
    assert!(wide.host(&Host::Ipv4([169, 254, 169, 254].into())).is_err());
    assert!(wide.host(&Host::Ipv4([169, 254, 1, 1].into())).is_ok());
    assert!(wide.host(&Host::Domain("metadata.google.internal")).is_err());

    let named = allow(&["169.254.169.254", "metadata.google.internal"]);
    assert!(named.host(&Host::Ipv4([169, 254, 169, 254].into())).is_ok());
    assert!(named.host(&Host::Domain("metadata.google.internal")).is_ok());
    let by_name = allow(&["metadata.google.internal"]);
    assert!(by_name.address("metadata.google.internal", ip("169.254.169.254")).is_ok());
}

#[test]
fn entries_that_make_no_sense_are_named() {
    let entries = ["127.0.0.0/8", "10.0.0.0/33", "", "h:80", "http://h", "*.internal", "a b"];
    let entries = entries.map(str::to_owned);
    let mut faults = Faults::default();
    let allow = Allow::parse("outbound.allow", &entries, &mut faults);
    let fields: Vec<_> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, (1..=6).map(|index| format!("outbound.allow[{index}]")).collect::<Vec<_>>());
    assert!(allow.host(&Host::Ipv4([127, 0, 0, 1].into())).is_ok());
}
