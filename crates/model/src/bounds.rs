//! What inputs may hold, and the checks that say so.

use std::net::Ipv4Addr;

use url::{Host, Url};

use crate::fault::Faults;

/// Longest wait, delay, timeout or retry delay that is accepted: ten years, in seconds.
pub const MAX_SECONDS: f64 = 315_360_000.0;
/// Most follow-up rules of one directive.
pub const MAX_RULES: usize = 64;
/// Most tags of one directive or poll.
pub const MAX_TAGS: usize = 64;
/// Longest tag, agent name or idempotency key, in characters.
pub const MAX_NAME: usize = 255;
/// Most further attempts that can be asked for.
pub const MAX_RETRIES: i64 = 1_000;
/// Most directives that one may wait for.
pub const MAX_DEPENDENCIES: usize = 256;

/// Checks that a text is an absolute http or https URL whose host is no private address. (A name that stands for one is
/// found out when it is called.)
pub fn check_url(field: &str, url: &str, faults: &mut Faults) {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match parsed.as_ref().and_then(Url::host) {
        Some(host) if url.len() <= 2048 => {
            if is_private(&host) {
                faults.add(field, format!("`{host}` is a private address; webhooks go to public ones"));
            }
        }
        _ => faults.add(field, format!("`{}` is no http(s) URL", shorten(url, 80))),
    }
}

/// Loopback, private, link-local, carrier-grade and the like (RFC 6890).
fn is_private(host: &Host<&str>) -> bool {
    let v4 = |ip: Ipv4Addr| {
        let [a, b, ..] = ip.octets();
        let shared = a == 100 && (64..128).contains(&b);
        let benchmark = a == 198 && (b == 18 || b == 19);
        let special = ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_multicast();
        special || shared || benchmark || a == 0 || a >= 240
    };
    match host {
        Host::Domain(_) => false,
        Host::Ipv4(ip) => v4(*ip),
        Host::Ipv6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => v4(mapped),
            None => {
                let local = ip.is_unique_local() || ip.is_unicast_link_local();
                ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || local
            }
        },
    }
}

/// Checks a time span that may be zero.
pub fn check_seconds(field: &str, seconds: f64, faults: &mut Faults) {
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        faults.add(field, format!("must be 0 to {MAX_SECONDS} seconds, not {seconds}"));
    }
}

/// Checks a time span that must last at least a millisecond.
pub fn check_positive_seconds(field: &str, seconds: f64, faults: &mut Faults) {
    if !(0.001..=MAX_SECONDS).contains(&seconds) {
        faults.add(field, format!("must be 0.001 to {MAX_SECONDS} seconds, not {seconds}"));
    }
}

/// Checks a list of tags.
pub fn check_tags(field: &str, tags: &[String], faults: &mut Faults) {
    if tags.len() > MAX_TAGS {
        faults.add(field, format!("at most {MAX_TAGS} tags, not {}", tags.len()));
    }
    for (index, tag) in tags.iter().enumerate().take(MAX_TAGS) {
        check_name(&format!("{field}[{index}]"), tag, faults);
    }
}

/// Checks a short name: not blank, at most [`MAX_NAME`] characters, no control characters.
pub fn check_name(field: &str, name: &str, faults: &mut Faults) {
    if name.trim().is_empty() {
        faults.add(field, "must not be blank");
    } else if name.chars().count() > MAX_NAME {
        faults.add(field, format!("at most {MAX_NAME} characters"));
    } else if name.chars().any(char::is_control) {
        faults.add(field, "must not hold control characters");
    }
}

/// The first `length` characters of a text, with an ellipsis if there are more.
pub fn shorten(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_go_to_public_addresses() {
        for (url, sound) in [
            ("https://hooks.example/a?b#c", true),
            ("HTTP://8.8.8.8:8080", true),
            ("http://[2001:4860:4860::8888]/", true),
            ("http://localhost/found out when it is called", true),
            ("ftp://hooks.example", false),
            ("hooks.example", false),
            ("http://", false),
            ("http://exa<m>ple/", false),
            ("http://h:99999/", false),
            ("http://[::1/", false),
            ("http://127.0.0.1/", false),
            ("http://0x7f.1/", false),
            ("http://2130706433/", false),
            ("http://10.0.0.1", false),
            ("http://100.64.0.1", false),
            ("http://169.254.169.254/latest", false),
            ("http://0.0.0.0", false),
            ("http://[::1]/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("http://[fd00::1]/", false),
        ] {
            let mut faults = Faults::default();
            check_url("webhook", url, &mut faults);
            assert_eq!(faults.0.is_empty(), sound, "{url}: {faults}");
        }
    }
}
