//! Claude Code in the cache: found there, or put there by npm.

use std::path::PathBuf;

use anyhow::Result;

use crate::packages;

/// The version that the tests are written for.
pub const VERSION: &str = "2.1.328";
const PACKAGE: &str = "@anthropic-ai/claude-code";

/// The program, installed if need be.
pub(super) async fn program() -> Result<PathBuf> {
    Ok(packages::npm(PACKAGE, VERSION).await?.join("node_modules/.bin/claude"))
}
