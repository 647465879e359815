//! `baton generate WHAT`: files that are made from the code and kept in the repository, so that CI sees them change.

use clap::ValueEnum;

use crate::{config, failure::Result};

/// Arguments of `baton generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The OpenAPI description of the REST interface
    Openapi,
    /// The MCP tools with their schemas
    Tools,
    /// The JSON Schema of `baton.toml`
    ConfigSchema,
}

/// Prints one of them.
pub fn run(args: Args) -> Result {
    match args.what {
        What::Openapi => super::print_json(&baton_rest::openapi()),
        What::Tools => super::print_json(&baton_mcp::tool_list()),
        What::ConfigSchema => super::print_json(&config::schema()),
    }
    Ok(())
}
