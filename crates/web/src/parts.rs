//! Pieces that several pages are made of.

use baton_model::{
    Millis, Priority, State,
    view::{DirectiveView, ResultView},
};
use maud::{Markup, html};

use crate::text::{LINE, ago, seconds, visible};

/// How much of a text names its directive, in characters: in questions and in lists of links.
const NAME: usize = 120;

/// Where a directive's own page is.
pub(crate) fn href(id: &str) -> String {
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/directives/{}", id.replace('+', "%20"))
}

/// Where a directive stands, as a badge.
pub(crate) fn state(state: State) -> Markup {
    let word = match state {
        State::Leased => "at work",
        State::Queued => "due",
        State::Waiting => "depends",
        state => state.as_str(),
    };
    html! { span class={ "state " (state.as_str()) } { (word) } }
}

/// How urgent a directive is.
pub(crate) fn priority(priority: Priority) -> Markup {
    html! { span class={ "priority " (priority.as_str()) } { (priority.as_str()) } }
}

/// The two ends of an id: enough to tell directives apart.
fn short(id: &str) -> Markup {
    let (start, end) = (id.get(..8).unwrap_or(id), id.get(id.len().saturating_sub(4)..).unwrap_or_default());
    html! { code.id { (start) "…" (end) } }
}

/// One directive in a list.
pub(crate) fn row(directive: &DirectiveView, now: Millis) -> Markup {
    let id = &directive.directive_id;
    html! {
        li.row id={ "d-" (id) } data-row {
            div.what {
                a.text href=(href(id)) { bdi { (visible(&directive.directive, LINE)) } }
                p.facts {
                    (state(directive.state))
                    (priority(directive.priority))
                    (tags(&directive.tags))
                    (standing(directive, now))
                    @if directive.attempt > 1 { span { "attempt " (directive.attempt) } }
                    @if let Some(agent) = &directive.agent { span { "only for " bdi { (visible(agent, 40)) } } }
                    (short(id))
                }
            }
            (actions(directive))
        }
    }
}

/// Who has it until when, when it will be due, or how long it waits or has ended.
fn standing(directive: &DirectiveView, now: Millis) -> Markup {
    html! {
        @match directive.state {
            State::Leased => {
                span { "with " bdi { (visible(directive.leased_by.as_deref().unwrap_or("an agent"), 40)) } }
                @if let Some(end) = &directive.lease_expires_at { span { "lease ends " (ago(end, now)) } }
            }
            State::Scheduled => span { "due " (ago(&directive.due_at, now)) },
            State::Queued | State::Waiting => span { "added " (ago(&directive.created_at, now)) },
            _ => @if let Some(end) = &directive.ended_at { span { "ended " (ago(end, now)) } },
        }
    }
}

/// One final result in a list.
pub(crate) fn ended(result: &ResultView, now: Millis) -> Markup {
    let id = &result.directive_id;
    let class = if result.success { State::Completed } else { State::Failed };
    html! {
        li.row id={ "r-" (id) } data-row {
            div.what {
                a.text href=(href(id)) { bdi { (visible(&result.directive, LINE)) } }
                @if !result.result.is_empty() { p.result { bdi { (visible(&result.result, LINE)) } } }
                @if let Some(error) = &result.error { p.error { bdi { (visible(error, LINE)) } } }
                p.facts {
                    (state(class))
                    (priority(result.priority))
                    (tags(&result.tags))
                    @if let Some(agent) = &result.agent { span { "by " bdi { (visible(agent, 40)) } } }
                    @if let Some(time) = result.execution_time { span { "took " (seconds(time)) } }
                    span { (ago(&result.timestamp, now)) }
                }
            }
            @if !result.success { div.do { (again(id, &result.directive, "Again")) } }
        }
    }
}

/// Labels, each leading to the list of those that carry it.
pub(crate) fn tags(tags: &[String]) -> Markup {
    html! {
        @for tag in tags {
            @let tag_query: String = form_urlencoded::byte_serialize(tag.as_bytes()).collect();
            a.tag href={ "/directives?tag=" (tag_query) } { bdi { (visible(tag, 40)) } }
        }
    }
}

/// What can be done about a directive where it stands.
pub(crate) fn actions(directive: &DirectiveView) -> Markup {
    let (id, text) = (&directive.directive_id, &directive.directive);
    html! {
        div.do {
            @match directive.state {
                State::Failed | State::Dead | State::Cancelled => (again(id, text, "Again")),
                State::Scheduled => (again(id, text, "Now")),
                _ => {}
            }
            @if !directive.state.is_final() { (button("cancel", id, text, "Cancel")) }
        }
    }
}

fn again(id: &str, text: &str, word: &str) -> Markup {
    button("retry", id, text, word)
}

fn button(what: &str, id: &str, text: &str, word: &str) -> Markup {
    let name = visible_name(text);
    html! {
        button.needs-js type="button" data-do=(what) data-id=(id) data-name=(name) aria-label={ (word) ": " (name) } {
            (word)
        }
    }
}

/// A text as plain words in an attribute; what is hidden in it is left out.
pub(crate) fn visible_name(text: &str) -> String {
    let shown = baton_model::bounds::shorten(text, NAME);
    shown.chars().map(|character| if baton_model::text::hides(character) { '\u{fffd}' } else { character }).collect()
}
