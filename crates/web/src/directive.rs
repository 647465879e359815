//! The page of one directive: what it is, where its time went, what happened, what came of it.

mod command;
mod facts;
mod timeline;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use baton_engine::{Engine, Principal, Result};
use baton_gate::Id;
use baton_model::{
    Millis, State as Standing,
    bounds::shorten,
    view::{AttemptView, DirectiveDetail, DirectiveFilter, DirectiveView},
};
use maud::{Markup, html};

use crate::{
    overview::priorities,
    page::{Page, sorry},
    parts,
    reader::Reader,
    text::{WHOLE, ago, seconds, visible},
};

/// How many follow-ups are shown with their text.
const CHILDREN: i64 = 100;

/// A directive and those it is related to.
struct Family {
    detail: DirectiveDetail,
    parent: Option<DirectiveView>,
    children: Vec<DirectiveView>,
}

pub(crate) async fn show(State(engine): State<Engine>, Reader(who): Reader, Id(id): Id) -> Response {
    match find(&engine, &who, &id).await {
        Ok(family) => {
            let title = shorten(family.detail.directive.directive.lines().next().unwrap_or_default(), 60);
            let events = format!("/api/events?directive_id={}", family.detail.directive.directive_id);
            let main = content(&family, engine.now());
            Page { title: &title, events: &events, main, ..Page::default() }.into_response()
        }
        Err(error) => sorry(error),
    }
}

async fn find(engine: &Engine, who: &Principal, id: &str) -> Result<Family> {
    let detail = engine.directive(who, id).await?;
    let filter = DirectiveFilter { parent: Some(id.to_owned()), ..DirectiveFilter::default() };
    let children = match detail.children.is_empty() {
        true => Vec::new(),
        false => engine.directives(who, filter, CHILDREN, None).await?.items,
    };
    let parent = match &detail.directive.parent {
        // It may be forgotten already; then only its id is left.
        Some(parent) => engine.directive(who, parent).await.ok().map(|parent| parent.directive),
        None => None,
    };
    Ok(Family { detail, parent, children })
}

fn content(family: &Family, now: Millis) -> Markup {
    let Family { detail, children, .. } = family;
    let directive = &detail.directive;
    let id = &directive.directive_id;
    html! {
        p.crumbs { a href="/directives" { "Directives" } " / " code { (id) } }
        div.head #head {
            h1 { (parts::state(directive.state)) " " (parts::priority(directive.priority)) " directive" }
            div.buttons {
                (parts::actions(directive))
                @if !directive.state.is_final() { (priority(directive)) }
                a.button href={ "/api/directives/" (id) } { "Raw JSON" }
            }
        }
        pre.text #text tabindex="0" { bdi { (visible(&directive.directive, WHOLE)) } }
        (lineage(family, now))
        section #where aria-labelledby="time" {
            h2 #time { "Where the time went" }
            (timeline::split(detail, now))
        }
        (result(detail, now))
        @if !detail.attempts.is_empty() {
            section #attempts aria-labelledby="tries" {
                h2 #tries { "Attempts" }
                ol.list { @for attempt in detail.attempts.iter().rev() { (one_attempt(attempt, detail, now)) } }
            }
        }
        (transcript(detail))
        section #story aria-labelledby="happened" {
            h2 #happened { "What happened" }
            (timeline::story(detail, now))
        }
        @if !detail.follow_up_rules.is_empty() || !children.is_empty() { (follow_ups(detail, children, now)) }
        (facts::deliveries(&detail.deliveries, now))
        section #terms aria-labelledby="facts" {
            h2 #facts { "Terms" }
            (facts::terms(detail, now))
        }
        (facts::metadata("metadata", "Metadata of the submitter", &detail.metadata))
        section #command aria-labelledby="cli" {
            h2 #cli { "As a command" }
            div.copy {
                pre tabindex="0" { code #cli-text { (command::line(detail)) } }
                button.needs-js type="button" data-copy="cli-text" { "Copy" }
            }
        }
    }
}

fn priority(directive: &DirectiveView) -> Markup {
    html! {
        label.inline.needs-js { "Priority "
            select #priority data-priority=(directive.directive_id) { (priorities(directive.priority)) }
        }
    }
}

fn lineage(family: &Family, now: Millis) -> Markup {
    let directive = &family.detail.directive;
    let Some(parent) = &directive.parent else { return html! {} };
    html! {
        p #parent.facts { "Came of "
            @match &family.parent {
                Some(parent) => {
                    a href=(parts::href(&parent.directive_id)) { bdi { (visible(&parent.directive, 120)) } }
                    " " (parts::state(parent.state))
                },
                None => a href=(parts::href(parent)) { code { (parent) } },
            }
            " " (ago(&directive.created_at, now))
        }
    }
}

