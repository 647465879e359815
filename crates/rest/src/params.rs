//! Values of queries, which come as texts.

use std::time::Duration;

use baton_gate::Problem;
use serde::{Deserialize, Deserializer, de::Error};

/// A whole number.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| D::Error::custom(format!("must be a whole number, not `{text}`")))
}

/// A time span in seconds, fractions allowed.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    span.ok_or_else(|| D::Error::custom(format!("must be a number of seconds, 0 or more, not `{text}`")))
}

/// Tags as `a,b`, or the parameter several times.
pub(crate) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Once(String),
        Often(Vec<String>),
    }
    let given = match Given::deserialize(deserializer)? {
        Given::Once(tags) => vec![tags],
        Given::Often(tags) => tags,
    };
    let tags = given.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
    Ok(tags.map(str::to_owned).collect())
}

/// A value that may be given in two places, if it is the same in both.
pub(crate) fn one_of(
    field: &str,
    places: &str,
    a: Option<String>,
    b: Option<String>,
) -> Result<Option<String>, Problem> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Err(Problem::field("invalid", field, format!("differs between {places}"))),
        (a, b) => Ok(a.or(b)),
    }
}
