//! What inputs may hold, and the checks that say so.

use url::Url;

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
/// Longest URL, in bytes.
pub const MAX_URL: usize = 2048;
/// Most directives that one may wait for.
pub const MAX_DEPENDENCIES: usize = 256;

/// Checks that a text is an absolute http or https URL without user name and password: it is shown in lists and views,
/// so it is no place for a secret. (Which hosts may be called is [`crate::address`]'s to say.)
pub fn check_url(field: &str, url: &str, faults: &mut Faults) {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        Some(parsed) if url.len() <= MAX_URL => {
            if !parsed.username().is_empty() || parsed.password().is_some() {
                faults.add(field, "must not hold a user name or a password: calls are signed instead");
            }
        }
        _ => faults.add(field, format!("`{}` is no http(s) URL", shorten(url, 80))),
    }
}

/// A URL as it is called: scheme and host in small letters, no default port, no fragment (WHATWG URL). Two that are the
/// same to the endpoint are mostly the same text then. What is no URL stays as it is.
pub fn normal_url(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
    parsed.set_fragment(None);
    parsed.into()
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
    fn webhooks_are_urls() {
        for (url, sound) in [
            ("https://hooks.example/a?b#c", true),
            ("HTTP://8.8.8.8:8080", true),
            ("http://localhost/", true),
            ("http://[::1]/", true),
            ("ftp://hooks.example", false),
            ("hooks.example", false),
            ("http://", false),
            ("http://exa<m>ple/", false),
            ("http://h:99999/", false),
            ("http://[::1/", false),
            ("https://me:secret@hooks.example/", false),
            ("https://me@hooks.example/", false),
        ] {
            let mut faults = Faults::default();
            check_url("webhook", url, &mut faults);
            assert_eq!(faults.0.is_empty(), sound, "{url}: {faults}");
        }
    }

    #[test]
    fn urls_that_are_called_alike_are_written_alike() {
        for url in ["HTTPS://Hooks.Example:443", "https://hooks.example/#part", "https://%68ooks.example/a/.."] {
            assert_eq!(normal_url(url), "https://hooks.example/", "{url}");
        }
        assert_eq!(normal_url("https://hooks.example/A?b=C"), "https://hooks.example/A?b=C");
    }
}
