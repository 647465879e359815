//! What is wrong with the settings, and where.

use std::{fmt, path::PathBuf};

use serde::Serializer;

use crate::failure::Failure;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere: it is built in.
    Default,
    /// In a file, at a line from 1.
    File(PathBuf, usize),
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// For JSON: the same text that people read.
pub fn as_text<S: Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// What, and what would be right.
    pub detail: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// A single one.
    pub fn one(origin: &Origin, detail: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(origin, detail);
        problems
    }

    /// Notes one more.
    pub fn add(&mut self, origin: &Origin, detail: impl Into<String>) {
        self.0.push(Problem { origin: origin.clone(), detail: detail.into() });
    }

    /// `Ok` when nothing was found; otherwise all of it, file by file and line by line.
    pub fn into_result(mut self) -> Result<(), Problems> {
        self.0.sort_by(|a, b| a.origin.cmp(&b.origin));
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { origin, detail }) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{origin}: {detail}")?;
        }
        Ok(())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Failure::config("the settings cannot be used")
            .because(&problems)
            .next("mend them and try `baton config validate`; `baton config schema` describes every key")
    }
}
