//! The JSON-RPC id of a message that is too long to be read, so that its sender does not wait for ever.

use std::fmt;

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// How much of a line's end is kept, in bytes; more than an id and a `jsonrpc` field need.
const KEPT: usize = 512;

/// The last bytes of a line.
#[derive(Default)]
pub struct End(Vec<u8>);

impl End {
    /// Adds what came next.
    pub fn push(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&part[part.len().saturating_sub(KEPT)..]);
        self.0.drain(..self.0.len().saturating_sub(KEPT));
    }
}

/// The id, where it stands among the first fields or is the last one; else `null`.
pub fn find(start: &[u8], end: &End) -> Value {
    let mut found = None;
    // Ends in an error at the latest where the line was cut; what was found before counts.
    let _ = serde_json::Deserializer::from_slice(start).deserialize_map(FirstFields(&mut found));
    found.or_else(|| last_field(&String::from_utf8_lossy(&end.0))).unwrap_or(Value::Null)
}

/// The id if the message ends with it: `…,"id":7}` and no brace more.
fn last_field(end: &str) -> Option<Value> {
    let (_, rest) = end.rsplit_once("\"id\"")?;
    let value = rest.trim().strip_prefix(':')?.strip_suffix('}')?;
    serde_json::from_str(value).ok().filter(|id: &Value| id.is_string() || id.is_number())
}

struct FirstFields<'a>(&'a mut Option<Value>);

impl<'de> Visitor<'de> for FirstFields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                *self.0 = Some(map.next_value::<Value>()?).filter(|id| id.is_string() || id.is_number());
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
