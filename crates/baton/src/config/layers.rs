//! Reads the layers: files, environment, flags. Each value keeps its place.

use std::{
    ffi::OsString,
    ops::Range,
    path::{Path, PathBuf},
};

use baton_model::secret::HIDDEN;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::{
    keys::{self, Key, Known},
    problem::{Origin, Problems},
    reference::{self, Reference},
};
use crate::data_dir;

/// Variables that are no keys of the settings, or a second name for one.
const OTHER_VARIABLES: [(&str, Option<&str>); 9] = [
    ("BATON_BIND", Some("server.bind")),
    ("BATON_DATABASE_URL", Some("store.url")),
    ("BATON_LOG", Some("telemetry.log")),
    ("BATON_CACHE", None),
    ("BATON_CA_CERT", None),
    ("BATON_CONFIG", None),
    ("BATON_DATA_DIR", None),
    ("BATON_TOKEN", None),
    ("BATON_URL", None),
];

/// A value from the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// `--bind`
    pub name: &'static str,
    /// The dotted key that it sets.
    pub key: &'static str,
    /// As it was typed.
    pub text: String,
}

/// Where settings are looked for.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files, the weightier first. Each must exist.
    pub files: Vec<PathBuf>,
    /// The variables that begin with `BATON_`.
    pub variables: Vec<(String, String)>,
    /// The whole environment, for `env:` references.
    pub surroundings: Vec<(String, String)>,
    /// The command line.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// This process's own: the file that was named or else those that are there, the environment, and `flags`.
    pub fn of_process(config: Option<&Path>, flags: Vec<Flag>) -> Self {
        let files = match config {
            Some(file) => vec![file.to_path_buf()],
            None => {
                let home = data_dir::xdg("XDG_CONFIG_HOME", ".config").map(|base| base.join("baton/baton.toml"));
                let files = [Some(PathBuf::from("baton.toml")), home];
                files.into_iter().flatten().filter(|file| file.is_file()).collect()
            }
        };
        let surroundings = surroundings();
        let variables = surroundings.iter().filter(|(name, _)| name.starts_with("BATON_")).cloned().collect();
        Sources { files, variables, surroundings, flags }
    }

    /// One file and nothing else.
    pub fn file_alone(file: PathBuf) -> Self {
        Sources { files: vec![file], surroundings: surroundings(), ..Sources::default() }
    }
}

fn surroundings() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// What the layers hold, the weakest first.
#[derive(Default)]
pub struct Read {
    /// Every value.
    pub leaves: Vec<Leaf>,
    /// Every table with a free name, as `agents.claude`: it may be there without a value.
    pub tables: Vec<(String, Origin)>,
}

/// One value in one layer.
pub struct Leaf {
    pub key: Key,
    /// As it may be shown: references stay references, secrets are hidden.
    pub shown: Value,
    /// What it stands for: references resolved, texts read as what the key wants.
    pub value: Value,
    /// Whether a reference stands in it: then nothing of the value may be told.
    pub is_reference: bool,
    pub origin: Origin,
}

/// All values of all layers. What cannot be read goes to `problems`.
pub fn read(sources: &Sources, known: &Known, problems: &mut Problems) -> Read {
    let mut reader = Reader { known, sources, problems, read: Read::default() };
    for file in sources.files.iter().rev() {
        reader.file(file);
    }
    reader.environment();
    for flag in &sources.flags {
        reader.leaf(flag.key, json!(flag.text), Origin::Flag(flag.name), Path::new(""));
    }
    reader.read
}