fn result(detail: &DirectiveDetail, now: Millis) -> Markup {
    let Some(result) = &detail.result else { return html! {} };
    let word = if result.success { "succeeded" } else { "failed" };
    html! {
        section #result aria-labelledby="came" {
            h2 #came { "Result" }
            div class={ "card outcome " (word) } {
                p.facts {
                    (parts::state(detail.directive.state))
                    span { (ago(&result.timestamp, now)) }
                    @if let Some(agent) = &result.agent { span { "by " bdi { (visible(agent, 60)) } } }
                    @if let Some(time) = result.execution_time { span { "took " (seconds(time)) " as reported" } }
                }
                @if let Some(error) = &result.error {
                    pre.error #error tabindex="0" { bdi { (visible(error, WHOLE)) } }
                }
                @if !result.result.is_empty() {
                    pre #result-text tabindex="0" { bdi { (visible(&result.result, WHOLE)) } }
                }
            }
        }
        (facts::metadata("result-metadata", "What the agent added", &result.metadata))
    }
}

fn one_attempt(attempt: &AttemptView, detail: &DirectiveDetail, now: Millis) -> Markup {
    let outcome = attempt.outcome.as_str();
    // What the last one said stands above as the result.
    let is_result = detail.result.as_ref().is_some_and(|result| result.attempt == attempt.attempt);
    html! {
        li.row id={ "attempt-" (attempt.attempt) } {
            div.what {
                p.facts {
                    b { "Attempt " (attempt.attempt) }
                    span class={ "state " (outcome) } { (outcome) }
                    span { "by " bdi { (visible(attempt.agent.as_deref().unwrap_or("an agent without a name"), 60)) } }
                    span { "handed out " (ago(&attempt.leased_at, now)) }
                    @match &attempt.ended_at {
                        Some(end) => span { "lasted " (timeline::between(&attempt.leased_at, end)) },
                        None => span { "lease ends " (ago(&attempt.lease_expires_at, now)) },
                    }
                }
                @if let Some(error) = attempt.error.as_ref().filter(|_| !is_result) {
                    pre.error tabindex="0" { bdi { (visible(error, 4_000)) } }
                }
                @if let Some(result) = attempt.result.as_ref().filter(|result| !is_result && !result.is_empty()) {
                    details id={ "said-" (attempt.attempt) } {
                        summary { "What was reported" }
                        pre tabindex="0" { bdi { (visible(result, WHOLE)) } }
                    }
                }
            }
        }
    }
}

/// The script fetches it when it is opened and follows it while the agent works.
fn transcript(detail: &DirectiveDetail) -> Markup {
    let kept = detail.result.as_ref().and_then(|result| result.metadata.get("transcript"));
    let running = detail.directive.state == Standing::Leased;
    let id = &detail.directive.directive_id;
    html! {
        @if kept.and_then(|kept| kept.as_bool()) == Some(true) || running {
            section #transcript-part aria-labelledby="transcript-title" {
                h2 #transcript-title { "Transcript" }
                details #transcript.card data-transcript={ "/api/directives/" (id) "/transcript" } {
                    summary { @if running { "What the agent is doing" } @else { "What the agent did" } }
                    p { a href={ "/api/directives/" (id) "/transcript" } { "The whole transcript" } }
                    pre #transcript-text.scroll data-keep tabindex="0" aria-label="Transcript" {}
                }
            }
        }
    }
}

fn follow_ups(detail: &DirectiveDetail, children: &[DirectiveView], now: Millis) -> Markup {
    let more = detail.children.len().saturating_sub(children.len());
    html! {
        section #follow-ups aria-labelledby="follows" {
            h2 #follows { "What came of it" }
            @if !children.is_empty() { ul.list { @for child in children.iter().rev() { (parts::row(child, now)) } } }
            @if more > 0 { p.more { "and " (more) " more" } }
            @if !detail.follow_up_rules.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Follow-up rules" {
                    table {
                        caption { "Rules" }
                        thead { tr { @for name in ["If", "then", "Priority", "Delay"] { th scope="col" { (name) } } } }
                        tbody { @for rule in &detail.follow_up_rules { tr {
                            td { code { (visible(&rule.condition, 400)) } }
                            td { bdi { (visible(&rule.next_directive, 400)) } }
                            td { (rule.priority.as_str()) }
                            td { (seconds(rule.delay_seconds)) }
                        } } }
                    }
                }
            }
        }
    }
}
