//! All directives, newest first, narrowed to what is asked for.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use baton_engine::{Engine, Principal, Result};
use baton_gate::{Input, Problem, Query};
use baton_model::{
    Priority, State as Standing,
    view::{DirectiveFilter, DirectiveView, Page as List},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    page::{Page, refused, sorry},
    parts,
    reader::Reader,
};

/// Length of a page.
const LIMIT: i64 = 50;

/// What a browser sends of the filter's form: fields that nobody filled in are empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    cursor: String,
}

impl Input for Asked {}

pub(crate) async fn show(
    State(engine): State<Engine>,
    Reader(who): Reader,
    asked: std::result::Result<Query<Asked>, Problem>,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return refused(StatusCode::BAD_REQUEST, "The address asks for something twice. Start again from the list.");
    };
    match find(&engine, &who, &asked).await {
        Ok(found) => {
            let main = content(&asked, &found, engine.now());
            Page { title: "Directives", at: "/directives", searched: &asked.q, main, ..Page::default() }.into_response()
        }
        Err(error) => sorry(error),
    }
}

/// What cannot be a filter (an unknown word in the address) finds nothing.
async fn find(engine: &Engine, who: &Principal, asked: &Asked) -> Result<List<DirectiveView>> {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let state = given(&asked.state).map(|word| Standing::parse(&word));
    let priority = given(&asked.priority).map(|word| Priority::parse(&word));
    if state == Some(None) || priority == Some(None) {
        return Ok(List { items: Vec::new(), next_cursor: None });
    }
    let filter = DirectiveFilter {
        state: state.flatten(),
        priority: priority.flatten(),
        tag: given(&asked.tag),
        ..DirectiveFilter::default()
    };
    let cursor = given(&asked.cursor);
    match given(&asked.q) {
        Some(text) => engine.search(who, filter, &text, LIMIT, cursor.as_deref()).await,
        None => engine.directives(who, filter, LIMIT, cursor.as_deref()).await,
    }
}

fn content(asked: &Asked, found: &List<DirectiveView>, now: baton_model::Millis) -> Markup {
    let narrowed = [&asked.q, &asked.state, &asked.priority, &asked.tag].iter().any(|text| !text.trim().is_empty());
    html! {
        h1 { "Directives" }
        form.filter #filter action="/directives" data-keep {
            p.field {
                label for="filter-q" { "Text or id" }
                input #filter-q type="search" name="q" value=(asked.q);
            }
            (choice("state", "State", &asked.state, &Standing::ALL.map(Standing::as_str)))
            (choice("priority", "Priority", &asked.priority, &Priority::ALL.map(Priority::as_str)))
            p.field {
                label for="filter-tag" { "Tag" }
                input #filter-tag type="text" name="tag" value=(asked.tag);
            }
            p.buttons {
                button.primary { "Show" }
                @if narrowed { a href="/directives" { "Everything" } }
            }
        }
        @if found.items.is_empty() {
            p.none { @if narrowed { "Nothing fits." } @else { "There is no directive yet." } }
        } @else {
            ul.list #list { @for directive in &found.items { (parts::row(directive, now)) } }
        }
        p.more #pages {
            @if !asked.cursor.is_empty() { a href=(address(asked, None)) { "Newest" } " " }
            @if let Some(cursor) = &found.next_cursor { a rel="next" href=(address(asked, Some(cursor))) { "Older" } }
        }
    }
}

fn choice(name: &str, label: &str, chosen: &str, words: &[&str]) -> Markup {
    html! {
        p.field {
            label for={ "filter-" (name) } { (label) }
            select id={ "filter-" (name) } name=(name) {
                option value="" { "any" }
                @for word in words { option value=(word) selected[*word == chosen] { (word) } }
            }
        }
    }
}

fn address(asked: &Asked, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let fields = [("q", &asked.q), ("state", &asked.state), ("priority", &asked.priority), ("tag", &asked.tag)];
    query.extend_pairs(fields.into_iter().filter(|(_, text)| !text.is_empty()));
    query.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
    format!("/directives?{}", query.finish())
}
