//! What is wrong with JSON that could not be read: every field at once, with the nearest known name.
//!
//! serde stops at the first fault. Here a faulty field is noted and mended, by taking it away or by a stand-in, and the
//! whole is read again until it can be; then the faults that the types of the fields cannot tell are added.

use baton_model::{Faults, bounds::shorten};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::Input;
use crate::Problem;

/// Most faults that one answer names.
const MOST_FAULTS: usize = 32;
/// Bodies larger than this are read again only once: they are told their first fault.
const MUCH: usize = 64 * 1024;

/// One step on the way to a field.
#[derive(Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Why these bytes are no `T`.
pub(super) fn body<T: Input>(bytes: &[u8]) -> Problem {
    let invalid = |detail: String| Problem::new(http::StatusCode::BAD_REQUEST, "invalid_json", detail);
    if bytes.is_empty() {
        return invalid("a JSON body is required; this request has none".to_owned());
    }
    match serde_json::from_slice::<Value>(bytes) {
        Err(error) => invalid(format!("the body is no JSON: {error}")),
        Ok(value) if bytes.len() > MUCH => faults::<T>(value, 1).into(),
        Ok(value) => faults::<T>(value, MOST_FAULTS).into(),
    }
}

/// Every reason why this value is no `T`.
pub(super) fn value<T: Input>(value: Value) -> Faults {
    faults::<T>(value, MOST_FAULTS)
}

fn faults<T: Input>(mut value: Value, most: usize) -> Faults {
    let mut faults = Faults::default();
    if !value.is_object() {
        faults.add("body", format!("must be a JSON object, not {}", kind(&value)));
        return faults;
    }
    // The fields that were mended, and how often.
    let mut mended: Vec<(Vec<Step>, usize)> = Vec::new();
    while faults.0.len() < most {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(input) => {
                let known: Vec<String> = faults.0.iter().map(|fault| fault.field.clone()).collect();
                faults.0.extend(
                    input.faults().0.into_iter().filter(|fault| !known.iter().any(|f| within(f, &fault.field))),
                );
                break;
            }
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let mut path = steps(error.path());
        let detail = if let Some(name) = quoted_after(&message, "missing field `") {
            path.push(Step::Key(name.to_owned()));
            "is required".to_owned()
        } else if let Some(name) = quoted_after(&message, "unknown field `") {
            if path.last() != Some(&Step::Key(name.to_owned())) {
                path.push(Step::Key(name.to_owned()));
            }
            unknown(name, &message)
        } else {
            in_words(&message)
        };
        let times = match mended.iter_mut().find(|(known, _)| *known == path) {
            Some((_, times)) => times,
            None => {
                if !mended.iter().any(|(known, _)| path.starts_with(known)) {
                    faults.add(text(&path), detail);
                }
                mended.push((path.clone(), 0));
                &mut mended.last_mut().expect("it was pushed in the line above").1
            }
        };
        if !mend(&mut value, &path, times) {
            break;
        }
    }
    faults
}

/// Takes the faulty field away, or, where one must stand there, puts the next stand-in. False when nothing helps.
fn mend(value: &mut Value, path: &[Step], times: &mut usize) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(map)), Step::Key(key)) if map.contains_key(key) && *times == 0 => {
            map.remove(key);
            *times = 1;
        }
        (Some(Value::Object(map)), Step::Key(key)) => {
            let Some(stand_in) = stand_in(times) else { return false };
            map.insert(key.clone(), stand_in);
        }
        (Some(Value::Array(list)), Step::Index(index)) => {
            let (Some(place), Some(stand_in)) = (list.get_mut(*index), stand_in(times)) else { return false };
            *place = stand_in;
        }
        _ => return false,
    }
    true
}

fn stand_in(times: &mut usize) -> Option<Value> {
    *times = (*times).max(1) + 1;
    match *times {
        2 => Some(Value::String(String::new())),
        3 => Some(Value::from(0)),
        4 => Some(Value::Bool(false)),
        5 => Some(Value::Array(Vec::new())),
        6 => Some(Value::Object(Map::new())),
        _ => None,
    }
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

fn text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) if text.is_empty() => text.push_str(&shorten(key, 80)),
            Step::Key(key) => text.push_str(&format!(".{}", shorten(key, 80))),
        }
    }
    if text.is_empty() { "body".to_owned() } else { text }
}

/// Whether `inner` is the field `outer` or a part of it.
fn within(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The name that stands in backticks after `start`.
fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(start)?;
    rest.split_once("`, expected ").or_else(|| rest.rsplit_once('`')).map(|(name, _)| name)
}

/// The names that serde would have known, from its own message.
fn expected(message: &str) -> Vec<&str> {
    let known = message.split_once("`, expected ").map_or("", |(_, known)| known);
    known.split('`').skip(1).step_by(2).collect()
}

fn unknown(name: &str, message: &str) -> String {
    let known = expected(message);
    match nearest(name, known.iter().copied()) {
        Some(known) => format!("is unknown; did you mean `{known}`?"),
        None if known.is_empty() => "is unknown; there are no fields here".to_owned(),
        None => format!("is unknown; known are {}", list(&known)),
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The known name that was probably meant, if one is like enough or goes on where the given one ends.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let name = plain(&shorten(name, 80));
    let likeness = |known: &str| match known.strip_prefix(&name) {
        Some(_) if name.len() > 2 => 1.0,
        _ => strsim::normalized_damerau_levenshtein(&name, known),
    };
    known
        .into_iter()
        .map(|known| (likeness(&plain(known)), known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// serde's message in words of JSON instead of words of Rust.
fn in_words(message: &str) -> String {
    if let Some(name) = quoted_after(message, "unknown variant `") {
        return format!("`{}` is not one of {}", shorten(name, 80), list(&expected(message)));
    }
    let told = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = told.and_then(|told| told.rsplit_once(", expected ")) else {
        return shorten(message, 300);
    };
    let expected = match expected {
        "i64" | "u64" | "i32" | "u32" | "usize" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a string" => "a text",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let found = match found {
        "sequence" => "a list",
        "map" => "an object",
        other => other.split_once(' ').map_or(other, |(_, value)| value.trim_matches('`')),
    };
    let found = if message.starts_with("invalid type: floating point") { &found.replace("point `", "") } else { found };
    format!("must be {expected}, not {}", shorten(found, 80))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
