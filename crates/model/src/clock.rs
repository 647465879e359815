//! Time as a parameter.

use std::time::Instant;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Where time comes from. Nothing else in the house asks the machine for it.
pub trait Clock: Send + Sync {
    /// The wall clock: what people read, and what `run_at` means.
    fn now(&self) -> Millis;

    /// A clock that never jumps while the process lives; leases are measured on it. It starts at the wall clock's
    /// reading, so its values are comparable with those of an earlier process.
    fn steady(&self) -> Millis;
}

/// The machine's own clocks.
pub struct SystemClock {
    start: Instant,
    wall_at_start: Millis,
}

impl SystemClock {
    /// Notes the wall clock's reading as the base of [`Clock::steady`].
    pub fn start() -> Self {
        SystemClock { start: monotonic(), wall_at_start: wall() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        wall()
    }

    fn steady(&self) -> Millis {
        self.wall_at_start + i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's wall clock")]
fn wall() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's monotonic clock")]
fn monotonic() -> Instant {
    Instant::now()
}

/// ISO 8601 in UTC with offset, to the millisecond: `2026-11-20T09:00:00.000+00:00`.
pub fn iso(at: Millis) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

/// The UTC day of a moment: `2026-11-20`.
pub fn day(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%m-%d").to_string()
}

/// Reads an ISO 8601 moment that carries an offset or `Z`.
pub fn parse_iso(text: &str) -> Option<Millis> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond())
}

/// Seconds as they come over the wire, fractions allowed, to milliseconds. The caller has checked the range.
pub fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0).round() as Millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_with_offset_and_read_back() {
        let text = iso(1_795_165_200_123);
        assert_eq!(text, "2026-11-20T09:00:00.123+00:00");
        assert_eq!(parse_iso(&text), Some(1_795_165_200_123));
        assert_eq!(parse_iso("2026-11-20T10:00:00+01:00"), Some(1_795_165_200_000));
        assert_eq!(parse_iso("2026-11-20 tomorrow"), None);
        assert_eq!(day(1_795_165_200_123), "2026-11-20");
    }
}
