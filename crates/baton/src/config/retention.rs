//! How long something is kept.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::span::Span;

/// A time span, or for ever. On the wire a text: `90d`, `12h`, `1y 6months`, `forever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(Option<Span>);

impl Retention {
    /// Nothing is ever removed.
    pub const FOREVER: Retention = Retention(None);

    /// So many days.
    pub const fn days(days: u64) -> Self {
        Retention(Some(Span::days(days)))
    }

    /// The span; `None` is for ever.
    pub fn span(self) -> Option<Duration> {
        self.0.map(Span::length)
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("forever") {
            return Ok(Retention::FOREVER);
        }
        Span::read(text, "`30d`, `12h`, `1y 6months` or `forever`").map(|span| Retention(Some(span)))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("forever"),
            Some(span) => span.fmt(f),
        }
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Retention {
    fn schema_name() -> Cow<'static, str> {
        "Retention".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["30d", "12h", "1y 6months", "forever"] })
    }
}
