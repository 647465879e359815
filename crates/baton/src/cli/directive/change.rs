//! `baton directive cancel | retry | priority`: one change of each directive that is named.

use baton_model::view::Changed;
use serde_json::json;

use super::Globals;
use crate::{
    cli::{
        client::{Answer, Client, segment},
        print,
    },
    failure::Result,
};

/// The directives to change.
#[derive(Debug, clap::Args)]
pub struct Ids {
    /// Directives, by id
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Arguments of `baton directive priority`.
#[derive(Debug, clap::Args)]
pub struct Priority {
    /// urgent, high, medium or low
    priority: String,
    #[command(flatten)]
    ids: Ids,
}

/// Cancels or retries, in the order given, until one is refused.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn run(verb: &str, args: Ids, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    for id in &args.ids {
        let answer = client.post(&format!("/api/directives/{}/{verb}", segment(id))).await?;
        show(&answer, id, globals)?;
    }
    Ok(())
}

/// Changes how urgent they are, in the order given, until one is refused.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn set_priority(args: Priority, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    for id in &args.ids.ids {
        let path = format!("/api/directives/{}/priority", segment(id));
        let answer = client.post_json(&path, &json!({"priority": args.priority})).await?;
        show(&answer, id, globals)?;
    }
    Ok(())
}

fn show(answer: &Answer, id: &str, globals: &Globals) -> Result {
    if globals.json {
        print(&answer.text);
        return Ok(());
    }
    let changed: Changed = answer.read()?;
    match changed.directive_id == id {
        true => print(format!("{id} {}", changed.state.as_str())),
        false => print(format!("{} {} (again what {id} was)", changed.directive_id, changed.state.as_str())),
    }
    Ok(())
}
