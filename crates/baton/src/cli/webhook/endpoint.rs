//! Endpoints: adding, listing, showing, changing and removing them.

use baton_model::{
    Clock, Millis, SystemClock,
    view::Page,
    webhook::{EndpointChange, EndpointRequest, EndpointView},
};
use serde_json::value::RawValue;

use super::{Globals, refused};
use crate::{
    cli::{
        client::{Client, segment},
        print,
        text::{Table, ago, one_line},
    },
    failure::Result,
};

/// The most that one page holds.
const PAGE: &str = "1000";

/// Arguments of `baton webhook add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Where it is told: an http(s) URL
    // `url` is the server's, for every command.
    #[arg(value_name = "URL")]
    endpoint: String,
    /// Of what, as `directive.dead,directive.*` [default: directive_completed, once for each directive]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    events: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What signs: whsec_ and base64 [default: made]
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// Tell of everybody's directives; needs the scope admin, which has it by default
    #[arg(long)]
    everybody: bool,
}

/// Arguments of `baton webhook show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The endpoint, by id
    id: String,
    /// Also what signs
    #[arg(long)]
    secrets: bool,
}

/// Whether an endpoint is to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Adds an endpoint and prints its id; the secret of a new one goes to stderr, or into the JSON.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn add(args: Add, globals: &Globals) -> Result {
    let mut request = EndpointRequest::to(&args.endpoint);
    if !args.events.is_empty() {
        request.events = args.events.iter().map(|kind| kind.trim().to_owned()).collect();
    }
    request.everybody = args.everybody.then_some(true);
    (request.description, request.secret) = (args.description, args.secret);
    let answer = Client::new(globals)?.post_json("/api/webhooks", &request).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let endpoint: EndpointView = answer.read()?;
    match &endpoint.secrets {
        Some(secrets) => eprintln!("signs with {}", secrets.join(" ")),
        None => eprintln!("this URL is an endpoint already; it stays as it is"),
    }
    print(endpoint.id);
    Ok(())
}

/// Lists all endpoints.
///
/// # Errors
/// When the server is not there or refuses.
pub async fn list(globals: &Globals) -> Result {
    let client = Client::new(globals)?;
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", PAGE.to_owned())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page: Page<Box<RawValue>> = client.get("/api/webhooks", &query).await?.read()?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let items = all.iter().map(|item| item.get()).collect::<Vec<_>>().join(",");
    if globals.json {
        print(format!(r#"{{"items":[{items}],"next_cursor":null}}"#));
        return Ok(());
    }
    let endpoints: Vec<EndpointView> = all.iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect();
    if endpoints.is_empty() {
        eprintln!("there is no endpoint; `baton webhook add URL` makes one");
    } else {
        table(&endpoints, SystemClock::start().now()).print();
    }
    Ok(())
}

/// Shows one endpoint.
///
/// # Errors
/// When the server is not there or knows no such endpoint.
pub async fn show(args: Show, globals: &Globals) -> Result {
    let query: &[(&str, String)] = if args.secrets { &[("secrets", "true".to_owned())] } else { &[] };
    let answer = Client::new(globals)?.get(&path(&args.id), query).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
    } else {
        report(&answer.read()?, SystemClock::start().now()).into_iter().for_each(print);
    }
    Ok(())
}

/// Gives an endpoint a new secret and prints it.
///
/// # Errors
/// When the server is not there or knows no such endpoint.
pub async fn rotate(id: &str, globals: &Globals) -> Result {
    let answer = Client::new(globals)?.post(&format!("{}/rotate", path(id))).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let endpoint: EndpointView = answer.read()?;
    eprintln!("{} signs with this from now on, and for a day with the one before, too", endpoint.id);
    print(endpoint.secrets.unwrap_or_default().first().map_or("", String::as_str));
    Ok(())
}

/// Says whether an endpoint is to be called.
///
/// # Errors
/// When the server is not there or knows no such endpoint.
pub async fn switch(id: &str, to: Switch, globals: &Globals) -> Result {
    let change = EndpointChange { enabled: Some(to == Switch::On), ..EndpointChange::default() };
    let answer = Client::new(globals)?.patch_json(&path(id), &change).await.map_err(refused)?;
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    let endpoint: EndpointView = answer.read()?;
    print(format!("{} {}", endpoint.id, state(&endpoint)));
    Ok(())
}

/// Removes an endpoint.
///
/// # Errors
/// When the server is not there or knows no such endpoint.
pub async fn remove(id: &str, globals: &Globals) -> Result {
    let answer = Client::new(globals)?.delete(&path(id)).await.map_err(refused)?;
    print(if globals.json { answer.text } else { format!("{} is gone", one_line(id)) });
    Ok(())
}

/// The path of an endpoint.
pub fn path(id: &str) -> String {
    format!("/api/webhooks/{}", segment(id))
}

fn table(endpoints: &[EndpointView], now: Millis) -> Table {
    let mut table = Table::new(&["ID", "STATE", "PENDING", "DEAD", "DELIVERED", "EVENTS", "MADE", "URL"]);
    for endpoint in endpoints {
        table.row(vec![
            endpoint.id.clone(),
            if endpoint.enabled { "on" } else { "off" }.to_owned(),
            endpoint.pending.to_string(),
            endpoint.dead.to_string(),
            endpoint.delivered.to_string(),
            one_line(&endpoint.events.join(",")),
            ago(&endpoint.created_at, now),
            url(endpoint),
        ]);
    }
    table
}

fn report(endpoint: &EndpointView, now: Millis) -> Vec<String> {
    let mut facts = vec![
        ("id", endpoint.id.clone()),
        ("url", url(endpoint)),
        ("state", state(endpoint)),
        ("events", one_line(&endpoint.events.join(", "))),
        ("of", if endpoint.everybody { "everybody" } else { "its owner" }.to_owned()),
        ("owner", one_line(&endpoint.owner)),
        ("made", format!("{} ({})", ago(&endpoint.created_at, now), endpoint.created_at)),
        ("pending", endpoint.pending.to_string()),
        ("delivered", endpoint.delivered.to_string()),
        ("dead", endpoint.dead.to_string()),
    ];
    facts.extend(endpoint.description.iter().map(|text| ("for", one_line(text))));
    facts.extend(endpoint.secrets.iter().flatten().map(|secret| ("signs with", secret.clone())));
    facts.into_iter().map(|(name, value)| format!("{name:<12} {value}")).collect()
}

fn url(endpoint: &EndpointView) -> String {
    if endpoint.url.is_empty() { "(the URLs in directives)".to_owned() } else { one_line(&endpoint.url) }
}

fn state(endpoint: &EndpointView) -> String {
    match &endpoint.reason {
        _ if endpoint.enabled => "is called".to_owned(),
        Some(reason) => format!("is not called: {}", one_line(reason)),
        None => "is not called".to_owned(),
    }
}

/// Carries out `baton webhook secret`: one secret a line.
pub async fn secret(globals: &Globals) -> Result {
    let answer = Client::new(globals)?.get("/api/webhooks/signer", &[]).await?;
    if globals.json {
        print(answer.text);
        return Ok(());
    }
    answer.read::<EndpointView>()?.secrets.unwrap_or_default().iter().for_each(print);
    Ok(())
}
