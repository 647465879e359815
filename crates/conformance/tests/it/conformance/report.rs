//! What the suite found: a directory for each scenario, with its checks.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use serde_json::Value;

/// A scenario's directory ends in the time of its run: `-2026-07-28T12-15-41-543Z`.
const TIME: usize = 25;

/// The scenarios of one run, by name.
#[derive(Debug)]
pub struct Report {
    /// Those that count for conformance.
    pub scored: BTreeMap<String, Checks>,
    /// Those of extensions, and newer than the revision's requirements.
    pub others: BTreeMap<String, Checks>,
}

/// The checks of a scenario: status and id.
type Checks = Vec<(String, String)>;

impl Report {
    /// Reads the directory that the suite wrote, and in what it said which scenarios do not count.
    pub fn read(out: &Path, said: &str) -> Self {
        let unscored: Vec<&str> = said
            .lines()
            .skip_while(|line| !line.starts_with("Not scored for "))
            .filter_map(|line| line.trim().split_once(' ')?.1.split_once(" ("))
            .map(|(name, _)| name)
            .collect();
        let scenarios: BTreeMap<String, Checks> = fs::read_dir(out)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let directory = entry.file_name().into_string().unwrap();
                let name = directory.strip_prefix("server-").unwrap();
                (name[..name.len() - TIME].to_owned(), checks(&entry.path()))
            })
            .collect();
        let (others, scored) = scenarios.into_iter().partition(|(name, _)| unscored.contains(&name.as_str()));
        Report { scored, others }
    }

    /// Every check that failed or was warned of. `SKIPPED` and `INFO` are neither.
    pub fn faults(&self) -> Vec<String> {
        let checks =
            self.scored.iter().chain(&self.others).flat_map(|(name, checks)| checks.iter().map(move |one| (name, one)));
        let faults = checks.filter(|(_, (status, _))| matches!(status.as_str(), "FAILURE" | "WARNING"));
        faults.map(|(name, (status, id))| format!("{name}: {status} {id}")).collect()
    }
}

fn checks(scenario: &Path) -> Checks {
    let told: Value = serde_json::from_slice(&fs::read(scenario.join("checks.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.as_array().unwrap().iter().map(|check| (text(&check["status"]), text(&check["id"]))).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, scenarios) in [("scored", &self.scored), ("; not scored", &self.others)] {
            let count = |wanted| scenarios.values().flatten().filter(|(status, _)| status == wanted).count();
            write!(
                f,
                "{what}: {} scenarios, {} checks passed, {} failed, {} warned, {} skipped",
                scenarios.len(),
                count("SUCCESS"),
                count("FAILURE"),
                count("WARNING"),
                count("SKIPPED")
            )?;
        }
        Ok(())
    }
}
