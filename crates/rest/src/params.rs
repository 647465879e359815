//! Small values of queries and bodies, checked while they are read.

use std::time::Duration;

use baton_gate::Problem;
use baton_model::{
    Faults,
    directive::{check_name, check_positive_seconds, check_tags},
};
use serde::{Deserialize, Deserializer, de::Error};

/// Longest list that is given at once.
const MAX_LIMIT: i64 = 1_000;
/// The longest that a poll may wait.
const MAX_WAIT_SECONDS: f64 = 240.0;

/// How long a list may be: 1 to 1000.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) i64);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.map(Limit).ok_or_else(|| D::Error::custom(format!("must be 1 to {MAX_LIMIT}, not `{text}`")))
    }
}

/// How long a poll waits: 0 to 240 seconds, fractions allowed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait(pub(crate) Duration);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MAX_WAIT_SECONDS).contains(seconds));
        let refused = || D::Error::custom(format!("must be 0 to {MAX_WAIT_SECONDS} seconds, not `{text}`"));
        seconds.map(|seconds| Wait(Duration::from_secs_f64(seconds))).ok_or_else(refused)
    }
}

/// The name of an agent, a session or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let mut faults = Faults::default();
        check_name("name", &name, &mut faults);
        first_detail(faults)?;
        Ok(Name(name))
    }
}

/// Tags of a poll: `a,b`, or the parameter several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
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
        let tags: Vec<String> = tags.map(str::to_owned).collect();
        let mut faults = Faults::default();
        check_tags("tags", &tags, &mut faults);
        first_detail(faults)?;
        Ok(Tags(tags))
    }
}

/// A time span that lasts at least a millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) f64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let mut faults = Faults::default();
        check_positive_seconds("seconds", seconds, &mut faults);
        first_detail(faults)?;
        Ok(Seconds(seconds))
    }
}

/// Where the field stands is known to whoever reads it.
fn first_detail<E: Error>(faults: Faults) -> Result<(), E> {
    faults.0.into_iter().next().map_or(Ok(()), |fault| Err(E::custom(fault.detail)))
}

/// A value that may be given in two places, if it is the same in both.
pub(crate) fn one_of<T: PartialEq>(
    field: &str,
    places: &str,
    a: Option<T>,
    b: Option<T>,
) -> Result<Option<T>, Problem> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Err(Problem::field("invalid", field, format!("differs between {places}"))),
        (a, b) => Ok(a.or(b)),
    }
}
