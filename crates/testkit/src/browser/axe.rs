//! axe-core, which looks for what keeps people with disabilities out of a page.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Tab;
use crate::packages;

const VERSION: &str = "4.14.1";

/// What it finds wrong in the page as it is: each rule with the elements that break it.
///
/// # Errors
/// If it cannot be fetched or does not run.
pub async fn axe(tab: &Tab) -> Result<Vec<String>> {
    let file = packages::npm("axe-core", VERSION).await?.join("node_modules/axe-core/axe.min.js");
    let script = tokio::fs::read_to_string(&file).await.with_context(|| format!("read {}", file.display()))?;
    // The page's policy lets no foreign script in; what the debugger evaluates is not the page's.
    tab.eval(&format!("{script};0")).await?;
    let found = tab.eval("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)").await?;
    let element = |node: &Value| format!("{}: {}", node["html"], node["failureSummary"]);
    let violation = |violation: &Value| {
        let elements: Vec<_> = violation["nodes"].as_array().into_iter().flatten().map(element).collect();
        format!("{}: {}\n  {}", violation["id"], violation["help"], elements.join("\n  "))
    };
    Ok(found.as_array().context("axe answered no list")?.iter().map(violation).collect())
}
