//! `baton directive list`.

use baton_model::{
    Clock, Millis, SystemClock,
    view::{DirectiveView, Page},
};
use serde_json::value::RawValue;

use super::Globals;
use crate::{
    cli::{
        client::{Answer, Client},
        print,
        text::{Table, ago, one_line, priority, state},
    },
    failure::Result,
};

/// The most that one page holds.
const PAGE: u32 = 1000;

/// Arguments of `baton directive list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that are waiting, scheduled, queued, leased, completed, failed, dead or cancelled
    #[arg(long)]
    state: Option<String>,
    /// Only those of this priority
    #[arg(long)]
    priority: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only those that came of this one
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// How many (1 to 1000)
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// Go on from the `next_cursor` of a page before
    #[arg(long)]
    cursor: Option<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    all: bool,
}

/// Prints the directives that fit, newest first.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    let limit = if args.all { PAGE } else { args.limit };
    let all = args.all;
    let mut query = vec![("limit", limit.to_string())];
    for (name, value) in [
        ("state", args.state),
        ("priority", args.priority),
        ("tag", args.tag),
        ("parent", args.parent),
        ("cursor", args.cursor),
    ] {
        query.extend(value.map(|value| (name, value)));
    }
    let mut answer = client.get("/api/directives", &query).await?;
    if all {
        answer = follow(&client, query, answer).await?;
    }
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let page: Page<DirectiveView> = answer.read()?;
    if page.items.is_empty() {
        eprintln!("no directive fits");
        return Ok(());
    }
    table(&page.items, SystemClock::start().now()).print();
    if let Some(cursor) = page.next_cursor {
        eprintln!("there are more: --all, or --cursor {cursor}");
    }
    Ok(())
}

/// Joins all pages into one, each directive as the server wrote it.
async fn follow(client: &Client, mut query: Vec<(&str, String)>, first: Answer) -> Result<Answer> {
    let mut page: Page<Box<RawValue>> = first.read()?;
    let mut items = std::mem::take(&mut page.items);
    while let Some(cursor) = page.next_cursor {
        query.retain(|(name, _)| *name != "cursor");
        query.push(("cursor", cursor));
        page = client.get("/api/directives", &query).await?.read()?;
        items.append(&mut page.items);
    }
    let items: Vec<&str> = items.iter().map(|item| item.get()).collect();
    Ok(Answer { text: format!(r#"{{"items":[{}],"next_cursor":null}}"#, items.join(",")), next: None })
}

fn table(directives: &[DirectiveView], now: Millis) -> Table {
    let mut table = Table::new(&["ID", "STATE", "PRIORITY", "ADDED", "TRIES", "AGENT", "DIRECTIVE"]);
    for directive in directives {
        let agent = directive.leased_by.as_ref().or(directive.agent.as_ref());
        table.row(vec![
            directive.directive_id.clone(),
            state(directive.state),
            priority(directive.priority),
            ago(&directive.created_at, now),
            directive.attempt.to_string(),
            agent.map_or("-".to_owned(), |agent| one_line(agent)),
            one_line(&directive.directive),
        ]);
    }
    table
}
