//! The facts as values of CEL. Texts are borrowed, not copied.

use std::collections::HashMap;

use ::cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
    value::Val,
};
use serde_json::Value;

use crate::condition::Facts;

/// A fact as a value. Of the metadata it takes the entries given.
pub(super) fn value<'v>(name: &str, facts: &Facts<'v>, metadata: &[(&'v String, &'v Value)]) -> Box<dyn Val + 'v> {
    match name {
        "success" => Box::new(CelBool::from(facts.success)),
        "result" => text(facts.result),
        "error" => text(facts.error.unwrap_or("")),
        "metadata" => map(metadata.iter().copied()),
        "execution_time" => match facts.execution_time {
            Some(seconds) => Box::new(CelDouble::from(seconds)),
            None => Box::new(CelNull),
        },
        "tags" => Box::new(CelList::from(facts.tags.iter().map(|tag| text(tag)).collect::<Vec<_>>())),
        "priority" => text(facts.priority),
        _ => Box::new(CelInt::from(facts.attempt)),
    }
}

fn text<'v>(text: &'v str) -> Box<dyn Val + 'v> {
    Box::new(CelString::from(text))
}

fn map<'v>(entries: impl Iterator<Item = (&'v String, &'v Value)>) -> Box<dyn Val + 'v> {
    let entries = entries.map(|(key, item)| (CelMapKey::String(CelString::from(key.as_str())), json(item)));
    Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
}

fn json<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Box::new(CelInt::from(number)),
            (_, Some(number), _) => Box::new(CelUInt::from(number)),
            (.., Some(number)) => Box::new(CelDouble::from(number)),
            _ => Box::new(CelNull),
        },
        Value::String(value) => text(value),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(json).collect::<Vec<_>>())),
        Value::Object(entries) => map(entries.iter()),
    }
}
