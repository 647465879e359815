//! What a run of the CLI told on stdout, line by line (`--output-format stream-json`).

use std::{
    fmt::{self, Display, Formatter},
    fs, io,
    path::Path,
    process::ExitStatus,
};

use serde_json::Value;

/// What a run of the CLI told.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Every line of stdout that is JSON, in order; unknown types are to be expected.
    pub lines: Vec<Value>,
    /// What it said on stderr.
    pub stderr: String,
    /// How it ended; none if it had to be ended.
    pub status: Option<ExitStatus>,
}

impl Transcript {
    pub(super) fn read(stdout: &Path, stderr: &Path) -> io::Result<Self> {
        let text = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let lines = text(stdout)?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Transcript { lines, stderr: text(stderr)?, status: None })
    }

    /// The last line of the type `result`. A failure of the API comes as `subtype: "success"` with `is_error: true`.
    pub fn result(&self) -> Option<&Value> {
        self.lines.iter().rev().find(|line| line["type"] == "result")
    }

    /// The calls that the model made of one tool, in order: their arguments.
    pub fn tool_uses(&self, name: &str) -> Vec<&Value> {
        let calls = self.blocks("assistant").filter(|block| block["type"] == "tool_use" && block["name"] == name);
        calls.map(|block| &block["input"]).collect()
    }

    /// The results of tools that the CLI counted as errors.
    pub fn tool_errors(&self) -> Vec<&Value> {
        self.blocks("user").filter(|block| block["type"] == "tool_result" && block["is_error"] == true).collect()
    }

    fn blocks<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let lines = self.lines.iter().filter(move |line| line["type"] == kind);
        lines.filter_map(|line| line["message"]["content"].as_array()).flatten()
    }
}

impl Display for Transcript {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        write!(out, "stderr: {}\nstatus: {:?}", self.stderr, self.status)
    }
}
