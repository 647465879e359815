//! The first page: is it well, what waits, what came of it, how do I connect an agent.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use baton_engine::{Engine, Principal, Result};
use baton_gate::{Caller, Problem};
use baton_model::{
    State as Standing,
    view::{DirectiveFilter, DirectiveView, QueueStatus, ResultView},
};
use http::{HeaderMap, header::HOST};
use maud::{Markup, html};

use crate::page::{moment, page, visible};

/// How many directives of each state, and how many results, are shown.
const SHOWN: i64 = 20;
/// How much of a text is shown, in characters.
const TEXT: usize = 400;

pub(crate) async fn show(State(engine): State<Engine>, Caller(who): Caller, headers: HeaderMap) -> Response {
    // The guard has let this host in.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8000");
    match content(&engine, &who, host).await {
        Ok(main) => page("Overview", &main),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn content(engine: &Engine, who: &Principal, host: &str) -> Result<Markup> {
    let queue = engine.queue_status(who).await?;
    let mut open = Vec::new();
    for state in [Standing::Leased, Standing::Queued, Standing::Scheduled, Standing::Waiting] {
        let filter = DirectiveFilter { state: Some(state), ..DirectiveFilter::default() };
        open.extend(engine.directives(who, filter, SHOWN, None).await?.items);
    }
    let results = engine.results(who, SHOWN, None).await?.items;
    Ok(html! {
        h1 .sr { "Overview" }
        (counts(&queue))
        @let new_here = open.is_empty() && results.is_empty();
        @if new_here { (connect(host, queue.is_monitoring)) }
        section aria-labelledby="open" {
            h2 #open { "To do" }
            @if open.is_empty() {
                p.none { "Nothing waits and nobody is at work." }
            } @else {
                ul.list { @for directive in &open { (open_directive(directive)) } }
            }
            @let more = queue.pending_directives + queue.active_directives - i64::try_from(open.len()).unwrap_or(0);
            @if more > 0 { p.none { "and " (more) " more" } }
        }
        section aria-labelledby="results" {
            h2 #results { "Results" }
            @if results.is_empty() {
                p.none { "No directive has ended yet." }
            } @else {
                ul.list { @for result in &results { (ended(result)) } }
            }
        }
        @if !new_here { (connect(host, queue.is_monitoring)) }
    })
}

fn counts(queue: &QueueStatus) -> Markup {
    let switch = if queue.is_monitoring { "on" } else { "off" };
    html! {
        dl.counts {
            div { dt { "Monitoring" } dd class=(switch) { (switch) } }
            div { dt { "Waiting" } dd { (queue.pending_directives) }
                @if queue.scheduled_directives > 0 { dd.small { (queue.scheduled_directives) " not due yet" } } }
            div { dt { "At work" } dd { (queue.active_directives) } }
            div { dt { "Ended" } dd { (queue.completed_directives) } }
            div { dt { "Agents waiting" } dd { (queue.waiting_polls) } }
        }
    }
}

fn connect(host: &str, monitoring: bool) -> Markup {
    html! {
        section.connect aria-labelledby="connect" {
            h2 #connect { "Connect an agent" }
            @if !monitoring {
                p { "Agents are told to stop until monitoring is started. An agent that follows the prompt below starts it." }
            }
            p { "Claude Code, in a terminal:" }
            pre { code { "claude mcp add --transport http baton http://" (host) "/mcp" } }
            p { "Then ask it: " q { "Start monitoring for directives and carry them out." } }
            p { "Give it something to do:" }
            pre { code { "baton directive add \"Summarise yesterday's error log\"" } }
        }
    }
}

fn open_directive(directive: &DirectiveView) -> Markup {
    html! {
        li {
            p.text { bdi { (visible(&directive.directive, TEXT)) } }
            p.facts {
                span class={ "state " (directive.state.as_str()) } { (directive.state.as_str()) }
                (facts(directive.priority.as_str(), &directive.tags, directive.leased_by.as_deref()))
                @if directive.attempt > 1 { span { "attempt " (directive.attempt) } }
                @if directive.state == Standing::Scheduled { span { "due " (moment(&directive.due_at)) } }
                @else { span { "since " (moment(&directive.created_at)) } }
                (identity(&directive.directive_id))
            }
        }
    }
}

fn ended(result: &ResultView) -> Markup {
    let (class, word) = if result.success { ("completed", "completed") } else { ("failed", "failed") };
    html! {
        li {
            p.text { bdi { (visible(&result.directive, TEXT)) } }
            p.result { bdi { (visible(&result.result, TEXT)) } }
            @if let Some(error) = &result.error { p.error { bdi { (visible(error, TEXT)) } } }
            p.facts {
                span class={ "state " (class) } { (word) }
                (facts(result.priority.as_str(), &result.tags, result.agent.as_deref()))
                @if let Some(seconds) = result.execution_time { span { (seconds) " s" } }
                (moment(&result.timestamp))
                (identity(&result.directive_id))
            }
        }
    }
}

fn facts(priority: &str, tags: &[String], agent: Option<&str>) -> Markup {
    html! {
        span class={ "priority " (priority) } { (priority) }
        @for tag in tags { span.tag { bdi { (visible(tag, 40)) } } }
        @if let Some(agent) = agent { span { "by " bdi { (visible(agent, 40)) } } }
    }
}

fn identity(id: &str) -> Markup {
    html! { a.id href={ "/api/directives/" (id) } { (id) } }
}
