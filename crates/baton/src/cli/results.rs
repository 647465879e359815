//! `baton results`: what came of directives, newest first.

use baton_model::{Clock, SystemClock, view::ResultView};
use serde_json::value::RawValue;

use super::{
    Globals,
    client::{Answer, Client},
    print,
    text::{Table, ago, one_line, span},
};
use crate::failure::Result;

/// The most that one page holds.
const PAGE: u32 = 1000;

/// Arguments of `baton results`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many (1 to 1000)
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

/// Carries out `baton results`.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    let limit = if args.all { PAGE } else { args.limit };
    let mut answer = client.get("/api/results", &[("limit", limit.to_string())]).await?;
    if args.all {
        answer = follow(&client, answer).await?;
    }
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let results: Vec<ResultView> = answer.read()?;
    if results.is_empty() {
        eprintln!("no directive has ended yet");
        return Ok(());
    }
    table(&results).print();
    Ok(())
}

/// Joins all pages into one array, each result as the server wrote it.
async fn follow(client: &Client, first: Answer) -> Result<Answer> {
    let mut items: Vec<Box<RawValue>> = first.read()?;
    let mut next = first.next;
    while let Some(path) = next {
        let page = client.get(&path, &[]).await?;
        items.extend(page.read::<Vec<Box<RawValue>>>()?);
        next = page.next;
    }
    let items: Vec<&str> = items.iter().map(|item| item.get()).collect();
    Ok(Answer { text: format!("[{}]", items.join(",")), next: None })
}

fn table(results: &[ResultView]) -> Table {
    let now = SystemClock::start().now();
    let mut table = Table::new(&["DIRECTIVE", "OUTCOME", "ENDED", "TOOK", "AGENT", "RESULT"]);
    for result in results {
        let (outcome, told) = match (&result.error, result.success) {
            (_, true) => (console::style("done").green(), &result.result),
            (Some(error), false) if !error.trim().is_empty() => (console::style("failed").red(), error),
            (_, false) => (console::style("failed").red(), &result.result),
        };
        table.row(vec![
            result.directive_id.clone(),
            outcome.to_string(),
            ago(&result.timestamp, now),
            result.execution_time.map_or("-".to_owned(), span),
            result.agent.as_deref().map_or("-".to_owned(), one_line),
            one_line(told),
        ]);
    }
    table
}
