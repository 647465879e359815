//! Which keys exist, read off the JSON Schema of [`Settings`].

use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::Settings;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Integer,
    Flag,
    List,
}

impl Kind {
    fn of(schema: &Value) -> Self {
        let named = match &schema["type"] {
            Value::Array(types) => types.first().and_then(Value::as_str),
            other => other.as_str(),
        };
        match named {
            Some("number") => Kind::Number,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Flag,
            Some("array") => Kind::List,
            _ => Kind::Text,
        }
    }

    /// In words, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "a text in quotes",
            Kind::Number => "a number",
            Kind::Integer => "a whole number",
            Kind::Flag => "true or false",
            Kind::List => "a list of texts",
        }
    }

    /// Whether a value is of this kind.
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Kind::Text => value.is_string(),
            Kind::Number => value.is_number(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Flag => value.is_boolean(),
            Kind::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        }
    }

    /// Reads a text from a variable, a flag or a file; lists are separated by commas.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Kind::Text => Some(json!(text)),
            Kind::Number => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|it| json!(it)),
            Kind::Integer => text.trim().parse::<i64>().ok().map(|it| json!(it)),
            Kind::Flag => text.trim().parse::<bool>().ok().map(|it| json!(it)),
            Kind::List => Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()),
        }
    }
}

/// One thing that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Dotted: `store.retention.events`.
    pub path: String,
    /// What its value must be.
    pub kind: Kind,
}

impl Key {
    /// Its environment variable: `BATON_STORE_RETENTION_EVENTS`.
    pub fn variable(&self) -> String {
        format!("BATON_{}", self.path.replace('.', "_").to_uppercase())
    }

    /// Its JSON pointer: `/store/retention/events`.
    pub fn pointer(&self) -> String {
        format!("/{}", self.path.replace('.', "/"))
    }

    /// Settings that hold this value alone.
    pub fn nest(&self, value: &Value) -> Value {
        self.path.rsplit('.').fold(value.clone(), |inner, name| json!({ name: inner }))
    }
}

/// Puts a value in its place among others.
pub fn set(settings: &mut Value, path: &str, value: Value) {
    let mut place = settings;
    for name in path.split('.') {
        if place.get(name).is_none() {
            place[name] = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

/// The JSON Schema of `baton.toml`, for editors.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Settings>()
}

/// All keys, table by table.
pub fn all() -> Vec<Key> {
    let mut keys = Vec::new();
    walk(schema().as_value(), "", &mut keys);
    keys.sort_by(|a, b| a.path.rsplit_once('.').cmp(&b.path.rsplit_once('.')));
    keys
}

fn walk(schema: &Value, path: &str, keys: &mut Vec<Key>) {
    match schema["properties"].as_object() {
        None => keys.push(Key { path: path.to_owned(), kind: Kind::of(schema) }),
        Some(properties) => {
            for (name, inner) in properties {
                let gap = if path.is_empty() { "" } else { "." };
                walk(inner, &format!("{path}{gap}{name}"), keys);
            }
        }
    }
}

/// The known name that is nearest to one that is unknown, if one is near enough.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let score = |name: &str| {
        let whole = strsim::jaro_winkler(unknown, name);
        // The right key in the wrong table is a hit too, a slightly weaker one.
        whole.max(strsim::jaro_winkler(&last(unknown), &last(name)) - 0.05)
    };
    known
        .map(|name| (score(name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