struct Reader<'a> {
    known: &'a Known,
    sources: &'a Sources,
    problems: &'a mut Problems,
    read: Read,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.add(&Origin::File(path.into(), 0), format!("cannot be read: {error}")),
        };
        let line = |span: Range<usize>| text.as_bytes()[..span.start].iter().filter(|byte| **byte == b'\n').count() + 1;
        match DeTable::parse(&text) {
            Ok(table) => self.table(table.get_ref(), "", path, &line),
            Err(error) => {
                let at = Origin::File(path.into(), error.span().map_or(1, line));
                self.problems.add(&at, format!("this is no TOML: {}", error.message()));
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>, within: &str, path: &Path, line: &dyn Fn(Range<usize>) -> usize) {
        let is_free = self.known.has_free_names(within);
        for (name, value) in table {
            let full = keys::join(within, name.get_ref());
            let origin = Origin::File(path.into(), line(name.span()));
            if is_free && !keys::is_name(name.get_ref()) {
                let right = "a name here has 1 to 64 letters, digits, `_` or `-`";
                self.problems.add(&origin, format!("`{within}.{:?}`: {right}", name.get_ref()));
                continue;
            }
            let is_table = self.known.is_table(&full);
            match value.get_ref() {
                DeValue::Table(inner) if is_table => {
                    if is_free {
                        self.read.tables.push((full.clone(), origin));
                    }
                    self.table(inner, &full, path, line);
                }
                _ if is_table => self.problems.add(&origin, format!("`{full}` must be a table: write `[{full}]`")),
                value if self.known.find(&full).is_some() => {
                    let beside = path.parent().unwrap_or(Path::new(""));
                    self.leaf(&full, to_json(value), origin, beside);
                }
                _ => {
                    let right = self.known.right_one(&full);
                    self.problems.add(&origin, format!("unknown key `{full}`; {right}"));
                }
            }
        }
    }

    fn environment(&mut self) {
        let mut set: Vec<(String, &str)> = Vec::new();
        for (name, text) in &self.sources.variables {
            let own = self.known.iter().find(|key| key.variable().as_ref() == Some(name)).map(|key| key.path.as_str());
            let other = OTHER_VARIABLES.into_iter().find(|(other, _)| other == name);
            match (own, other) {
                (Some(key), _) | (None, Some((_, Some(key)))) => {
                    let (key, origin) = (key.to_owned(), Origin::Variable(name.clone()));
                    if let Some((_, before)) = set.iter().find(|(already, _)| *already == key) {
                        self.problems.add(&origin, format!("`{before}` sets `{key}` too; unset one of them"));
                    }
                    self.leaf(&key, json!(text), origin, Path::new(""));
                    set.push((key, name));
                }
                (None, Some((_, None))) => {}
                (None, None) => self.unknown_variable(name),
            }
        }
    }

    /// A name inside a known table, or nearly a known name, is a slip. Others may belong to other programs.
    fn unknown_variable(&mut self, name: &str) {
        let origin = Origin::Variable(name.into());
        let starts = |key: &&Key| {
            let table = key.path.split('.').next().unwrap_or_default().to_uppercase();
            name.starts_with(&format!("BATON_{table}_"))
        };
        if let Some(key) = self.known.iter().find(|key| key.variable().is_none() && starts(key)) {
            let table = key.path.split('.').next().unwrap_or_default();
            let right = format!("tables as `[{table}.<name>]` are set in a file");
            return self.problems.add(&origin, format!("this variable sets nothing; {right}"));
        }
        let own: Vec<String> = self.known.iter().filter_map(Key::variable).collect();
        let names = own.iter().map(String::as_str).chain(OTHER_VARIABLES.iter().map(|(name, _)| *name));
        let own_part = |name: &str| name.trim_start_matches("BATON_").to_owned();
        let near = names.map(|known| (strsim::damerau_levenshtein(&own_part(name), &own_part(known)), known)).min();
        let in_table = self.known.iter().any(|key| starts(&key));
        if let Some((distance, known)) = near
            && (in_table || distance <= (own_part(name).len() / 4).max(1))
        {
            self.problems.add(&origin, format!("this variable sets nothing; did you mean `{known}`?"));
        }
    }

    /// Notes a value; `beside` is the directory that relative `file:` references start from.
    fn leaf(&mut self, path: &str, written: Value, origin: Origin, beside: &Path) {
        let Some(key) = self.known.find(path) else { return };
        let resolved = Reference { surroundings: &self.sources.surroundings, beside };
        let (mut shown, mut value, mut is_reference) = match resolved.whole(&written) {
            Ok(Some(text)) => (written, json!(text), true),
            Ok(None) => (written.clone(), written, false),
            Err(why) => return self.problems.add(&origin, format!("`{path}`: {why}")),
        };
        // What was not written as a literal of the file is text, and is read as what the key wants.
        if (is_reference || !matches!(origin, Origin::File(..)))
            && let Some(text) = value.as_str()
        {
            value = key.kind.read(text).unwrap_or(value);
        }
        if !is_reference && reference::is_among(&value) {
            shown = value.clone();
            is_reference = true;
            value = match resolved.each(&value) {
                Ok(value) => value,
                Err(why) => return self.problems.add(&origin, format!("`{path}`: {why}")),
            };
        }
        let fits = key.kind.fits(&value);
        shown = match is_reference {
            true => shown,
            false if key.is_secret => json!(HIDDEN),
            false if fits => value.clone(),
            false => shown,
        };
        if !fits {
            // What a reference stands for may be secret: the message shows the reference.
            let given = if shown == HIDDEN { String::new() } else { format!(", not {shown}") };
            return self.problems.add(&origin, format!("`{path}` must be {}{given}", key.kind.name()));
        }
        if key.is_path
            && let Some(path) = value.as_str()
        {
            match beside.join(path).into_os_string().into_string() {
                Ok(path) => value = json!(path),
                Err(_) => return self.problems.add(&origin, format!("`{path}`: its directory's name is no UTF-8")),
            }
        }
        self.read.leaves.push(Leaf { key, shown, value, is_reference, origin });
    }
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Boolean(flag) => json!(flag),
        // A number that JSON cannot hold stays text, and is refused as such.
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => json!(number),
            Err(_) => json!(number.as_str()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(finite) if finite.is_finite() => json!(finite),
            _ => json!(number.as_str()),
        },
        DeValue::Datetime(moment) => json!(moment.to_string()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(name, value)| (name.get_ref().to_string(), to_json(value.get_ref()))).collect()
        }
    }
}
