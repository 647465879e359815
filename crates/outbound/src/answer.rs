//! What came back.

use std::time::UNIX_EPOCH;

use baton_model::Millis;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As the server meant it.
    Whole,
    /// It was longer than the call allows; the rest was left unread.
    TooLong,
    /// It was not over when the call's time was.
    TooSlow,
    /// The connection broke.
    Broken,
}

/// An answer, of whatever status. The status is the server's word; how the body ended is told, and the caller decides
/// what it means.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: End,
    /// How long it took, in milliseconds.
    pub millis: Millis,
}

impl Answer {
    /// The body as text; what is no UTF-8 becomes U+FFFD, and a character that was cut at the end is left out.
    pub fn text(&self) -> String {
        let whole = match std::str::from_utf8(&self.body) {
            Err(error) if self.end != End::Whole && error.error_len().is_none() => &self.body[..error.valid_up_to()],
            _ => &self.body,
        };
        String::from_utf8_lossy(whole).into_owned()
    }

    /// How long the server asks to be left alone (`Retry-After`: seconds or a date, RFC 9110 §10.2.3), in milliseconds
    /// from `now`, which is the wall clock's reading. A date that has passed is 0; what is neither is nothing.
    pub fn retry_after(&self, now: Millis) -> Option<Millis> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(
                text.parse::<Millis>().ok().and_then(|seconds| seconds.checked_mul(1000)).unwrap_or(Millis::MAX),
            );
        }
        let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((Millis::try_from(at.as_millis()).ok()? - now).max(0))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answer(body: &[u8], end: End) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_vec(), end, millis: 0 }
    }

    #[test]
    fn text_is_what_was_said_without_half_a_character() {
        assert_eq!(answer("né".as_bytes(), End::Whole).text(), "né");
        assert_eq!(answer(&"né".as_bytes()[..2], End::TooLong).text(), "n");
        assert_eq!(answer(&"né".as_bytes()[..2], End::Whole).text(), "n\u{fffd}");
        assert_eq!(answer(b"\xffabc\xc3", End::TooLong).text(), "\u{fffd}abc\u{fffd}");
    }

    #[test]
    fn servers_ask_for_rest_in_seconds_or_with_a_date() {
        // 2026-11-20T09:00:00Z.
        let now = 1_795_165_200_000;
        for (text, rest) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(Millis::MAX)),
            ("Fri, 20 Nov 2026 09:00:30 GMT", Some(30_000)),
            ("Friday, 20-Nov-26 09:00:30 GMT", Some(30_000)),
            ("Fri Nov 20 09:00:30 2026", Some(30_000)),
            ("Fri, 20 Nov 2026 08:00:00 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut answer = answer(b"", End::Whole);
            answer.headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(answer.retry_after(now), rest, "{text}");
        }
        assert_eq!(answer(b"", End::Whole).retry_after(now), None);
    }
}
