//! `baton token`: who may call.

mod direct;

use baton_model::{
    Clock, Millis, SystemClock,
    principal::{Scope, Scopes, TokenMade, TokenRequest, TokenView},
    view::Page,
};
use clap::Subcommand;
use direct::Direct;
use reqwest::StatusCode;

use super::{
    Globals,
    client::{Client, Trouble, segment},
    print, print_json,
    text::{Table, ago, one_line, read_seconds},
};
use crate::{
    data_dir,
    failure::{Failure, Result},
};

/// Arguments of `baton token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Where no server runs on the data directory these commands work on its database.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a token; prints it, this once
    Create(Create),
    /// List tokens, oldest first
    List,
    /// Let a token in no more
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Whose it is: the owner of what is made with it
    principal: String,
    /// What it lets do: admin, submit, work or read; may be repeated
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_delimiter = ',', value_parser = read_scope)]
    scopes: Vec<Scope>,
    /// How long it is valid: seconds, or a span as `90d` [default: for ever]
    #[arg(long, value_name = "SPAN", value_parser = read_seconds, allow_negative_numbers = true)]
    expires: Option<f64>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The token, by id (`baton token list`); not the token itself
    id: String,
}

/// Carries out `baton token`.
///
/// # Errors
/// When the server refuses, or, without one, the database cannot be used.
pub async fn run(args: Args, globals: &Globals) -> Result {
    match args.verb {
        Verb::Create(args) => create(args, globals).await,
        Verb::List => list(globals).await,
        Verb::Revoke(args) => revoke(&args.id, globals).await,
    }
}

/// Who answers.
enum Office {
    Server(Client),
    Database(Direct),
}

impl Office {
    fn open(globals: &Globals) -> Result<Self> {
        if globals.url.is_none() {
            let dir = data_dir::locate(globals.data_dir.as_deref())?;
            if data_dir::running(&dir).is_none() {
                return Ok(Office::Database(Direct::open(dir, globals)?));
            }
        }
        Ok(Office::Server(Client::new(globals)?))
    }
}

async fn create(args: Create, globals: &Globals) -> Result {
    let request = TokenRequest {
        principal: args.principal,
        scopes: args.scopes.into_iter().collect(),
        description: args.description,
        expires_in_seconds: args.expires,
    };
    let made: TokenMade = match Office::open(globals)? {
        Office::Server(client) => client.post_json("/api/tokens", &request).await?.read()?,
        Office::Database(direct) => direct.create(request).await?,
    };
    if globals.json {
        print_json(&made);
        return Ok(());
    }
    let view = &made.view;
    let end = view.expires_at.as_ref().map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
    eprintln!(
        "This token of {} may {} {end}, and is shown this once; `baton token revoke {}` takes it back.",
        one_line(&view.principal),
        words(view.scopes),
        view.id
    );
    print(&made.token);
    Ok(())
}

async fn list(globals: &Globals) -> Result {
    let page: Page<TokenView> = match Office::open(globals)? {
        Office::Server(client) => client.get("/api/tokens", &[]).await?.read()?,
        Office::Database(direct) => Page { items: direct.list().await?, next_cursor: None },
    };
    if globals.json {
        print_json(&page);
    } else if page.items.is_empty() {
        eprintln!("there is no token; `baton token create NAME --scope submit` makes one");
    } else {
        table(&page.items, SystemClock::start().now()).print();
    }
    Ok(())
}

async fn revoke(id: &str, globals: &Globals) -> Result {
    let revoked: TokenView = match Office::open(globals)? {
        Office::Server(client) => {
            client.delete(&format!("/api/tokens/{}", segment(id))).await.map_err(unknown)?.read()?
        }
        Office::Database(direct) => direct.revoke(id).await?,
    };
    if globals.json {
        print_json(&revoked);
    } else {
        print(format!("{} of {} is let in no more", revoked.id, one_line(&revoked.principal)));
    }
    Ok(())
}

/// A refusal with the command that helps, where the id was wrong.
fn unknown(trouble: Trouble) -> Failure {
    let is_unknown = matches!(&trouble, Trouble::Refused(problem) if problem.status == StatusCode::NOT_FOUND);
    let failure = trouble.into_failure();
    if is_unknown { failure.next("`baton token list` shows the ids") } else { failure }
}

fn table(tokens: &[TokenView], now: Millis) -> Table {
    let mut table = Table::new(&["ID", "STATE", "OF", "SCOPES", "MADE", "LAST USED", "FOR"]);
    for token in tokens {
        let state = match (&token.revoked_at, &token.expires_at) {
            (Some(at), _) => format!("revoked {}", ago(at, now)),
            (None, Some(at)) if token.valid => format!("ends {}", ago(at, now)),
            (None, Some(at)) => format!("ended {}", ago(at, now)),
            (None, None) => "valid".to_owned(),
        };
        table.row(vec![
            token.id.clone(),
            state,
            one_line(&token.principal),
            words(token.scopes),
            ago(&token.created_at, now),
            token.last_used_at.as_deref().map_or("never".to_owned(), |at| ago(at, now)),
            token.description.as_deref().map_or("-".to_owned(), one_line),
        ]);
    }
    table
}

fn words(scopes: Scopes) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(",")
}

fn read_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text.trim()).ok_or_else(|| "use admin, submit, work or read".to_owned())
}
