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

/// Stands for any name in the path of a key, as in `agents.*.command`.
const ANY: &str = "*";
/// The format of texts that are paths of files.
pub const PATH: &str = "path";
/// Longest name that a table of free names takes.
const LONGEST_NAME: usize = 64;

/// One thing that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Dotted: `store.retention.events`; `agents.*.command` for any agent, `agents.claude.command` for one.
    pub path: String,
    /// What its value must be.
    pub kind: Kind,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// Whether its value is the path of a file; in a settings file it starts from there.
    pub is_path: bool,
}

impl Key {
    /// Its environment variable: `BATON_STORE_RETENTION_EVENTS`. Tables with free names have none.
    pub fn variable(&self) -> Option<String> {
        (!self.is_free()).then(|| format!("BATON_{}", self.path.replace('.', "_").to_uppercase()))
    }

    /// Its JSON pointer: `/store/retention/events`.
    pub fn pointer(&self) -> String {
        format!("/{}", self.path.replace('.', "/"))
    }

    /// Settings that hold this value alone.
    pub fn nest(&self, value: &Value) -> Value {
        self.path.rsplit('.').fold(value.clone(), |inner, name| json!({ name: inner }))
    }

    /// Whether it stands for many keys, one for each name that somebody chose.
    fn is_free(&self) -> bool {
        self.path.split('.').any(|part| part == ANY)
    }

    /// How many parts of a path, from its start, this key has as well.
    fn shares(&self, path: &str) -> usize {
        self.path.split('.').zip(path.split('.')).take_while(|(own, part)| own == part || *own == ANY).count()
    }

    fn parts(&self) -> usize {
        self.path.split('.').count()
    }

    /// Its path as it would read beside another one: `agents.x.command` beside `agents.x.comand`, and elsewhere
    /// `agents.<name>.command`.
    fn beside(&self, path: &str) -> String {
        let shared = self.shares(path);
        let name = |(index, (own, part)): (usize, (&str, Option<&str>))| match part {
            Some(part) if own == ANY && index < shared => part.to_owned(),
            _ if own == ANY => "<name>".to_owned(),
            _ => own.to_owned(),
        };
        let parts = path.split('.').map(Some).chain(std::iter::repeat(None));
        self.path.split('.').zip(parts).enumerate().map(name).collect::<Vec<_>>().join(".")
    }
}

/// All keys there can be.
pub struct Known(Vec<Key>);

impl Known {
    /// Those of [`Settings`], table by table.
    pub fn new() -> Self {
        let mut keys = Vec::new();
        walk(schema().as_value(), "", &mut keys);
        keys.sort_by(by_table);
        Known(keys)
    }

    /// Those that stand for many with `*` in the place of a name.
    pub fn iter(&self) -> impl Iterator<Item = &Key> + Clone {
        self.0.iter()
    }

    /// The key of a path, under its own name.
    pub fn find(&self, path: &str) -> Option<Key> {
        let parts = path.split('.').count();
        let key = self.0.iter().find(|key| key.parts() == parts && key.shares(path) == parts)?;
        Some(Key { path: path.to_owned(), ..key.clone() })
    }

    /// Whether a path is a table of keys.
    pub fn is_table(&self, path: &str) -> bool {
        let parts = path.split('.').count();
        self.0.iter().any(|key| key.parts() > parts && key.shares(path) == parts)
    }

    /// Whether the names in a table are free.
    pub fn has_free_names(&self, path: &str) -> bool {
        let parts = path.split('.').count();
        self.0.iter().any(|key| key.shares(path) == parts && key.path.split('.').nth(parts) == Some(ANY))
    }

    /// All keys of these settings, table by table: of free names those that are there.
    pub fn of(&self, settings: &Value) -> Vec<Key> {
        let mut keys = Vec::new();
        for key in &self.0 {
            let parts: Vec<&str> = key.path.split('.').collect();
            expand(key, &parts, settings, "", &mut keys);
        }
        keys.sort_by(by_table);
        keys
    }

    /// What to write instead of an unknown key: the nearest one, or all that there are.
    pub fn right_one(&self, unknown: &str) -> String {
        let paths: Vec<String> = self.0.iter().map(|key| key.beside(unknown)).collect();
        let names = paths.iter().map(String::as_str);
        let tables = names.clone().filter_map(|path| path.rsplit_once('.').map(|(table, _)| table));
        // The table that it stands in is no answer.
        let others = tables.clone().filter(|table| !unknown.starts_with(&format!("{table}.")));
        if let Some(near) = nearest(unknown, names.clone().chain(others)) {
            return format!("did you mean `{near}`?");
        }
        let within = unknown.rsplit_once('.').map_or("", |(table, _)| table);
        let beside = names.filter(|name| name.rsplit_once('.').is_some_and(|(table, _)| table == within));
        let mut known: Vec<&str> = if within.is_empty() { tables.collect() } else { beside.collect() };
        known.dedup();
        format!("there are {}", known.join(", "))
    }
}

/// Whether a name may stand in a table of free names.
pub fn is_name(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(sound)
}

/// The path of a name in a table; the outermost table has none.
pub fn join(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

fn by_table(one: &Key, other: &Key) -> std::cmp::Ordering {
    one.path.rsplit_once('.').cmp(&other.path.rsplit_once('.'))
}

/// Puts the names that there are in the place of `*`.
fn expand(key: &Key, parts: &[&str], settings: &Value, path: &str, keys: &mut Vec<Key>) {
    match parts {
        [] => keys.push(Key { path: path.to_owned(), ..key.clone() }),
        [part, rest @ ..] if *part == ANY => {
            for (name, inner) in settings.as_object().into_iter().flatten() {
                expand(key, rest, inner, &join(path, name), keys);
            }
        }
        [part, rest @ ..] => expand(key, rest, settings.get(*part).unwrap_or(&Value::Null), &join(path, part), keys),
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

fn walk(schema: &Value, path: &str, keys: &mut Vec<Key>) {
    if let Some(properties) = schema["properties"].as_object() {
        properties.iter().for_each(|(name, inner)| walk(inner, &join(path, name), keys));
    } else if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &join(path, ANY), keys);
    } else {
        let is_secret = schema["writeOnly"] == json!(true);
        let is_path = schema["format"] == json!(PATH);
        keys.push(Key { path: path.to_owned(), kind: Kind::of(schema), is_secret, is_path });
    }
}

/// The known name that is nearest to one that is unknown, if one is near enough.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let parts = |path: &str| {
        let (table, last) = path.rsplit_once('.').unwrap_or(("", path));
        (table.to_owned(), last.to_owned())
    };
    let (table, last) = parts(unknown);
    let score = |name: &str| match parts(name) {
        // Of the same table only the last name says anything.
        (own, name) if own == table => strsim::jaro_winkler(&last, &name),
        // The right key in the wrong table is a hit too, a slightly weaker one.
        (_, own) => strsim::jaro_winkler(unknown, name).max(strsim::jaro_winkler(&last, &own) - 0.05),
    };
    known
        .map(|name| (score(name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
