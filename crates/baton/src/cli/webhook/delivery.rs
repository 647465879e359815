//! Deliveries: trying an endpoint out, looking at what became of messages, and sending them again.

use std::time::Duration;

use baton_model::{
    Clock, Millis, SystemClock,
    bounds::shorten,
    view::Page,
    webhook::{DeliveryState, DeliveryView},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Globals, endpoint::path, refused};
use crate::{
    cli::{
        client::{Answer, Client, segment},
        print,
        text::{Table, ago, count, one_line},
    },
    failure::{Failure, Result},
};

/// How often a delivery that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long it is waited for, in milliseconds: longer than the longest call that an operator may allow.
const PATIENCE: Millis = 360_000;
/// How much of an answer is quoted, in characters.
const EXCERPT: usize = 400;

/// Arguments of `baton webhook test`.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// The endpoint, by id
    id: String,
    /// Wait until it was tried and tell what came of it
    #[arg(long)]
    wait: bool,
}

/// Arguments of `baton webhook replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The endpoint, by id
    id: String,
    /// Only this delivery, however it ended
    #[arg(long, value_name = "ID", conflicts_with_all = ["since", "until", "all"])]
    delivery: Option<String>,
    /// Only what was made then or later, as 2026-11-20T09:00:00+01:00
    #[arg(long, value_name = "MOMENT")]
    since: Option<String>,
    /// Only what was made before
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Also what was delivered
    #[arg(long)]
    all: bool,
}

/// Arguments of `baton webhook deliveries`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// The endpoint, by id
    id: String,
    /// Only those that are pending, delivered or dead
    #[arg(long)]
    state: Option<String>,
    /// How many (1 to 1000)
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// Go on from the `next_cursor` of a page before
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    delivery_id: String,
}

#[derive(Deserialize)]
struct Replayed {
    replayed: i64,
}

/// Sends a test and prints the delivery's id, or what came of it.
///
/// # Errors
/// When the server is not there or refuses, or, with `--wait`, when the endpoint did not take it.
pub async fn test(args: Test, globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    let answer = client.post(&format!("{}/test", path(&args.id))).await.map_err(refused)?;
    let sent: Sent = answer.read()?;
    if !args.wait {
        print(if globals.json { answer.text } else { sent.delivery_id });
        return Ok(());
    }
    let (answer, delivery) = outcome(&client, &sent.delivery_id).await?;
    if globals.json {
        print(answer.text);
    }
    if delivery.state == DeliveryState::Delivered {
        if !globals.json {
            print(format!("{} delivered: {}", delivery.id, told(&delivery)));
        }
        return Ok(());
    }
    let failure =
        Failure::failed(format!("{} did not take it", one_line(&delivery.url))).because(match &delivery.answer {
            Some(answer) if !answer.trim().is_empty() => {
                format!("{}\n{}", told(&delivery), shorten(&one_line(answer), EXCERPT))
            }
            _ => told(&delivery),
        });
    Err(match &delivery.next_at {
        Some(at) => failure.next(format!("nothing: it is tried again at {at}")),
        None => failure.next(format!("`baton webhook replay {} --delivery {}` tries it again", args.id, delivery.id)),
    })
}

/// The delivery as it stands after its first attempt.
async fn outcome(client: &Client, id: &str) -> Result<(Answer, DeliveryView)> {
    let clock = SystemClock::start();
    let begun = clock.steady();
    loop {
        let answer = client.get(&format!("/api/deliveries/{}", segment(id)), &[]).await.map_err(refused)?;
        let delivery: DeliveryView = answer.read()?;
        if delivery.attempts > 0 || delivery.state != DeliveryState::Pending {
            return Ok((answer, delivery));
        }
        if clock.steady() - begun > PATIENCE {
            return Err(Failure::failed(format!("delivery {id} was not tried yet"))
                .because("other messages to this endpoint are slow")
                .next("`baton webhook deliveries ID --state pending` shows them"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Delivers again and says how many.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn replay(args: Replay, globals: &Globals) -> Result {
    let mut body = Map::new();
    for (name, value) in [("delivery_id", args.delivery), ("since", args.since), ("until", args.until)] {
        body.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    }
    if args.all {
        body.insert("all".to_owned(), Value::from(true));
    }
    let path = format!("{}/replay", path(&args.id));
    let answer = Client::new(globals)?.post_json(&path, &body).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
    } else {
        let replayed = answer.read::<Replayed>()?.replayed;
        print(match replayed {
            1 => "1 delivery is made again".to_owned(),
            more => format!("{more} deliveries are made again"),
        });
    }
    Ok(())
}

/// Lists deliveries.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn list(args: List, globals: &Globals) -> Result {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.state.map(|state| ("state", state)));
    query.extend(args.cursor.map(|cursor| ("cursor", cursor)));
    let answer = Client::new(globals)?.get(&format!("{}/deliveries", path(&args.id)), &query).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let page: Page<DeliveryView> = answer.read()?;
    if page.items.is_empty() {
        eprintln!("no delivery fits");
        return Ok(());
    }
    table(&page.items, SystemClock::start().now()).print();
    if let Some(cursor) = page.next_cursor {
        eprintln!("there are more: --cursor {cursor}");
    }
    Ok(())
}

fn table(deliveries: &[DeliveryView], now: Millis) -> Table {
    let mut table = Table::new(&["ID", "STATE", "EVENT", "MADE", "NEXT", "DIRECTIVE", "OUTCOME"]);
    for delivery in deliveries {
        table.row(vec![
            delivery.id.clone(),
            delivery.state.as_str().to_owned(),
            one_line(&delivery.event),
            ago(&delivery.created_at, now),
            delivery.next_at.as_deref().map_or("-".to_owned(), |at| ago(at, now)),
            delivery.directive_id.clone().unwrap_or_else(|| "-".to_owned()),
            told(delivery),
        ]);
    }
    table
}

/// What came of the attempts, in words.
fn told(delivery: &DeliveryView) -> String {
    let outcome = match (&delivery.error, delivery.status) {
        (Some(error), _) => one_line(error),
        (None, Some(status)) => format!("answered {status}"),
        (None, None) => return "not tried yet".to_owned(),
    };
    format!("{outcome} ({})", count(delivery.attempts, "attempt"))
}
