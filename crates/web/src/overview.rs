//! The first page: is it well, what needs me, what waits, what came of it, how do I connect an agent.

mod add;
mod chart;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use baton_engine::{Engine, queue::Overview};
use baton_model::{
    Millis,
    view::{DirectiveView, QueueStatus},
};
use http::HeaderMap;
use maud::{Markup, html};

pub(crate) use add::priorities;

use crate::{
    page::{Page, host, sorry},
    parts,
    reader::Reader,
};

/// How many directives of each state, and how many results, are shown.
const SHOWN: i64 = 10;

pub(crate) async fn show(State(engine): State<Engine>, Reader(who): Reader, headers: HeaderMap) -> Response {
    match engine.overview(&who, SHOWN).await {
        Ok(overview) => {
            let main = content(&overview, host(&headers), engine.now());
            Page { title: "Overview", at: "/", main, ..Page::default() }.into_response()
        }
        Err(error) => sorry(error),
    }
}

fn content(overview: &Overview, host: &str, now: Millis) -> Markup {
    let Overview { queue, leased, queued, scheduled, waiting, in_need, results, throughput, .. } = overview;
    let none_open = [leased, queued, scheduled, waiting].iter().all(|list| list.is_empty());
    let new_here = none_open && results.is_empty();
    let due = queue.pending_directives - queue.scheduled_directives;
    let not_due = queue.scheduled_directives - count(waiting);
    html! {
        h1.sr { "Overview" }
        (counts(overview))
        (switch(queue))
        section #needs-attention hidden[in_need.is_empty()] aria-labelledby="attention" {
            h2 #attention { "Needs attention" }
            p.hint { "Failed within the last day, and nothing has come of it." }
            ul.list { @for directive in in_need { (need(directive, now)) } }
        }
        section #work aria-labelledby="throughput" {
            h2 #throughput { "Results of the last hour" }
            (chart::chart(throughput))
        }
        (add::form(new_here))
        section #open aria-labelledby="queue" {
            h2 #queue { "Queue" }
            p #open-none.none hidden[!none_open] { "Nothing waits and nobody is at work." }
            (group("leased", "At work", "leased", leased, queue.active_directives, now))
            (group("queued", "Due, the next first", "queued", queued, due, now))
            (group("scheduled", "Not due yet", "scheduled", scheduled, not_due, now))
            (group("waiting", "Waiting for others", "waiting", waiting, count(waiting), now))
        }
        section #results aria-labelledby="latest" {
            h2 #latest { "Latest results" }
            @if results.is_empty() {
                p #results-none.none { "No directive has ended yet." }
            } @else {
                ul.list { @for result in results { (parts::ended(result, now)) } }
                p.more {
                    a href="/directives?state=completed" { "All completed" } " · "
                    a href="/directives?state=failed" { "All failed" }
                }
            }
        }
        (connect(host, queue.is_monitoring, new_here))
    }
}

fn count(list: &[DirectiveView]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

fn counts(overview: &Overview) -> Markup {
    let (queue, analytics) = (&overview.queue, &overview.analytics);
    let due = queue.pending_directives - queue.scheduled_directives;
    let rate = (analytics.total_completed > 0).then(|| (analytics.success_rate * 1000.0).floor() / 10.0);
    html! {
        dl.counts #counts {
            div { dt { "Due" } dd { (due) } }
            div { dt { "Scheduled" } dd { (queue.scheduled_directives) } }
            div { dt { "At work" } dd { (queue.active_directives) } }
            div { dt { "Ended" } dd { (queue.completed_directives) } }
            div { dt { "Succeeded" } dd { @match rate { Some(rate) => { (rate) " %" }, None => "–" } } }
            div { dt { "Agents waiting" } dd { (queue.waiting_polls) } }
        }
        // Read out, at most every few seconds, by the page's script.
        p #summary hidden { (due) " due, " (queue.active_directives) " at work, " (queue.completed_directives) " ended" }
    }
}

fn switch(queue: &QueueStatus) -> Markup {
    let (state, told, what, word) = match queue.is_monitoring {
        true => ("on", "Agents are handed work.", "stop_monitoring", "Stop"),
        false => {
            ("off", "Agents that poll are told to stop; nothing is handed out to them.", "start_monitoring", "Start")
        }
    };
    html! {
        p #switch class={ "switch " (state) } {
            span.lamp aria-hidden="true" {}
            span { b { "Monitoring is " (state) ". " } (told) }
            button #monitoring.needs-js type="button" data-do=(what) { (word) " monitoring" }
        }
    }
}

fn need(directive: &DirectiveView, now: Millis) -> Markup {
    // The same row may stand among the results; an id of its own keeps them apart.
    let row = parts::row(directive, now).into_string();
    maud::PreEscaped(row.replacen("id=\"d-", "id=\"n-", 1))
}

fn group(id: &str, title: &str, state: &str, list: &[DirectiveView], all: i64, now: Millis) -> Markup {
    html! {
        div.group id={ "group-" (id) } hidden[list.is_empty()] {
            h3 { (title) " " span.n { (all.max(count(list))) } }
            ul.list { @for directive in list { (parts::row(directive, now)) } }
            @if all > count(list) { p.more { a href={ "/directives?state=" (state) } { "All of them" } } }
        }
    }
}

fn connect(host: &str, monitoring: bool, open: bool) -> Markup {
    html! {
        details #connect.card open[open] {
            summary { h2 { "Connect an agent" } }
            p { "Claude Code, in a terminal:" }
            pre tabindex="0" { code { "claude mcp add --transport http baton http://" (host) "/mcp" } }
            p { "Then ask it: " q { "Start monitoring for directives and carry them out." } }
            p { "Or let this machine work through the queue by itself: " code { "baton worker --agent claude" } }
            @if !monitoring {
                p { "Agents are told to stop until monitoring is started. One that follows the prompt above starts it." }
            }
            p { "From a terminal, something to do:" }
            pre tabindex="0" { code { "baton directive add \"Summarise yesterday's error log\"" } }
        }
    }
}
