//! A time span as a text.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY: u64 = 86_400;
/// Shorter ones are slips: nothing here is measured in seconds.
const SHORTEST: Duration = Duration::from_secs(60);

/// A time span of at least a minute. On the wire a text: `90d`, `12h`, `1y 6months`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// So many days.
    pub const fn days(days: u64) -> Self {
        Span(Duration::from_secs(days * DAY))
    }

    /// How long it is.
    pub const fn length(self) -> Duration {
        self.0
    }

    /// Reads a span; `right` says what to write instead of what is none.
    pub(super) fn read(text: &str, right: &str) -> Result<Self, String> {
        match humantime::parse_duration(text.trim()) {
            Ok(span) if span >= SHORTEST => Ok(Span(span)),
            Ok(_) => Err(format!("`{text}` is too short: at least a minute, as `1min`")),
            Err(_) => Err(format!("`{text}` is no time span; write {right}")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            span if span.subsec_nanos() == 0 && span.as_secs() % DAY == 0 => write!(f, "{}d", span.as_secs() / DAY),
            span => write!(f, "{}", humantime::format_duration(span)),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::read(&text, "`30d`, `12h` or `1y 6months`").map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["30d", "12h", "1y 6months"] })
    }
}
