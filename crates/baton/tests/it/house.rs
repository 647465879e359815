//! Who may know whom, and what every source file keeps to (ARCHITECTURE.md). Reads `cargo metadata` and the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Each package and the packages of the house that it may depend on. A new package needs a line here.
const ARROWS: [(&str, &[&str]); 13] = [
    ("baton-model", &[]),
    ("baton-store", &["baton-model"]),
    ("baton-agents", &["baton-model"]),
    ("baton-outbound", &["baton-model"]),
    ("baton-engine", &["baton-model", "baton-store", "baton-outbound"]),
    ("baton-gate", &["baton-model", "baton-engine"]),
    ("baton-rest", &["baton-model", "baton-engine", "baton-gate"]),
    ("baton-mcp", &["baton-model", "baton-engine", "baton-gate"]),
    ("baton-web", &["baton-model", "baton-engine", "baton-gate"]),
    ("baton", &["baton-model", "baton-agents", "baton-engine", "baton-gate", "baton-rest", "baton-mcp", "baton-web"]),
    ("baton-conformance", &["baton-model", "baton-gate", "baton-mcp"]),
    ("baton-testkit", &[]),
    ("xtask", &[]),
];

/// Libraries that only some may know, and who those are.
const KEPT_APART: [(&[&str], &[&str]); 3] = [
    (
        &["axum"],
        &[
            "baton-gate",
            "baton-rest",
            "baton-mcp",
            "baton-web",
            "baton",
            "baton-outbound",
            "baton-testkit",
            "baton-conformance",
            "xtask",
        ],
    ),
    (&["rusqlite", "tokio-postgres", "deadpool-postgres", "refinery-core"], &["baton-store"]),
    (&["rmcp"], &["baton-mcp", "baton-conformance"]),
];

/// What the pure rules must not know.
const NOT_FOR_MODEL: [&str; 7] = ["tokio", "tokio-util", "rusqlite", "tokio-postgres", "axum", "hyper", "rmcp"];

/// Longest source file, in lines. A longer one is divided by noun.
const LINES: usize = 500;

#[test]
fn packages_depend_only_on_those_below() {
    let known: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut faults = Vec::new();
    for package in packages() {
        let Some(allowed) = known.get(package.name.as_str()) else {
            faults.push(format!("{} has no line in ARROWS: say which packages it may depend on", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            if known.contains_key(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{} must not depend on {dependency}, only on {allowed:?}", package.name));
            }
        }
    }
    none(&faults);
}

#[test]
fn libraries_stay_with_those_who_may_know_them() {
    let mut faults = Vec::new();
    for package in packages() {
        for (libraries, owners) in KEPT_APART {
            for library in libraries {
                if package.dependencies.contains(*library) && !owners.contains(&package.name.as_str()) {
                    faults.push(format!("{} must not know {library}: only {owners:?} may", package.name));
                }
            }
        }
        for library in NOT_FOR_MODEL {
            if package.name == "baton-model" && package.dependencies.contains(library) {
                faults.push(format!("baton-model holds pure rules: it must not know {library}"));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_package_inherits_the_workspace_lints() {
    let root = read(&root().join("Cargo.toml"));
    assert!(root.contains("unsafe_code = \"deny\""), "the workspace no longer denies unsafe code");
    let missing =
        packages().into_iter().filter(|package| !read(&package.manifest).contains("[lints]\nworkspace = true"));
    none(&missing.map(|package| format!("{} lacks `[lints] workspace = true`", package.name)).collect::<Vec<_>>());
}

#[test]
fn no_source_file_is_too_long() {
    let mut faults = Vec::new();
    for file in sources() {
        let lines = read(&file).lines().count();
        if lines > LINES {
            faults.push(format!("{} has {lines} lines, at most {LINES}: divide it by noun", shown(&file)));
        }
    }
    none(&faults);
}

#[test]
fn nothing_is_left_to_be_done_and_no_test_is_left_out() {
    // Written so that this file does not hold them itself.
    let unwanted = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
    ];
    let mut faults = Vec::new();
    for file in sources() {
        for (number, line) in read(&file).lines().enumerate() {
            for word in unwanted.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{} holds `{word}`", shown(&file), number + 1));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_databases_have_the_same_migrations() {
    let folder = root().join("crates/store/migrations");
    let names = |database: &Path| -> BTreeSet<String> { entries(database).iter().map(|file| name(file)).collect() };
    let databases: Vec<PathBuf> = entries(&folder);
    assert!(databases.iter().any(|database| name(database) == "sqlite"), "there are no migrations for SQLite");
    let mut faults = Vec::new();
    for database in &databases {
        let here = names(database);
        for other in &databases {
            faults.extend(names(other).difference(&here).map(|missing| format!("{} lacks {missing}", shown(database))));
        }
        for (index, file) in here.iter().enumerate() {
            if !file.starts_with(&format!("{:04}_", index + 1)) || !file.ends_with(".sql") {
                faults.push(format!("{}/{file}: number {} is expected here", shown(database), index + 1));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read(&root().join("README.md"));
    for command in ["cargo run --release -- serve --demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

struct Package {
    name: String,
    manifest: PathBuf,
    /// Normal ones, of the house and of others.
    dependencies: BTreeSet<String>,
}

/// The packages of the workspace.
fn packages() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1"]).current_dir(root());
    let told = command.output().expect("cargo can be started").stdout;
    let metadata: Value = serde_json::from_slice(&told).expect("cargo metadata writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() >= ARROWS.len(), "cargo metadata names {} packages only", packages.len());
    packages.iter().map(package).collect()
}

fn package(told: &Value) -> Package {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let dependencies = told["dependencies"].as_array().expect("a list of dependencies").iter();
    Package {
        name: text(&told["name"]),
        manifest: text(&told["manifest_path"]).into(),
        dependencies: dependencies.filter(|one| one["kind"].is_null()).map(|one| text(&one["name"])).collect(),
    }
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates"), root().join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            if entry.is_dir() && name(&entry) != "target" {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    assert!(found.len() > ARROWS.len(), "only {} source files were found", found.len());
    found
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is two levels up")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry of a directory").path()).collect();
    entries.sort();
    entries
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn name(path: &Path) -> String {
    path.file_name().expect("a path with a name").to_string_lossy().into_owned()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
